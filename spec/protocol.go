package spec

// A Protocol is the protocol of a port (Istio's Port.protocol), in any letter
// case. The zero value means the field's default.
type Protocol string

// The protocols of HTTP servers and services. Istio's other protocols, such as
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

// A TLSVersion is Istio's name of a TLS version
// (ServerTLSSettings.TLSProtocol). The zero value means the field's default.
type TLSVersion string

// The versions of TLS.
const (
	TLSVersion10 TLSVersion = "TLSV1_0"
	TLSVersion11 TLSVersion = "TLSV1_1"
	TLSVersion12 TLSVersion = "TLSV1_2"
	TLSVersion13 TLSVersion = "TLSV1_3"
)
