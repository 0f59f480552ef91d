// Package rawpath reads and writes the path of a URL as the bytes on the wire.
//
// A url.URL keeps its path decoded, and the encoded form in addition if it is
// not the usual one. url.URL.EscapedPath re-encodes a path with bytes that it
// finds unusual, such as `\` or `"`; a proxy must forward those unchanged.
package rawpath

import (
	"net/url"
	"strings"
)

// Of returns the path of u as it was sent, without the query.
//
// It is RawPath if that decodes to Path, or if both are the same text with an
// invalid escape, as Set leaves it. Otherwise it is Path in the default
// encoding of net/url. A RawPath that does not fit Path is stale and ignored.
// An empty path is "/", and the Path "*" of an OPTIONS request stays "*". Of
// does not allocate unless Path holds bytes that must be escaped and RawPath is
// empty or stale. It ignores Opaque.
func Of(u *url.URL) string {
	if u.RawPath != "" && encodes(u.RawPath, u.Path) {
		return u.RawPath
	}
	return encode(u.Path)
}

// Set sets the path of u to raw: Path is raw with its escapes decoded, and
// RawPath is raw if the default encoding of Path would be another text. Of
// returns raw again, byte for byte, except that it returns "/" for "". If raw
// holds an invalid escape, such as "%zz", both are raw. Set treats a "?" as a
// part of the path; it does not allocate for a raw path without escapes.
func Set(u *url.URL, raw string) {
	if strings.IndexByte(raw, '%') < 0 {
		u.Path, u.RawPath = raw, ""
		if !isPlain(raw) && raw != "*" {
			u.RawPath = raw
		}
		return
	}
	u.RawPath = raw
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		u.Path = raw
		return
	}
	u.Path = decoded
	if decoded != "*" && encode(decoded) == raw {
		u.RawPath = ""
	}
}

// encodes reports whether raw is an encoding of path.
func encodes(raw, path string) bool {
	if len(raw) < len(path) {
		return false
	}
	j := 0
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return raw == path
			}
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			i += 2
		}
		if j == len(path) || path[j] != c {
			// Only an invalid escape further on can still make raw an encoding.
			return raw == path && !valid(raw)
		}
		j++
	}
	return j == len(path)
}

// valid reports whether every "%" in raw begins an escape.
func valid(raw string) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			continue
		}
		if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
			return false
		}
		i += 2
	}
	return true
}

// encode returns path in the encoding that net/url uses when RawPath is empty.
func encode(path string) string {
	switch {
	case path == "":
		return "/"
	case path == "*" || isPlain(path):
		return path
	}
	return (&url.URL{Path: path}).EscapedPath()
}

// isPlain reports whether path is its own default encoding.
func isPlain(path string) bool {
	for i := 0; i < len(path); i++ {
		if !plain[path[i]] {
			return false
		}
	}
	return true
}

// plain are the bytes that net/url does not escape in a path: the unreserved
// bytes of RFC 3986, and the reserved bytes without a special meaning there.
var plain = func() (t [256]bool) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = true
	}
	for _, c := range []byte("-_.~$&+,/:;=@") {
		t[c] = true
	}
	return t
}()

func isHex(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
