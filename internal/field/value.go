package field

import "strings"

// Value returns s with every control character replaced by a space. So a computed
// value cannot end its line, whatever a certificate or a decoded query parameter
// contains.
func Value(s string) string {
	for i := 0; i < len(s); i++ {
		if IsControl(s[i]) {
			out := []byte(s)
			for j := i; j < len(out); j++ {
				if IsControl(out[j]) {
					out[j] = ' '
				}
			}
			return string(out)
		}
	}
	return s
}

// IsName reports whether a name is one of a header: a token of RFC 9110.
func IsName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
}

// IsControl reports whether c is a control character other than a tab.
func IsControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
