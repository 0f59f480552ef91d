package resource

// IsLabel reports whether s is one label of a DNS name: letters, digits and
// inner hyphens, at most 63 characters.
func IsLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !IsAlphanumeric(c) && c != '-' {
			return false
		}
	}
	return true
}

// IsAlphanumeric reports whether c is an ASCII letter or digit.
func IsAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
