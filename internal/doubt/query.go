package doubt

import (
	"net/url"
	"strings"
)

// A Names is a set of names, each with a number from 0.
type Names map[string]int

// HasOneReading reports whether a query can be parsed, and has each of some parameters at
// most once. It cannot be parsed if an escape in it is none, or if it has a semicolon:
// some servers take that for an ampersand (url.ParseQuery).
func HasOneReading(query string, asked Names) bool {
	if len(asked) == 0 || query == "" {
		return true
	}
	var few [4]uint64
	seen := few[:]
	if len(asked) > 64*len(few) {
		seen = make([]uint64, (len(asked)+63)/64)
	}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if !isForm(name) || !isForm(value) {
			return false
		}
		if strings.ContainsAny(name, "%+") {
			name, _ = url.QueryUnescape(name)
		}
		if at, ok := asked[name]; ok && pair != "" {
			if seen[at/64]&(1<<(at%64)) != 0 {
				return false
			}
			seen[at/64] |= 1 << (at % 64)
		}
	}
	return true
}

// isForm reports whether each % begins an escape, and there is no semicolon.
func isForm(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ';':
			return false
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		}
	}
	return true
}

func isHex(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f'
}
