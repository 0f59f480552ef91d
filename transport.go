package gateway

import "github.com/lateengo/gateway/internal/upstream"

// A Transport is an HTTP/1.1 client for services and backend URLs.
type Transport uint8

const (
	// TransportDirect is Lateen's own client, which is the default. It writes a
	// request and reads its response in the handler's goroutine, and accepts only
	// strictly correct responses.
	TransportDirect Transport = iota
	// TransportNetHTTP is net/http's client. It is more lenient. For example, it
	// accepts lines that end in a bare LF or are folded, repeated Content-Length
	// headers, and a Transfer-Encoding beside a Content-Length. It may use a
	// response that a backend sent without a request as the answer to the next
	// request. It may fail a request on a connection that the backend has just
	// closed.
	TransportNetHTTP
)

// Transport selects the HTTP/1.1 client for services and URLs. The default is
// TransportDirect.
func (b *Builder) Transport(t Transport) *Builder {
	b.options.Transport = upstream.Direct
	if t == TransportNetHTTP {
		b.options.Transport = upstream.NetHTTP
	}
	return b
}
