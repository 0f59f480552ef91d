// Package escape decodes percent-escapes in paths and queries. It has functions only
// and is used by the packages that normalize, rewrite or compare them.
package escape

import "strings"

// IsHexDigit reports whether c is a hexadecimal digit.
func IsHexDigit(c byte) bool {
	_, ok := HexDigit(c)
	return ok
}

// Decode decodes the escape at path[i], if there is one.
func Decode(path string, i int) (byte, bool) {
	if i+2 >= len(path) || path[i] != '%' {
		return 0, false
	}
	hi, ok1 := HexDigit(path[i+1])
	lo, ok2 := HexDigit(path[i+2])
	return hi<<4 | lo, ok1 && ok2
}

// HexDigit returns the value of a hexadecimal digit, and whether c is one.
func HexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// All returns a text with all its escapes decoded.
func All(text string) string {
	i := strings.IndexByte(text, '%')
	if i < 0 {
		return text
	}
	out := append(make([]byte, 0, len(text)), text[:i]...)
	for ; i < len(text); i++ {
		if c, ok := Decode(text, i); ok {
			out = append(out, c)
			i += 2
		} else {
			out = append(out, text[i])
		}
	}
	return string(out)
}
