package field

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

// IsControl reports whether c is a control character other than a tab.
func IsControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
