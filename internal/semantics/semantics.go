// Package semantics has the two semantics of a gateway, native and Envoy. The
// main type is Mode. Its methods are the list of all differences between the two.
package semantics

// A Mode is one of the two semantics.
type Mode uint8

const (
	// Native behaves like Envoy, except where that would surprise a Go service in
	// the same process.
	Native Mode = iota
	// Envoy behaves like istiod and Envoy, byte for byte.
	Envoy
)

// String returns "native" or "envoy".
func (s Mode) String() string {
	if s == Envoy {
		return "envoy"
	}
	return "native"
}

// JoinsAtOneSlash reports whether a rewritten prefix and the rest of the path are
// joined by exactly one slash. Envoy only replaces text.
func (s Mode) JoinsAtOneSlash() bool { return s == Native }

// ServesShortHosts reports whether a VirtualService with the host "shop" is served
// under that name at a Gateway, in addition to the service that Istio takes it for,
// such as shop.default.svc.cluster.local.
func (s Mode) ServesShortHosts() bool { return s == Native }

// EdgeHeadersFirst reports whether x-forwarded-proto, x-request-id and similar
// headers are written before the operations of the route, so that an operation
// that adds one makes a second line. Otherwise they are written last, if absent and not
// removed by the route.
func (s Mode) EdgeHeadersFirst() bool { return s == Envoy }

// SendsEnvoyHeaders reports whether x-envoy-* headers and "server: istio-envoy"
// are sent.
func (s Mode) SendsEnvoyHeaders() bool { return s == Envoy }

// RepeatsBroken reports whether a route without a retry policy repeats a request
// that changes nothing once, if its connection broke before a response. Istio's
// default policy answers 503.
func (s Mode) RepeatsBroken() bool { return s == Native }

// RetriesConnectsAtOnce reports whether the first retry of a connection that could not be
// made needs no wait, on a route without a retry policy. Envoy waits up to 25ms.
func (s Mode) RetriesConnectsAtOnce() bool { return s == Native }

// LeavesSlowConnects reports whether a connection that is not made within a second is
// given up while the request can go to another endpoint, unless a DestinationRule has a
// connectTimeout. Envoy always waits for the timeout, which is 10s in a mesh.
func (s Mode) LeavesSlowConnects() bool { return s == Native }

// JudgesWholeResponses reports whether outlier detection counts a response when it is
// complete. Envoy counts the head, so that a backend that cuts its bodies succeeds
// before each of its failures.
func (s Mode) JudgesWholeResponses() bool { return s == Native }

// DropsFinalDot reports whether a dot at the end of the host is taken off before anything
// uses the Host header, and destinations get it without. Envoy takes it for another host.
func (s Mode) DropsFinalDot() bool { return s == Native }

// DecodesParameters reports whether query parameters are compared decoded, and a query is
// refused that can be read in several ways, if a route of the virtual host asks for one.
// Envoy compares the text of the first one.
func (s Mode) DecodesParameters() bool { return s == Native }

// RefusesNominated reports whether a request is refused whose Connection header names a
// header that a route of the virtual host asks for. Envoy removes the header.
func (s Mode) RefusesNominated() bool { return s == Native }

// ReadsPorts reports whether a Host header must be a host and the number of a port. Envoy
// accepts escapes, any text as a port, and any in brackets.
func (s Mode) ReadsPorts() bool { return s == Native }

// RefusesHTTP10 reports whether an HTTP/1.0 request is answered with 426.
func (s Mode) RefusesHTTP10() bool { return s == Envoy }
