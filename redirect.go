package gateway

// A Redirect answers with a redirect (Istio's HTTPRedirect). What is not set is
// taken from the request.
type Redirect struct {
	// URI replaces the whole path. The request's query is kept unless URI has
	// a query of its own.
	URI string
	// PrefixRewrite replaces the prefix that matched, instead of URI.
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
	PortUnset PortDerivation = iota
	// PortFromProtocolDefault is 80 for http and 443 for https, not written.
	PortFromProtocolDefault
	// PortFromRequestPort is the number of the server's port.
	PortFromRequestPort
)

// A DirectResponse answers with a fixed response (Istio's HTTPDirectResponse).
type DirectResponse struct {
	// Status is the HTTP status, 200 to 599.
	Status int
	// Body is at most 1 MiB. It is sent as text/plain unless the route's
	// response headers say otherwise.
	Body []byte
}
