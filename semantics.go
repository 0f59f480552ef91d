package gateway

// Semantics chooses between Envoy's behaviour to the byte and the default, which
// differs from it in a short closed list of places (docs/semantics.md).
type Semantics uint8

const (
	// Native is Envoy's behaviour but where a Go service in the same process
	// would be surprised. It is the default.
	Native Semantics = iota
	// Envoy is what istiod and Envoy do, to the byte.
	Envoy
)

// String returns "native" or "envoy".
func (s Semantics) String() string {
	if s == Envoy {
		return "envoy"
	}
	return "native"
}

// joinsAtOneSlash reports whether a rewritten prefix and the rest of the path
// meet at exactly one slash. Envoy replaces text and nothing else.
func (s Semantics) joinsAtOneSlash() bool { return s == Native }

// edgeHeadersFirst reports whether x-forwarded-proto, x-request-id and their
// kind are written before the route's operations, so that an operation that
// adds one makes a second line. Otherwise they are written last, where absent.
func (s Semantics) edgeHeadersFirst() bool { return s == Envoy }

// sendsEnvoyHeaders reports whether x-envoy-* headers and "server: istio-envoy"
// are sent.
func (s Semantics) sendsEnvoyHeaders() bool { return s == Envoy }

// repeatsBroken reports whether a route without a retry policy sends a request
// that changes nothing once more when its connection broke before a response.
// Istio's default policy answers 503.
func (s Semantics) repeatsBroken() bool { return s == Native }

// refusesHTTP10 reports whether an HTTP/1.0 request is answered with 426.
func (s Semantics) refusesHTTP10() bool { return s == Envoy }
