package spec

// A Protocol is what is spoken on a port (Istio's Port.protocol). Letter case does not
// count. The zero value leaves the choice to the field's default.
type Protocol string

// The protocols that HTTP servers and services have. Others that Istio knows, such as
// MONGO or TCP, are for services only.
const (
	ProtocolHTTP    Protocol = "HTTP"
	ProtocolHTTPS   Protocol = "HTTPS"
	ProtocolHTTP2   Protocol = "HTTP2"
	ProtocolGRPC    Protocol = "GRPC"
	ProtocolGRPCWeb Protocol = "GRPC-WEB"
	ProtocolTCP     Protocol = "TCP"
	ProtocolTLS     Protocol = "TLS"
)

// A TLSVersion is a version of TLS, by Istio's name for it (ServerTLSSettings.TLSProtocol).
// The zero value leaves the choice to the field's default.
type TLSVersion string

// The versions of TLS.
const (
	TLSVersion10 TLSVersion = "TLSV1_0"
	TLSVersion11 TLSVersion = "TLSV1_1"
	TLSVersion12 TLSVersion = "TLSV1_2"
	TLSVersion13 TLSVersion = "TLSV1_3"
)
