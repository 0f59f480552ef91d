package descriptor

import "strings"

// A pattern matches the joined key and value of an entry. Its parts are the text
// between the asterisks.
type pattern []string

// newPattern returns nil if there is no asterisk in the name.
func newPattern(name string) pattern {
	if !strings.Contains(name, "*") {
		return nil
	}
	return strings.Split(name, "*")
}

func (p pattern) matches(key, value string) bool {
	first := p[0]
	if len(first) > len(key) {
		// The usual case: the key has no asterisk, and the value remains.
		return strings.HasPrefix(first, key) && first[len(key)] == '_' &&
			match(first[len(key)+1:], p[1:], value)
	}
	if !strings.HasPrefix(key, first) {
		return false
	}
	// An asterisk within the key. Only here the text is joined.
	return len(p) == 2 && p[1] == "" || match(first, p[1:], join(key, value))
}

// match reports whether the text is first, followed by each part after any text.
func match(first string, parts []string, text string) bool {
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[:last] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[last])
}
