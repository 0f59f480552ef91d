// Package doubt finds what two readers of one request could read differently: its host,
// the length of its body, its path. It has functions only, and decides for all servers
// of HTTP alike.
package doubt

import (
	"net/netip"
	"strings"
)

// IsAuthority reports whether s is a host with an optional port, as RFC 9110 (section
// 7.2) and RFC 3986 (section 3.2) define it, that everybody reads alike. The port is a
// number up to 65535, or empty. The host is not empty, has no escapes, and in brackets it
// is an IPv6 address without a zone. Nobody may log in: an @ is no part of it.
func IsAuthority(s string) bool {
	port := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || strings.IndexByte(s[:end], '%') >= 0 {
			return false
		}
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() {
			return false
		}
		if port = s[end+1:]; port == "" {
			return true
		}
		if port[0] != ':' {
			return false
		}
		return isPort(port[1:])
	}
	n := 0
	for n < len(s) && nameBytes[s[n]] {
		n++
	}
	if n == 0 || n < len(s) && (s[n] != ':' || !isPort(s[n+1:])) {
		return false
	}
	return true
}

// isPort reports whether s is the number of a port, or empty, which is the usual port.
func isPort(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 || i == 5 {
			return false
		}
		n = 10*n + int(c)
	}
	return n <= 65535
}

// nameBytes are the bytes of a host name (RFC 3986, reg-name) without escapes.
var nameBytes = func() (t [256]bool) {
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range []byte("0123456789-._~!$&'()*+,;=") {
		t[c] = true
	}
	return t
}()

// IsDNSAuthority reports whether an authority has the name of a host in DNS, an underscore
// included, or an IP address. Each label has 1 to 63 bytes, and the name at most 253. A dot
// may end it.
func IsDNSAuthority(s string) bool {
	if !IsAuthority(s) {
		return false
	}
	if s[0] == '[' {
		return true
	}
	name, _, _ := strings.Cut(s, ":")
	name = strings.TrimSuffix(name, ".")
	if len(name) > 253 {
		return false
	}
	label := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			if label == 0 || label > 63 {
				return false
			}
			label = 0
			continue
		}
		if c := name[i]; c != '-' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
		label++
	}
	return true
}
