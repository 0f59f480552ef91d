package istio

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
	"weak"
)

// A document is one YAML document of a file. It keeps its text rather than its
// tree: declarations live as long as a gateway, and positions are needed only for
// findings.
type document struct {
	file string
	text string
	// before is the number of lines of the file before text.
	before int
	// content is set if the document is remembered. It has one resource then.
	content *content
	// key is that of the entry of a ConfigMap that is the document, or "".
	key string

	mu   sync.Mutex
	tree weak.Pointer[value]
}

// split cuts text at its document markers. It does not parse the text: YAML forbids
// a marker at the start of a line inside any scalar. So a document that does not
// parse leaves the others readable.
func split(file, text string) []*document {
	var docs []*document
	start, startLine := 0, 0
	// Directives belong to the document of the next marker, if there are only
	// comments before it.
	directives, content := false, false
	flush := func(end int) {
		if strings.TrimSpace(text[start:end]) != "" {
			docs = append(docs, &document{file: file, text: yamlText(text[start:end]), before: startLine})
		}
	}
	for at, line := 0, 0; at < len(text); line++ {
		next := lineEnd(text, at)
		switch l := text[at:next]; {
		case isMarker(l, "---"):
			if !directives {
				flush(at)
				start, startLine = at, line
			}
			directives, content = false, true
		case isMarker(l, "..."):
			flush(at)
			start, startLine = next, line+1
			directives, content = false, false
		case l[0] == '%' && !content:
			directives = true
		case !isComment(l):
			content = true
		}
		at = next
	}
	flush(len(text))
	return docs
}

// yamlText returns a document in the form for the parser.
func yamlText(text string) string {
	const newer, known = "%YAML 1.2", "%YAML 1.1"
	for at := 0; at < len(text); at = lineEnd(text, at) {
		if strings.HasPrefix(text[at:], newer) {
			return text[:at] + known + text[at+len(known):]
		}
		if !isComment(text[at:lineEnd(text, at)]) {
			break
		}
	}
	return jsonText(text)
}

// jsonText returns a document without the JSON escapes that YAML lacks: the parser
// does not know \/, nor surrogate pairs for characters beyond the basic plane.
func jsonText(text string) string {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || !strings.Contains(text, `\`) || !json.Valid([]byte(text)) {
		return text
	}
	var b strings.Builder
	for {
		before, escape, ok := strings.Cut(text, `\`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		length := 1
		switch {
		case escape[0] == '/':
			b.WriteByte('/')
		case escape[0] != 'u':
			b.WriteString(`\` + escape[:1])
		default:
			length = 5
			r := codeUnit(escape)
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, codeUnit(strings.TrimPrefix(escape[length:], `\`)))
				if r != utf8.RuneError {
					length += 6
				}
			}
			fmt.Fprintf(&b, `\U%08X`, r)
		}
		text = escape[length:]
	}
}

// codeUnit returns the code unit of an escape, "u" and four digits, or 0.
func codeUnit(escape string) rune {
	if len(escape) < 5 || escape[0] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(escape[1:5], 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// lineEnd returns the start of the line after the one at at.
func lineEnd(text string, at int) int {
	rest := text[at:]
	newline := strings.IndexByte(rest, '\n')
	line := rest
	if newline >= 0 {
		line = rest[:newline]
	}
	switch i := strings.IndexByte(line, '\r'); {
	case i >= 0 && i+1 != newline:
		return at + i + 1
	case newline >= 0:
		return at + newline + 1
	}
	return len(text)
}

func isMarker(line, marker string) bool {
	rest, ok := strings.CutPrefix(line, marker)
	return ok && (rest == "" || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// isComment reports whether a line contains only a comment or nothing.
func isComment(line string) bool {
	trimmed := strings.TrimSpace(line)
	return trimmed == "" || trimmed[0] == '#'
}

// readable returns data as text without a byte order mark. If it is not UTF-8,
// problem describes this, with the place.
func readable(data []byte) (text, problem string, line, column int) {
	switch {
	case len(data) >= 2 && (data[0] == 0xFE && data[1] == 0xFF || data[0] == 0xFF && data[1] == 0xFE):
		return "", "the text is UTF-16; it must be UTF-8", 1, 1
	case !utf8.Valid(data):
		line, column = 1, 1
		for len(data) > 0 {
			r, size := utf8.DecodeRune(data)
			if r == utf8.RuneError && size == 1 {
				break
			}
			if column++; r == '\n' {
				line, column = line+1, 1
			}
			data = data[size:]
		}
		return "", "the text is not UTF-8", line, column
	}
	return strings.TrimPrefix(string(data), "\uFEFF"), "", 0, 0
}
