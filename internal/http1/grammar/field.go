// Package grammar reads the parts of HTTP/1.1 messages that requests and responses
// have in common, as RFC 9110 and RFC 9112 define them: lines, fields, lengths and
// chunk sizes. It detects every error that they require to detect, and repairs none.
package grammar

import "strings"

// A Field is one header line. Key is canonical; Value has no white space around it.
type Field struct{ Key, Value string }

// The problems of a line that is no field.
const (
	BadName  = "header name"
	BadValue = "control character in a header"
)

// ParseField reads a header line without its end. The problem is empty if there is
// none.
func ParseField(line string) (f Field, problem string) {
	key, n := ParseKey(line)
	if n <= 0 {
		return Field{}, BadName
	}
	value := Trim(line[n+1:])
	if !IsText(value) {
		return Field{}, BadValue
	}
	return Field{key, value}, ""
}

// Trim removes spaces and tabs around s.
func Trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// IsWord reports whether s is a word of ASCII letters, in any case. strings.EqualFold alone
// would also take letters of other scripts that fold into ASCII, as the Kelvin sign does.
func IsWord(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

// IsText reports whether s has no control characters except tabs.
func IsText(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
