package field

// Value returns s with a space in the place of every control character: a
// computed value must not end its line, whatever a certificate or a decoded
// query parameter holds.
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

func IsControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
