package gateway

import "github.com/lateengo/gateway/internal/upstream"

// A Transport is an HTTP/1.1 client for services and backend URLs.
type Transport uint8

const (
	// TransportDirect is Lateen's own client: it writes a request and reads its
	// response in the handler's goroutine, and is strict about what it reads. It is
	// the default.
	TransportDirect Transport = iota
	// TransportNetHTTP is net/http's client. It is more lenient: among other things
	// it accepts lines that end in a bare LF or are folded, repeats of
	// Content-Length, and a Transfer-Encoding beside a Content-Length. It may take a
	// response that a backend sent unasked for the answer to the next request, and
	// it may fail a request on a connection that the backend closed a moment before.
	TransportNetHTTP
)

// Transport chooses the client that speaks HTTP/1.1 to services and URLs. The
// default is TransportDirect.
func (b *Builder) Transport(t Transport) *Builder {
	b.options.Transport = upstream.Direct
	if t == TransportNetHTTP {
		b.options.Transport = upstream.NetHTTP
	}
	return b
}
