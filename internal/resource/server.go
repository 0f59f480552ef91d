package resource

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// IsSecure reports whether a server's connections begin with TLS.
func IsSecure(server *spec.Server) bool {
	if server.Protocol != "" {
		return strings.EqualFold(server.Protocol, "HTTPS") || strings.EqualFold(server.Protocol, "TLS")
	}
	return server.TLS != nil && server.TLS.Mode != spec.TLSPassthrough
}
