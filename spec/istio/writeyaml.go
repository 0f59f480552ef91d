package istio

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The constructors of values that are written. Each returns nil for the zero value, which
// set leaves out.

func textValue(s string) *value {
	if s == "" {
		return nil
	}
	return &value{form: text, scalar: s}
}

func intValue(n int) *value {
	if n == 0 {
		return nil
	}
	return &value{form: number, scalar: fmt.Sprint(n)}
}

func boolValue(b bool) *value {
	if !b {
		return nil
	}
	return &value{form: boolean, scalar: "true"}
}

func listValue[T any](items []T, each func(*T) *value) *value {
	if len(items) == 0 {
		return nil
	}
	v := &value{form: list}
	for i := range items {
		v.elements = append(v.elements, each(&items[i]))
	}
	return v
}

// exactText is textValue for a text that is written even if it is empty.
func exactText(s *string) *value { return &value{form: text, scalar: *s} }

func textsValue(m map[string]string) *value {
	if len(m) == 0 {
		return nil
	}
	v := objectValue()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v.set(name, &value{form: text, scalar: m[name]})
	}
	return v
}

// objectValue returns an empty map.
func objectValue() *value { return &value{form: object} }

// set adds a field to a map, unless e is nil. It returns the map.
func (v *value) set(name string, e *value) *value {
	if e != nil {
		v.keys, v.elements = append(v.keys, key{name: name}), append(v.elements, e)
	}
	return v
}

// orNothing returns nil for an empty map.
func (v *value) orNothing() *value {
	if len(v.keys) == 0 {
		return nil
	}
	return v
}

// appendYAML appends a value as the block form of YAML, at an indentation. A map or a
// list begins on a new line, and all ends with a line end. first means that the text
// before ends with "- ", where a map begins on the same line.
func appendYAML(b []byte, v *value, indent int, first bool) []byte {
	switch {
	case v.form == object && len(v.keys) > 0:
		if !first {
			b = append(b, '\n')
		}
		for i, k := range v.keys {
			if i > 0 || !first {
				b = appendIndent(b, indent)
			}
			b = appendText(b, k.name, -1)
			b = append(b, ':')
			e := v.elements[i]
			deeper := indent + 2
			if e.form == list {
				deeper = indent // as kubectl writes lists
			}
			b = appendYAML(b, e, deeper, false)
		}
		return b
	case v.form == list && len(v.elements) > 0:
		if !first {
			b = append(b, '\n')
		}
		for i, e := range v.elements {
			if i > 0 || !first {
				b = appendIndent(b, indent)
			}
			b = append(b, '-', ' ')
			b = appendYAML(b, e, indent+2, true)
		}
		return b
	}
	if !first {
		b = append(b, ' ')
	}
	switch v.form {
	case object:
		b = append(b, "{}"...)
	case list:
		b = append(b, "[]"...)
	case null:
		b = append(b, "null"...)
	case boolean:
		b = fmt.Append(b, truth(v.scalar))
	case text:
		return append(appendText(b, v.scalar, indent), '\n')
	default:
		b = append(b, v.scalar...)
	}
	return append(b, '\n')
}

func appendIndent(b []byte, indent int) []byte {
	for range indent {
		b = append(b, ' ')
	}
	return b
}

// plainText are the texts that need no quotes, if they are not another kind of scalar
// either. It is less than YAML allows.
var plainText = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./*+@,=()|~^$-]*(?:[: ][A-Za-z0-9_./*+@,=()|~^$-]+)*$`)

// lookalike are texts that some readers of YAML take for times or for the end of a
// document.
var lookalike = regexp.MustCompile(`^[0-9].*[-:]|^\.+$`)

// appendText appends a text: plain if that means the same, in several lines at an
// indentation if it is one, or in quotes. A negative indentation means a key.
func appendText(b []byte, s string, indent int) []byte {
	switch {
	case plainText.MatchString(s) && plainForm(s) == text && !lookalike.MatchString(s):
		return append(b, s...)
	case indent >= 0 && isBlock(s):
		b = append(b, '|')
		if !strings.HasSuffix(s, "\n") {
			b = append(b, '-')
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
			b = append(b, '\n')
			if line != "" {
				b = append(appendIndent(b, max(indent, 2)), line...)
			}
		}
		return b
	}
	return appendQuoted(b, s)
}

// isBlock reports whether a text of several lines can be written without escapes.
func isBlock(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(body, "\n") || strings.HasSuffix(body, "\n") || strings.HasPrefix(body, "\n") || strings.HasPrefix(body, " ") {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.TrimRight(line, " ") != line {
			return false
		}
	}
	return !strings.ContainsFunc(body, func(c rune) bool { return c != '\n' && !isPrinted(c) })
}

// isPrinted reports whether a character stands for itself in quotes. Others are escaped:
// all that is not seen, and line ends of Unicode.
func isPrinted(c rune) bool {
	return c == ' ' || c < 0x80 && c > ' ' && c != 0x7f || c >= 0xa0 && c <= 0xffff && unicode.IsPrint(c) && c != utf8.RuneError && c != 0xfeff
}

// appendQuoted appends a text in double quotes.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case isPrinted(c):
			b = utf8.AppendRune(b, c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c <= 0xff:
			b = fmt.Appendf(b, `\x%02X`, c)
		case c <= 0xffff:
			b = fmt.Appendf(b, `\u%04X`, c)
		default:
			b = fmt.Appendf(b, `\U%08X`, c)
		}
	}
	return append(b, '"')
}

// appendComment appends a comment in lines of moderate length.
func appendComment(b []byte, s string) []byte {
	const width = 96
	line := "#"
	for word := range strings.FieldsSeq(s) {
		if len(line)+1+len(word) > width && line != "#" {
			b, line = append(append(b, line...), '\n'), "#"
		}
		line += " " + word
	}
	return append(append(b, line...), '\n')
}
