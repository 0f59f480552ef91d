package header

import (
	"strings"
)

// isAuthority reports whether a header's name means the Host header.
func isAuthority(name string) bool {
	return strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
}

// IsHost reports whether an operation's name means the Host header.
func IsHost(name string) bool {
	return strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
}
