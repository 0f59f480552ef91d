package istio

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A syntaxError is where a document stops being YAML.
type syntaxError struct {
	line, column int
	problem      string
}

func (e *syntaxError) Error() string { return e.problem }

const secondDocument = "another document begins without a line ---"

var parserPrefix = regexp.MustCompile(`^yaml: (?:line \d+: )?`)

// parseYAML returns the top node of a text that is one document, nil if it is
// empty, or the parser's message without the line that it names.
func parseYAML(text string) (top *yaml.Node, message string) {
	defer func() {
		// The parser panics on states that it takes for impossible.
		if p := recover(); p != nil {
			top, message = nil, fmt.Sprint(p)
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, ""
	}
	if err == nil {
		if len(first.Content) > 0 {
			top = first.Content[0]
		}
		if err = decoder.Decode(&second); err == nil {
			return nil, secondDocument
		}
		if errors.Is(err, io.EOF) {
			return top, ""
		}
	}
	message = err.Error()
	return nil, message[len(parserPrefix.FindString(message)):]
}

// syntaxError gives a message of the parser its place. The parser names a line
// only at times, that of the surrounding construct, and counts from 0 or 1. But
// it reads from front to back, so the place is the end of the shortest
// beginning of the text that has the same fault.
func (d *document) syntaxError(message string) *syntaxError {
	fails := func(end int) bool {
		_, m := parseYAML(d.text[:end])
		return m == message
	}
	var starts []int
	for at := 0; at < len(d.text); at = lineEnd(d.text, at) {
		starts = append(starts, at)
	}
	n := sort.Search(len(starts)-1, func(i int) bool { return fails(starts[i+1]) })
	begin := starts[n]
	line := strings.TrimRight(d.text[begin:lineEnd(d.text, begin)], "\r\n")
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	at := indent
	switch name, isAnchor := strings.CutPrefix(message, "unknown anchor '"); {
	case isAnchor:
		at = max(at, strings.Index(line, "*"+strings.TrimSuffix(name, "' referenced")))
	case message == secondDocument, blockMessages[message]:
	default:
		at = sort.Search(len(line), func(i int) bool { return fails(begin + i + 1) })
		for at > 0 && at < len(line) && !utf8.RuneStart(line[at]) {
			at--
		}
		if at >= len(line) {
			at = indent
		}
	}
	return &syntaxError{
		line:    d.before + n + 1,
		column:  utf8.RuneCountInString(line[:at]) + 1,
		problem: "not readable as YAML: " + plainMessage(message, line[at:]),
	}
}

// plainMessage says what a message of the parser means at the text where it
// arose.
func plainMessage(message, at string) string {
	switch {
	case strings.HasPrefix(at, "\t"):
		return "a tab cannot indent"
	case message == "found unexpected end of stream":
		return "the string that begins here is not closed"
	case message == "found character that cannot start any token",
		message == "did not find expected alphabetic or numeric character":
		r, _ := utf8.DecodeRuneInString(at)
		return fmt.Sprintf("a value cannot begin with %q unless it is quoted", string(r))
	case message == "mapping values are not allowed in this context":
		return `": " cannot be here unless it is quoted`
	case message == "did not find expected <document start>":
		return secondDocument
	}
	return message
}

// blockMessages are about a line as a whole.
var blockMessages = map[string]bool{
	"did not find expected key":              true,
	"did not find expected '-' indicator":    true,
	"did not find expected <document start>": true,
	"could not find expected ':'":            true,
}
