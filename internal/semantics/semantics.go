package semantics

// A Mode is one of the two semantics.
type Mode uint8

const (
	// native is Envoy's behavior but where a Go service in the same process would
	// be surprised.
	Native Mode = iota
	// envoy is what istiod and Envoy do, byte for byte.
	Envoy
)

// String returns "native" or "envoy".
func (s Mode) String() string {
	if s == Envoy {
		return "envoy"
	}
	return "native"
}

// JoinsAtOneSlash reports whether a rewritten prefix and the rest of the path
// meet at exactly one slash. Envoy replaces text and nothing else.
func (s Mode) JoinsAtOneSlash() bool { return s == Native }

// EdgeHeadersFirst reports whether x-forwarded-proto, x-request-id and their
// kind are written before the route's operations, so that an operation that
// adds one makes a second line. Otherwise they are written last, where absent.
func (s Mode) EdgeHeadersFirst() bool { return s == Envoy }

// SendsEnvoyHeaders reports whether x-envoy-* headers and "server: istio-envoy"
// are sent.
func (s Mode) SendsEnvoyHeaders() bool { return s == Envoy }

// RepeatsBroken reports whether a route without a retry policy sends a request
// that changes nothing once more when its connection broke before a response.
// Istio's default policy answers 503.
func (s Mode) RepeatsBroken() bool { return s == Native }

// RefusesHTTP10 reports whether an HTTP/1.0 request is answered with 426.
func (s Mode) RefusesHTTP10() bool { return s == Envoy }
