package spec

import (
	"time"
)

// CORS answers preflight requests and adds CORS (cross-origin resource sharing)
// headers to responses (Istio's CorsPolicy). It never refuses a request:
// refusing is the browser's task.
type CORS struct {
	// AllowOrigins are compared with the Origin header. An entry that matches "*"
	// allows every origin.
	AllowOrigins []StringMatch
	// AllowMethods and AllowHeaders are sent unchanged. A single "*" echoes the
	// methods or headers that the preflight requests.
	AllowMethods, AllowHeaders []string
	// ExposeHeaders are sent with the actual response.
	ExposeHeaders []string
	// MaxAge is how long browsers may cache a preflight, in whole seconds. Nil
	// sends no max age.
	MaxAge *time.Duration
	// AllowCredentials sends access-control-allow-credentials: true.
	AllowCredentials bool
	// UnmatchedPreflights selects how to handle preflights from origins that
	// are not allowed.
	UnmatchedPreflights UnmatchedPreflights
}

// UnmatchedPreflights selects how to handle preflights from origins that are
// not allowed (Istio's CorsPolicy.UnmatchedPreflights).
type UnmatchedPreflights uint8

// The values of UnmatchedPreflights.
const (
	// UnmatchedPreflightsForward sends the preflight to the destination. It is
	// the default.
	UnmatchedPreflightsForward UnmatchedPreflights = iota
	// UnmatchedPreflightsIgnore answers 200 without access-control-allow-origin.
	UnmatchedPreflightsIgnore
)
