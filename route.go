package gateway

import (
	"time"
)

// A VirtualService is a list of routes for a set of hosts (Istio's
// VirtualService). Within one VirtualService the first matching route wins.
// Where several serve one host their routes are joined: the older one's first,
// then by name, then by namespace, and every catch-all route last.
//
// A VirtualService without Hosts is a delegate: it is served only through a
// route of another VirtualService that names it in Route.Delegate.
type VirtualService struct {
	// Name and Namespace identify the resource. An empty Namespace is the
	// builder's default namespace.
	Name, Namespace string

	// Hosts are the host names served: exact, "*.example.com", or "*".
	Hosts []string

	// Gateways names the gateways that serve it: "name", "namespace/name" or
	// "./name". "*" (Go only) is every gateway. Without any, Istio binds to the
	// mesh alone, and so an ingress gateway never serves it, unless the
	// configuration has no server at all.
	Gateways []string

	// ExportTo lists the namespaces whose gateway workloads see it: "*", "."
	// (its own) or a name. Empty means "*".
	ExportTo []string

	// Created orders VirtualServices that serve one host. The zero time is
	// older than all others.
	Created time.Time

	// Routes in the order in which they are tried.
	Routes []Route

	Origin Origin
}

// A Route says which requests it takes and what happens to them (Istio's
// HTTPRoute). It takes a request if any of Match does; the first such route of
// a virtual host wins. Exactly one of Split, Redirect, DirectResponse and
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

	// Split chooses among destinations (Istio's http[].route).
	Split Split

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

// A Delegate names the VirtualService without hosts whose routes take a
// route's place (Istio's Delegate).
type Delegate struct {
	Name string
	// Namespace defaults to that of the delegating VirtualService.
	Namespace string
}
