package match

import (
	"strings"

	"github.com/lateengo/gateway/internal/escape"
	"github.com/lateengo/gateway/spec"
)

// The canonical form of a byte in a path.
const (
	pathPlain      = iota // unchanged, escaped or not
	pathUnreserved        // plain; its escape is decoded
	pathEscaped           // only as an escape
	pathSpecial           // %, \ and . need more checks
)

var pathBytes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '~':
			t[c] = pathUnreserved
		case c == '%', c == '\\', c == '.':
			t[c] = pathSpecial
		case c <= ' ', c >= 0x7f, strings.IndexByte("\"#<>?^`{|}", byte(c)) >= 0:
			t[c] = pathEscaped
		}
	}
	return t
}()

// Normalize returns the path as routes match it and destinations receive it, or
// false if Envoy answers 400. A normal path is returned unchanged, without
// allocation. raw begins with a slash and has no query.
func Normalize(n spec.PathNormalization, raw string) (string, bool) {
	if strings.IndexByte(raw, '#') >= 0 {
		return raw, false
	}
	if n == spec.NormalizeNone {
		return raw, true
	}
	path, verdict := normalizeOnce(n, raw)
	switch verdict {
	case pathRefused:
		return raw, false
	case pathDoubtful:
		// A % that begins no escape may begin one after the bytes behind it are
		// decoded ("%2%65"). Then the gateway would decide on a different path
		// than a destination reads.
		if again, verdict := normalizeOnce(n, path); again != path || verdict == pathRefused {
			return raw, false
		}
	}
	return path, true
}

// normalizeOnce normalizes a path in one pass.
func normalizeOnce(n spec.PathNormalization, path string) (string, pathVerdict) {
	verdict := pathFine
	if n == spec.NormalizeDecodeAndMergeSlashes {
		path = decodeSlashes(path)
	}
	if !isCanonical(path) {
		if path, verdict = canonicalPath(path); verdict == pathRefused {
			return path, verdict
		}
	}
	if n != spec.NormalizeBase && strings.Contains(path, "//") {
		path = mergeSlashes(path)
	}
	return path, verdict
}

// isCanonical reports whether canonicalPath would return path unchanged. It
// looks at every byte once, and may return false for such a path.
func isCanonical(path string) bool {
	for i := 0; i < len(path); i++ {
		switch pathBytes[path[i]] {
		case pathEscaped:
			return false
		case pathSpecial:
			if path[i] != '.' || i > 0 && path[i-1] == '/' {
				return false
			}
		}
	}
	return true
}

type pathVerdict uint8

const (
	pathFine pathVerdict = iota
	pathDoubtful
	pathRefused
)

// canonicalPath resolves dot segments, turns \ into /, decodes escapes of
// unreserved characters and escapes the characters that must be escaped. Other
// escapes keep their letter case. It refuses a path with an escaped or plain
// NUL; a path with a % that begins no escape is doubtful.
func canonicalPath(path string) (string, pathVerdict) {
	const hex = "0123456789ABCDEF"
	verdict := pathFine
	out := make([]byte, 0, len(path)+8)
	for i := 0; i < len(path); {
		c := path[i]
		switch pathBytes[c] {
		case pathPlain, pathUnreserved:
			out = append(out, c)
			i++
			continue
		case pathEscaped:
			if c == 0 {
				return path, pathRefused
			}
			out = append(out, '%', hex[c>>4], hex[c&15])
			i++
			continue
		}
		if dot := dotLength(path, i); dot > 0 {
			next, up, segment := dotSegment(path, i+dot)
			if !segment || out[len(out)-1] != '/' {
				out = append(out, '.')
				i += dot
				continue
			}
			if up {
				out = parent(out)
			}
			i = next
			continue
		}
		if c == '\\' {
			out = append(out, '/')
			i++
			continue
		}
		v, ok := escape.Decode(path, i)
		switch {
		case !ok:
			verdict = pathDoubtful
			out = append(out, '%')
			i++
		case v == 0:
			return path, pathRefused
		case pathBytes[v] == pathUnreserved:
			out = append(out, v)
			i += 3
		default:
			out = append(out, path[i:i+3]...)
			i += 3
		}
	}
	if string(out) == path {
		return path, verdict
	}
	return string(out), verdict
}

// dotLength returns the length of the dot at i in path: 1 plain, 3 escaped, 0
// if there is none.
func dotLength(path string, i int) int {
	if i < len(path) && path[i] == '.' {
		return 1
	}
	if v, ok := escape.Decode(path, i); ok && v == '.' {
		return 3
	}
	return 0
}

// dotSegment looks at the bytes after the first dot of a segment. segment
// reports whether the segment is "." or "..", up whether it is "..", and next
// is where the following segment begins.
func dotSegment(path string, i int) (next int, up, segment bool) {
	if i == len(path) {
		return i, false, true
	}
	if isSlash(path[i]) {
		return i + 1, false, true
	}
	if dot := dotLength(path, i); dot > 0 {
		i += dot
		if i == len(path) {
			return i, true, true
		}
		if isSlash(path[i]) {
			return i + 1, true, true
		}
	}
	return 0, false, false
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// parent removes the last segment from out, which ends in a slash. The first
// slash stays.
func parent(out []byte) []byte {
	i := len(out) - 1
	if i == 0 {
		return out
	}
	for i--; i > 0 && out[i] != '/'; i-- {
	}
	return out[:i+1]
}

// decodeSlashes decodes %2F and %5C.
func decodeSlashes(path string) string {
	first := -1
	for i := 0; i < len(path); i++ {
		if v, ok := escape.Decode(path, i); ok && isSlash(v) {
			first = i
			break
		}
	}
	if first < 0 {
		return path
	}
	out := append(make([]byte, 0, len(path)), path[:first]...)
	for i := first; i < len(path); i++ {
		c := path[i]
		if v, ok := escape.Decode(path, i); ok && isSlash(v) {
			c = v
			i += 2
		}
		out = append(out, c)
	}
	return string(out)
}

// mergeSlashes replaces several slashes by one.
func mergeSlashes(path string) string {
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '/' && i > 0 && path[i-1] == '/' {
			continue
		}
		out = append(out, path[i])
	}
	return string(out)
}
