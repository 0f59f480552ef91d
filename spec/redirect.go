package spec

// A Redirect answers with a redirect (Istio's HTTPRedirect). Parts of the URL
// that it does not set come from the request.
type Redirect struct {
	// URI replaces the whole path. The query of the request stays unless URI
	// has its own query.
	URI string
	// PrefixRewrite is used instead of URI. It replaces the prefix that the URI
	// of the route matched. With Native semantics, exactly one slash joins the
	// prefix and the rest.
	PrefixRewrite string
	// Authority replaces the host and its port.
	Authority string
	// Scheme is "http" or "https".
	Scheme string
	// Port is the port in the redirect. Zero keeps the port of the request.
	Port int
	// DerivePort derives the port from the server instead of Port.
	DerivePort PortDerivation
	// Code is 301, 302, 303, 307 or 308. Zero means 301.
	Code int
}

// A PortDerivation selects where the port of a redirect comes from (Istio's
// HTTPRedirect.RedirectPortSelection).
type PortDerivation uint8

// The values of PortDerivation.
const (
	// PortDerivationNone uses Redirect.Port.
	PortDerivationNone PortDerivation = iota
	// PortDerivationProtocolDefault adds no port, exactly as without a Port. The
	// port of the Host header stays with its host, unless it is the default port
	// of the scheme that the redirect replaces.
	PortDerivationProtocolDefault
	// PortDerivationRequestPort is the number of the server's port.
	PortDerivationRequestPort
)
