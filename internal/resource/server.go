package resource

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// HTTPProtocols are the protocols of servers whose requests Lateen serves.
var HTTPProtocols = []string{"HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB"}

// OtherProtocols are the other protocols that Istio accepts in a Gateway.
var OtherProtocols = []string{"TCP", "TLS", "HTTP_PROXY", "MONGO", "REDIS", "MYSQL", "UDP"}

// IsSecure reports whether a server's connections begin with TLS.
func IsSecure(server *spec.Server) bool {
	if server.Protocol != "" {
		return strings.EqualFold(string(server.Protocol), "HTTPS") || strings.EqualFold(string(server.Protocol), "TLS")
	}
	return server.TLS != nil && server.TLS.Mode != spec.TLSUnset && server.TLS.Mode != spec.TLSPassthrough
}

// ServesHTTP reports whether the gateway can read HTTP on a server's connections.
// It cannot if the server forwards bytes, or TLS without terminating it.
func ServesHTTP(server *spec.Server) bool {
	protocol := strings.ToUpper(string(server.Protocol))
	if protocol != "" && !slices.Contains(HTTPProtocols, protocol) {
		return false
	}
	return !IsSecure(server) || server.TLS != nil && server.TLS.Mode != spec.TLSUnset && !PassesThrough(server)
}

// PassesThrough reports whether a server forwards TLS connections without
// terminating them.
func PassesThrough(server *spec.Server) bool {
	return IsSecure(server) && server.TLS != nil && (server.TLS.Mode == spec.TLSPassthrough || server.TLS.Mode == spec.TLSAutoPassthrough)
}
