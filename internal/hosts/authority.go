package hosts

import (
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// IsPlainName reports whether a Host header is valid and only a name in lower
// case, without a port. It may return false for such a name.
func IsPlainName(authority string) bool {
	n := len(authority)
	for i := 0; i < n; i += word.Size {
		var w uint64
		if n < word.Size {
			w = word.Rest(authority) | word.Fill('-', n)
		} else {
			// The last word may overlap the one before.
			w = word.At(authority, min(i, n-word.Size))
		}
		if !word.Every(word.In(w, 'a', 'z')|word.In(w, '0', '9')|word.In(w, '-', '.'), w) {
			return false
		}
	}
	return true
}

// WithoutPort returns authority without its port. An IPv6 literal keeps its brackets.
func WithoutPort(authority string) string {
	if i := PortStart(authority); i >= 0 {
		return authority[:i]
	}
	return authority
}

// PortStart returns the index of the colon before the port, or -1.
func PortStart(authority string) int {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.IndexByte(authority[i:], ']') >= 0 {
		return -1
	}
	return i
}

// WithoutFinalDot returns authority without the dot at the end of its host, and whether
// there was one. A host that is only a dot keeps it.
func WithoutFinalDot(authority string) (string, bool) {
	n := len(authority)
	if n < 2 {
		return authority, false
	}
	if authority[n-1] == '.' {
		return authority[:n-1], true
	}
	// Before a port of up to five digits.
	for i := n - 1; i > 1 && i >= n-6; i-- {
		if c := authority[i]; c == ':' {
			if authority[i-1] == '.' {
				return authority[:i-1] + authority[i:], true
			}
			break
		} else if c < '0' || c > '9' {
			break
		}
	}
	return authority, false
}

// Valid reports whether a Host header is a host with an optional port. An empty
// header is accepted: the HTTP server refuses it when HTTP requires that.
func Valid(authority string) bool {
	host, rest := authority, ""
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return false
		}
		host, rest = authority[1:end], authority[end+1:]
		if rest != "" && rest[0] != ':' {
			return false
		}
		for i := 0; i < len(host); i++ {
			if !authorityBytes[host[i]] && host[i] != ':' {
				return false
			}
		}
	} else {
		if i := strings.IndexByte(authority, ':'); i >= 0 {
			host, rest = authority[:i], authority[i:]
		}
		for i := 0; i < len(host); i++ {
			if !authorityBytes[host[i]] {
				return false
			}
		}
	}
	// Envoy does not require the port to be a number.
	for i := 1; i < len(rest); i++ {
		if !authorityBytes[rest[i]] {
			return false
		}
	}
	return true
}

// authorityBytes are the bytes of a host name (RFC 3986, reg-name).
var authorityBytes = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
			strings.IndexByte("-._~!$&'()*+,;=%", b) >= 0 && b != 0
	}
	return t
}()
