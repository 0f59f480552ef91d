package spec

import (
	"time"
)

// A Route says which requests it takes and what happens to them (Istio's
// HTTPRoute). It takes a request if any of Match does; the first such route of
// a virtual host wins. Exactly one of Destinations, Redirect, DirectResponse and
// Delegate is its action.
//
// What a taken request goes through, in order:
//
//	fault → CORS → rate limit → redirect or direct response
//	                          → timeout → request headers → rewrite → mirror → split → backend → response headers
//
// The zero Route takes every request and has no action, which Build reports.
type Route struct {
	// Name appears in decisions, logs and metrics. It need not be unique.
	Name string

	// Match lists alternatives. Empty takes every request.
	Match []Match

	// Destinations are where the requests go, divided by weight (Istio's
	// http[].route). A single destination gets all requests, whatever its weight.
	// Of several, those of weight 0 get none, and the weights need not sum to 100.
	// Every request is drawn anew: nothing sticks to a client.
	Destinations []Destination

	// Redirect answers with a redirect.
	Redirect *Redirect

	// DirectResponse answers with a fixed response.
	DirectResponse *DirectResponse

	// Delegate continues with the routes of another VirtualService.
	Delegate *Delegate

	// Rewrite changes path and authority of the request sent to the destination.
	Rewrite *Rewrite

	// Headers are operations on the headers of request and response.
	Headers Headers

	// Timeout bounds the exchange with the destination, from the end of the
	// request's body to the end of the response, retries included. Zero is none.
	Timeout time.Duration

	// Retry is the retry policy. Nil is Istio's default: two retries on
	// failures in which no destination can have acted. Under Native it also
	// repeats a GET, HEAD, OPTIONS or TRACE without body whose connection to a
	// service broke before a response.
	Retry *Retry

	// Fault delays or aborts some of the requests.
	Fault *Fault

	// CORS answers preflights and adds CORS headers to responses.
	CORS *CORS

	// Mirrors get a copy of some of the requests; their answers are dropped.
	Mirrors []Mirror

	// RateLimits bound how often the route is taken. See RateLimitPolicy for
	// limits that several routes share.
	RateLimits []RateLimit

	Origin Origin
}
