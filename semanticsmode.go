package gateway

// A semanticsMode is one of the two semantics.
type semanticsMode uint8

const (
	// native is Envoy's behavior but where a Go service in the same process would
	// be surprised.
	native semanticsMode = iota
	// envoy is what istiod and Envoy do, byte for byte.
	envoy
)

// String returns "native" or "envoy".
func (s semanticsMode) String() string {
	if s == envoy {
		return "envoy"
	}
	return "native"
}

// joinsAtOneSlash reports whether a rewritten prefix and the rest of the path
// meet at exactly one slash. Envoy replaces text and nothing else.
func (s semanticsMode) joinsAtOneSlash() bool { return s == native }

// edgeHeadersFirst reports whether x-forwarded-proto, x-request-id and their
// kind are written before the route's operations, so that an operation that
// adds one makes a second line. Otherwise they are written last, where absent.
func (s semanticsMode) edgeHeadersFirst() bool { return s == envoy }

// sendsEnvoyHeaders reports whether x-envoy-* headers and "server: istio-envoy"
// are sent.
func (s semanticsMode) sendsEnvoyHeaders() bool { return s == envoy }

// repeatsBroken reports whether a route without a retry policy sends a request
// that changes nothing once more when its connection broke before a response.
// Istio's default policy answers 503.
func (s semanticsMode) repeatsBroken() bool { return s == native }

// refusesHTTP10 reports whether an HTTP/1.0 request is answered with 426.
func (s semanticsMode) refusesHTTP10() bool { return s == envoy }
