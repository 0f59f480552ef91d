package spec

import (
	"time"
)

// A Route selects requests and decides what happens to them (Istio's
// HTTPRoute). It matches a request if one of its Matches does. The first
// matching route of a virtual host wins. A route has exactly one action:
// Destinations, Redirect, DirectResponse or Delegate.
//
// A request passes these steps, in order:
//
//	fault → CORS → rate limit → redirect or direct response
//	                          → timeout → request headers → rewrite → mirror → choice of destination → backend → response headers
//
// The zero Route matches every request but has no action. Builder.Build reports
// this.
type Route struct {
	// Name appears in decisions, logs and metrics. It need not be unique.
	Name string

	// Match lists alternatives. Empty matches every request.
	Match []Match

	// Destinations are where to send requests, divided by weight (Istio's
	// http[].route). A single destination gets all requests, with any weight.
	// If there are several, those with weight 0 get none, and the sum of the
	// weights can be any number. The choice is random for each request: a
	// client does not stay with one destination.
	Destinations []Destination

	// Redirect answers with a redirect.
	Redirect *Redirect

	// DirectResponse answers with a fixed response.
	DirectResponse *DirectResponse

	// Delegate continues with the routes of another VirtualService.
	Delegate *Delegate

	// Rewrite changes the path and authority of the request to the destination.
	Rewrite *Rewrite

	// Headers are operations on the headers of the request and the response.
	Headers Headers

	// Timeout limits the exchange with the destination, from the end of the
	// request body to the end of the response, including retries. Zero means no
	// limit.
	Timeout time.Duration

	// MaxRequestBody limits the body of a request, in bytes. A longer one gets 413, before
	// a destination sees anything of it if its length is known; one that turns out to be
	// longer ends the exchange. Zero means the gateway's (Builder.MaxRequestBody), which is
	// no limit by default, and NoLimit means no limit. It does not apply to redirects and
	// direct responses. Istio has no such field; Envoy's buffer filter is nearest.
	MaxRequestBody int64

	// MaxRequests limits the requests in flight to the destinations of the route, with
	// upgraded connections. One more gets 503 with Retry-After, at once. Zero means no
	// limit. See also Builder.MaxRequests.
	MaxRequests int

	// Retry is the retry policy. Nil means Istio's default: two retries after
	// failures where no destination can have processed the request. With Native
	// semantics, it also repeats a GET, HEAD, OPTIONS or TRACE without body if
	// its connection to a service broke before a response.
	Retry *Retry

	// Fault delays or aborts some of the requests.
	Fault *Fault

	// CORS answers preflights and adds CORS headers to responses.
	CORS *CORS

	// Mirrors get copies of some of the requests. Their responses are
	// discarded.
	Mirrors []Mirror

	// RateLimits limit the requests of the route. Use a RateLimitPolicy for
	// limits that several routes share.
	RateLimits []RateLimit

	Origin Origin
}
