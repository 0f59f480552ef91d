package gatewaytest

import (
	"net/http"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A Case is a request, and what the gateway is expected to do with it.
type Case struct {
	// Name is the name of the subtest. If it is empty, the name is the method and the
	// URL of the request.
	Name    string
	Request Request
	Expect  Expect
	// Backend is what the destinations answer. The zero Answer is 200 without a body.
	Backend Answer
	// Origin is where the case was written. It can be unknown.
	Origin spec.Origin

	// skip is why the case cannot be compared, or empty.
	skip string
	// foreign compares what a file of another tool expects. It can be nil.
	foreign foreignExpectation
}

// A Request is the request of a Case.
type Request struct {
	// Method is GET if it is empty.
	Method string
	// URL is "http://HOST/PATH", "https://HOST/PATH", or a path if Header has a Host. The
	// port is that of a Gateway, 80 or 443 by default. If no Gateway has the default port,
	// the first listener that speaks the scheme is asked. The path is sent as it is
	// written.
	URL string
	// Header has the request headers. The letter case of names does not matter.
	Header http.Header
	// RemoteAddress is the address of the client, such as "192.0.2.7". It is 127.0.0.1 if
	// it is empty.
	RemoteAddress string
}

// An Answer is what a destination answers.
type Answer struct {
	// Status is 200 if it is zero.
	Status int
	Header http.Header
	Body   string
}

// An Expect is what a Case expects. Only fields that are set are compared: the zero Expect
// expects nothing, and a Case with it is an error.
type Expect struct {
	// Kind is the kind of the answer, such as gateway.DecisionForward.
	Kind gateway.DecisionKind
	// Reason is a part of the reason why there is no route.
	Reason string

	// Status is the status that the client gets. For a request that is forwarded it is
	// that of Case.Backend, or 503 for a destination that is missing.
	Status int
	// Location is the Location header of a redirect.
	Location string
	// Response is the rest of the answer to the client.
	Response Response

	// Listener and VirtualHost are as in gateway.Decision.
	Listener, VirtualHost string
	// Route is the name of the route. VirtualService is its VirtualService, "namespace/name"
	// or "name", for a delegate's routes the root or the delegate.
	Route, VirtualService string

	// Destination is the only destination of the request. See Destinations for its name.
	Destination string
	// Destinations are the shares of all destinations, in percent. A name is "host",
	// "host:port", "host/subset", "host:port/subset" or Istio's name of the cluster. A host
	// may leave out ".svc.cluster.local", or the namespace too. "reviews" has the shares of
	// all ports and subsets that no longer name covers.
	Destinations map[string]float64
	// Upstream is what each destination gets.
	Upstream Upstream
	// Upstreams are what single destinations get in addition, by their names.
	Upstreams map[string]Upstream

	// Timeout is the timeout of the route, 0 for none. Nil is not compared.
	Timeout *time.Duration
	// Retry is the retry policy. Nil is not compared, and the zero Retry expects none.
	Retry *Retry
	// Mirrors are the mirrors of the request, in percent, by names as in Destinations.
	// Nil is not compared, and an empty map expects none.
	Mirrors map[string]float64
	// Fault is the fault of the route. Nil is not compared, and the zero Fault expects none.
	Fault *Fault
	// CORS is whether the route has a CORS policy. Nil is not compared.
	CORS *bool

	// Limits are the rate limits that count the request, in any order. Nil is not compared,
	// and an empty slice expects none.
	Limits []Limit
	// Allows is how many times the same request is served in a row before a rate limit
	// refuses it. Zero means at once. Nil is not compared. Time stands still for the limits
	// meanwhile.
	Allows *int
}

// A Response is what the client gets, beside the status.
type Response struct {
	// Headers are the values of headers. The zero StringMatch expects any value. Several
	// lines are joined with ",".
	Headers map[string]spec.StringMatch
	// Absent are headers that are not there.
	Absent []string
	// Body is the body. Nil is not compared.
	Body *string
}

// An Upstream is what a destination gets.
type Upstream struct {
	// Method, Authority and Path are those of the request. Path has the query.
	Method, Authority, Path string
	// Headers are the values of headers. The zero StringMatch expects any value. Several
	// lines are joined with ",", and of Cookie with "; ".
	Headers map[string]spec.StringMatch
	// Absent are headers that are not there.
	Absent []string
}

// A Retry is an expected retry policy.
type Retry struct {
	// Attempts is the number of retries.
	Attempts int
	// On are the conditions and status codes, in any order. Nil is not compared.
	On []string
	// PerTryTimeout is not compared if it is zero.
	PerTryTimeout time.Duration
}

// A Fault is an expected fault. A percentage of zero means 100 if there is a delay, or a
// status of the abort.
type Fault struct {
	Delay        time.Duration
	DelayPercent float64
	AbortStatus  int
	// GRPCStatus is the code for gRPC clients. It is not compared if it is zero.
	GRPCStatus   int
	AbortPercent float64
}

// A Limit is an expected rate limit.
type Limit struct {
	// Counts has the parts of what the limit counts, "name=value", in order. Nil is not
	// compared.
	Counts []string
	// Rate is the limit of a descriptor tree, such as "60 per 1m0s", and Limit a part of the
	// limit's text. "lateen decide" shows both. Empty is not compared.
	Rate, Limit string
}

// isZero reports whether nothing is expected.
func (e *Expect) isZero() bool {
	return e.Kind == "" && e.Reason == "" && e.Status == 0 && e.Location == "" && e.Response.isZero() &&
		e.Listener == "" && e.VirtualHost == "" && e.Route == "" && e.VirtualService == "" &&
		e.Destination == "" && e.Destinations == nil && e.Upstream.isZero() && len(e.Upstreams) == 0 &&
		e.Timeout == nil && e.Retry == nil && e.Mirrors == nil && e.Fault == nil && e.CORS == nil &&
		e.Limits == nil && e.Allows == nil
}

func (r *Response) isZero() bool { return len(r.Headers) == 0 && len(r.Absent) == 0 && r.Body == nil }

func (u *Upstream) isZero() bool {
	return u.Method == "" && u.Authority == "" && u.Path == "" && len(u.Headers) == 0 && len(u.Absent) == 0
}
