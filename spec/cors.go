package spec

import (
	"time"
)

// CORS answers preflight requests and adds CORS (cross-origin resource sharing)
// headers to responses (Istio's CorsPolicy). It never refuses a request: that is
// the task of the browser.
type CORS struct {
	// AllowOrigins are compared with the Origin header. An entry that matches "*"
	// allows every origin.
	AllowOrigins []StringMatch
	// AllowMethods and AllowHeaders are sent unchanged. A single "*" echoes what
	// the preflight asked for.
	AllowMethods, AllowHeaders []string
	// ExposeHeaders are sent with the actual response.
	ExposeHeaders []string
	// MaxAge is how long a preflight may be cached, in whole seconds. If it is
	// nil, it is not sent.
	MaxAge *time.Duration
	// AllowCredentials sends access-control-allow-credentials: true.
	AllowCredentials bool
	// UnmatchedPreflights selects how a preflight from an origin that is not
	// allowed is handled.
	UnmatchedPreflights UnmatchedPreflights
}

// UnmatchedPreflights selects how preflights from other origins are handled
// (Istio's CorsPolicy.UnmatchedPreflights).
type UnmatchedPreflights uint8

// The values of UnmatchedPreflights.
const (
	// UnmatchedPreflightsForward sends the preflight to the destination. It is
	// the default.
	UnmatchedPreflightsForward UnmatchedPreflights = iota
	// UnmatchedPreflightsIgnore answers 200 without access-control-allow-origin.
	UnmatchedPreflightsIgnore
)
