package doubt

// MaxMethod is the length of the longest method that strict gateways accept.
const MaxMethod = 32

// PathIsPlain reports whether a path, as it was sent, is read alike by servers that decode
// it once more, cut off parameters, dots or spaces at the end of a segment, take other
// characters for a slash or a dot, or decode UTF-8 carelessly. The segments "." and ".."
// are plain: everybody resolves them.
func PathIsPlain(path string) bool {
	for i := 0; i < len(path); i++ {
		if pathBytes[path[i]] != 0 {
			return isPlainPath(path)
		}
	}
	return true
}

// pathBytes are the bytes that a path may have that is not plain.
var pathBytes = func() (t [256]uint8) {
	for _, c := range []byte(`%;.\`) {
		t[c] = 1
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = 1
	}
	return t
}()

// A pathSegment is what was read of a segment. Escaped slashes end segments, too.
type pathSegment struct {
	bytes, dots int // dots are counted while there is nothing else
	last        byte
	// hidden means that an escaped slash is before the segment.
	hidden bool
}

func isPlainPath(path string) bool {
	var s pathSegment
	var before, beforeThat byte // the last bytes, decoded
	for i := 0; i < len(path); i++ {
		c, escaped := path[i], false
		switch {
		case c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			c, escaped = unhex(path[i+1])<<4|unhex(path[i+2]), true
			i += 2
		case c == ';', c == '\\':
			return false
		}
		switch {
		case beforeThat == '%' && isHex(before) && isHex(c):
			return false // an escape of an escape, whose digits may be escaped too
		case isOverlong(before, c), beforeThat == 0xef && before == 0xbc && isWideForm(c):
			return false
		case c == ';' && s.dots > 0 && s.dots == s.bytes:
			return false
		}
		beforeThat, before = before, c
		if c == '/' || c == '\\' {
			if !s.ends(escaped) {
				return false
			}
			s = pathSegment{hidden: escaped}
			continue
		}
		if c == '.' && s.dots == s.bytes {
			s.dots++
		}
		s.bytes++
		s.last = c
	}
	return s.ends(false)
}

// ends reports whether a segment is plain. hidden means that an escaped slash ends it.
func (s *pathSegment) ends(hidden bool) bool {
	if s.bytes == 0 {
		return true
	}
	if s.dots == s.bytes && s.dots <= 2 {
		return !hidden && !s.hidden
	}
	return s.last > ' ' && s.last != 0x7f && s.last != '.'
}

// isOverlong reports whether two bytes begin a character in more bytes than it needs.
func isOverlong(first, second byte) bool {
	if second&0xc0 != 0x80 {
		return false
	}
	switch first {
	case 0xc0, 0xc1:
		return true
	case 0xe0:
		return second < 0xa0
	case 0xf0:
		return second < 0x90
	case 0xf8:
		return second < 0x88
	case 0xfc:
		return second < 0x84
	}
	return false
}

// isWideForm reports whether U+FF00 and the following characters have one that some servers
// take for a percent sign, a dot, a slash or a backslash: its last byte in UTF-8.
func isWideForm(last byte) bool {
	return last == 0x85 || last == 0x8e || last == 0x8f || last == 0xbc
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
