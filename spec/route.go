package spec

import (
	"time"
)

// A Route selects requests and decides what happens to them (Istio's HTTPRoute).
// It applies to a request if one of its Matches does. The first such route of a
// virtual host wins. A route has exactly one action: Destinations, Redirect,
// DirectResponse or Delegate.
//
// A request passes these steps, in order:
//
//	fault → CORS → rate limit → redirect or direct response
//	                          → timeout → request headers → rewrite → mirror → choice of destination → backend → response headers
//
// The zero Route matches every request and has no action, which Builder.Build
// reports.
type Route struct {
	// Name appears in decisions, logs and metrics. It need not be unique.
	Name string

	// Match lists alternatives. Empty matches every request.
	Match []Match

	// Destinations are where requests are sent, divided by weight (Istio's
	// http[].route). A single destination gets all requests, whatever its weight.
	// If there are several, those with weight 0 get none, and the weights need
	// not sum to 100. Each request is drawn independently: a client does not stay
	// with one destination.
	Destinations []Destination

	// Redirect answers with a redirect.
	Redirect *Redirect

	// DirectResponse answers with a fixed response.
	DirectResponse *DirectResponse

	// Delegate continues with the routes of another VirtualService.
	Delegate *Delegate

	// Rewrite changes path and authority of the request to the destination.
	Rewrite *Rewrite

	// Headers are operations on the headers of the request and the response.
	Headers Headers

	// Timeout limits the exchange with the destination, from the end of the
	// request body to the end of the response, including retries. Zero means no
	// limit.
	Timeout time.Duration

	// Retry is the retry policy. Nil means Istio's default: two retries after
	// failures where no destination can have acted. With Native semantics, it
	// also repeats a GET, HEAD, OPTIONS or TRACE without body if its connection
	// to a service broke before a response.
	Retry *Retry

	// Fault delays or aborts some of the requests.
	Fault *Fault

	// CORS answers preflights and adds CORS headers to responses.
	CORS *CORS

	// Mirrors get a copy of some of the requests. Their answers are dropped.
	Mirrors []Mirror

	// RateLimits limit how often the route is used. Use a RateLimitPolicy for
	// limits that several routes share.
	RateLimits []RateLimit

	Origin Origin
}
