package spec

import (
	"time"
)

// CORS answers preflight requests and adds the headers of cross-origin resource
// sharing to responses (Istio's CorsPolicy). It never refuses a request: that
// is the browser's part.
type CORS struct {
	// AllowOrigins are compared with the Origin header. One that holds for "*"
	// allows every origin.
	AllowOrigins []StringMatch
	// AllowMethods and AllowHeaders are sent as they stand; "*" alone echoes
	// what the preflight asked for.
	AllowMethods, AllowHeaders []string
	// ExposeHeaders are sent with the response proper.
	ExposeHeaders []string
	// MaxAge is how long a preflight may be cached, in whole seconds. Nil is
	// not sent.
	MaxAge *time.Duration
	// AllowCredentials sends access-control-allow-credentials: true.
	AllowCredentials bool
	// UnmatchedPreflights says what happens to a preflight from an origin that
	// is not allowed.
	UnmatchedPreflights UnmatchedPreflights
}

// UnmatchedPreflights says what becomes of preflights from other origins (Istio's
// CorsPolicy.UnmatchedPreflights).
type UnmatchedPreflights uint8

// The treatments of an unmatched preflight.
const (
	// ForwardPreflights sends them to the destination. It is the default.
	UnmatchedPreflightsForward UnmatchedPreflights = iota
	// IgnorePreflights answers 200 without access-control-allow-origin.
	UnmatchedPreflightsIgnore
)
