package match

import (
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// IsOrdinary reports whether a path is both its own encoding and its own normal
// form, in one pass. It may return false for such a path.
func IsOrdinary(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	if len(path) < word.Size {
		return hasOrdinaryBytes(path)
	}
	for i := 0; i < len(path); i += word.Size {
		// The last word may overlap the one before.
		at := min(i, len(path)-word.Size)
		w := word.At(path, at)
		// Letters, digits, - / : and ; are ordinary after any other byte.
		plain := word.Letters(w) | word.In(w, '-', ';')&^word.In(w, '.', '.')
		if !word.Every(plain, w) && !hasOrdinaryBytes(path[max(at-1, 0):at+word.Size]) {
			return false
		}
	}
	return true
}

// hasOrdinaryBytes reports whether all bytes of a part of a path are ordinary,
// and no dot follows a slash.
func hasOrdinaryBytes(part string) bool {
	before := byte(0)
	for i := 0; i < len(part); i++ {
		c := part[i]
		if !ordinaryBytes[c] || c == '.' && before == '/' {
			return false
		}
		before = c
	}
	return true
}

var ordinaryBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = pathBytes[c] == pathUnreserved || strings.IndexByte("$&+,/:;=@.", byte(c)) >= 0 && c != 0
	}
	return t
}()
