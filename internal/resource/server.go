package resource

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// IsSecure reports whether a server's connections begin with TLS.
func IsSecure(server *spec.Server) bool {
	if server.Protocol != "" {
		return strings.EqualFold(string(server.Protocol), "HTTPS") || strings.EqualFold(string(server.Protocol), "TLS")
	}
	return server.TLS != nil && server.TLS.Mode != spec.TLSUnset && server.TLS.Mode != spec.TLSPassthrough
}
