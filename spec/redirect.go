package spec

// A Redirect answers with a redirect (Istio's HTTPRedirect). What is not set is
// taken from the request.
type Redirect struct {
	// URI replaces the whole path. The request's query is kept unless URI has
	// a query of its own.
	URI string
	// PrefixRewrite replaces the prefix that the route's URI matched, instead
	// of URI. Under Native the prefix and the rest meet at exactly one slash.
	PrefixRewrite string
	// Authority replaces the host, port included.
	Authority string
	// Scheme is "http" or "https".
	Scheme string
	// Port is the port in the answer. Zero keeps the request's.
	Port int
	// DerivePort takes the port from the server instead of Port.
	DerivePort PortDerivation
	// Code is 301, 302, 303, 307 or 308. Zero is 301.
	Code int
}

// A PortDerivation says where a redirect's port comes from (Istio's
// HTTPRedirect.RedirectPortSelection).
type PortDerivation uint8

// The derivations of a redirect's port.
const (
	// PortUnset leaves the choice to Redirect.Port.
	PortDerivationNone PortDerivation = iota
	// PortFromProtocolDefault is 80 for http and 443 for https, not written.
	PortDerivationProtocolDefault
	// PortFromRequestPort is the number of the server's port.
	PortDerivationRequestPort
)
