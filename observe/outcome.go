// Package observe describes what became of a request, for logs, metrics and
// traces. A Gateway hands one Outcome to each Observer when a request is over: also
// for requests that it refuses, and for answers of its own.
package observe

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"
)

// An Observer gets the Outcome of every request. Builder.Observe registers it.
//
// Observe is called in the goroutine of the request, after its end, and
// concurrently for different requests. It must not block: the client's next request
// waits for it. The Outcome is valid until Observe returns; a copy of the struct can
// be kept.
type Observer interface {
	Observe(*Outcome)
}

// A Func is an Observer.
type Func func(*Outcome)

// Observe calls f.
func (f Func) Observe(o *Outcome) { f(o) }

// A HeaderReader is an Observer that needs headers. Without one, no header is kept.
type HeaderReader interface {
	Observer
	// Headers returns the names of the headers that the Observer reads from
	// Outcome.RequestHeader and Outcome.ResponseHeader. It is called once, when
	// the Observer is registered.
	Headers() (request, response []string)
}

// A ContextObserver is an Observer that needs the context of the request, such as one
// for traces. ObserveContext is called instead of Observe. For a mirror the context is
// one of its own, with the values of the request's.
type ContextObserver interface {
	Observer
	ObserveContext(ctx context.Context, o *Outcome)
}

// An Outcome is what became of a request.
type Outcome struct {
	// Start is when the gateway received the request. Duration is the time until
	// the end of the response, or of the connection after an upgrade. FirstByte
	// is the time until the header of the response was sent; zero if none was.
	Start               time.Time
	Duration, FirstByte time.Duration

	// Method, Scheme, Authority and Path are those that the client sent. Path
	// has the query. Protocol is "HTTP/1.1" or "HTTP/2".
	Method, Scheme, Authority, Path string
	Protocol                        string
	// RequestID is the x-request-id of the request, if it reached a destination
	// or was logged.
	RequestID string
	// PeerAddress is the other end of the connection, with its port.
	// ClientAddress is the trusted address of the client, without a port.
	PeerAddress, ClientAddress string
	// LocalAddress is the end of the connection at the gateway, if the server
	// provides it. ServerName is the SNI of a TLS connection. TLS means that
	// there is one.
	LocalAddress, ServerName string
	TLS                      bool
	// TLSState is the TLS connection, nil for plain text. It must not be changed.
	TLSState *tls.ConnectionState
	// RequestHeader and ResponseHeader have the headers that observers asked
	// for, as HeaderReader describes. They are nil if there are none.
	RequestHeader, ResponseHeader http.Header

	// Listener, RouteConfig and VirtualHost are as in gateway.Decision.
	Listener, RouteConfig, VirtualHost string
	// VirtualService is the namespace and name of the route's resource, and Route
	// the names of the route and the match, as in Envoy: "route.match". They are
	// empty if no route matched, or if they have no name.
	VirtualService, Route string
	// Destination is where the request was sent. It is nil if the gateway
	// answered by itself.
	Destination *Destination
	// Endpoint is the address of the last endpoint that was tried, "host:port" or
	// the path of a socket. It is empty for a handler in this process.
	Endpoint string
	// UpstreamProtocol is the protocol of the response of the endpoint, "HTTP/1.1" or
	// "HTTP/2"; "" without a response, and for a handler in this process.
	UpstreamProtocol string
	// Sent is the time from Start until the last try began. It is zero if the
	// gateway answered by itself.
	Sent time.Duration
	// Tries are the tries before the last one, each of which failed. It is empty
	// for most requests.
	Tries []Try

	// Status is the status of the response; 0 if there was none. GRPCStatus is
	// the status of a gRPC response, "" if there is none.
	Status     int
	GRPCStatus string
	// Flags are Envoy's response flags, such as "UF,URX"; "" if there are none.
	// Details are Envoy's response code details, such as "via_upstream".
	Flags, Details string
	// Limit is the rate limit that refused the request, as text.
	Limit string
	// RequestBytes and ResponseBytes count the bytes of the bodies.
	RequestBytes, ResponseBytes int64
	// Upgraded means that the connection was handed over, as for a WebSocket.
	Upgraded bool
	// Mirror means that this is a copy of a request for a mirror, whose answer
	// no client got.
	Mirror bool
}

// A Destination is a destination of a route.
type Destination struct {
	// Cluster is Istio's name: outbound|port|subset|host.
	Cluster string
	Host    string
	Port    int
	Subset  string
	// Weight of Total is the share of the requests that the route declares.
	Weight, Total int
	// InProcess means that a handler of this program stands behind it.
	InProcess bool
}

// A Try is one try of a request that another one followed.
type Try struct {
	// Began is the time from Outcome.Start until the try began, and Duration how long
	// it took.
	Began, Duration time.Duration
	// Endpoint is the address of the endpoint; "" if none was chosen.
	Endpoint string
	// Status is the status of the response; 0 if there was none.
	Status int
	// Flag is Envoy's response flag of the failure, or "".
	Flag string
}

// Failed reports whether the outcome is an error of the gateway or the destination:
// no response, or a status of 500 and more.
func (o *Outcome) Failed() bool { return o.Status == 0 || o.Status >= 500 }
