package inspect

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A Decision is the answer that a request would get, and the reason. To decide does
// not serve the request: nothing is random, counted or sent.
type Decision struct {
	// Kind is the kind of the answer.
	Kind DecisionKind `json:"kind"`
	// Reason is why there is no route, as text.
	Reason string `json:"reason,omitempty"`
	// Status, Location, Body and Header are those of the gateway's own answer,
	// without the headers that a server adds to it.
	Status   int         `json:"status,omitempty"`
	Location string      `json:"location,omitempty"`
	Body     string      `json:"body,omitempty"`
	Header   http.Header `json:"header,omitempty"`

	// Listener and RouteConfig have Envoy's names, such as "0.0.0.0_80" and
	// "http.80". VirtualHost is the matching domain.
	Listener    string `json:"listener,omitempty"`
	RouteConfig string `json:"routeConfig,omitempty"`
	VirtualHost string `json:"virtualHost,omitempty"`
	// Path is the path after normalization, with the query.
	Path string `json:"path,omitempty"`

	// Route is the matching route, or nil.
	Route *DecidedRoute `json:"route,omitempty"`
	// Destinations are all possible destinations of the request.
	Destinations []DecidedDestination `json:"destinations,omitempty"`
}

// A DecisionKind is the kind of an answer.
type DecisionKind string

// The kinds of a Decision.
const (
	// DecisionForward: the request goes to one of the destinations.
	DecisionForward DecisionKind = "forward"
	// DecisionRedirect: the answer is a redirect, from a route or to https.
	DecisionRedirect DecisionKind = "redirect"
	// DecisionDirectResponse: the answer is the route's direct response.
	DecisionDirectResponse DecisionKind = "directResponse"
	// DecisionAbort: a fault aborts every request of the route.
	DecisionAbort DecisionKind = "abort"
	// DecisionPreflight: CORS answers the preflight.
	DecisionPreflight DecisionKind = "preflight"
	// DecisionNotFound: no route matches. The answer is 404, or the next handler's.
	DecisionNotFound DecisionKind = "notFound"
	// DecisionBadRequest: the gateway refuses the request before routing.
	DecisionBadRequest DecisionKind = "badRequest"
	// DecisionTooLarge: the body is longer than the route allows. The answer is 413.
	DecisionTooLarge DecisionKind = "tooLarge"
	// DecisionNoServer: no server accepts the connection. A handler answers 404.
	DecisionNoServer DecisionKind = "noServer"
)

// A DecidedRoute is the route that a request matches.
type DecidedRoute struct {
	// VirtualService is "namespace/name", for a delegate's routes that of the root.
	VirtualService string `json:"virtualService"`
	// Origin is where the route was declared. For a delegate's routes, it is in the
	// delegate.
	Origin spec.Origin `json:"-"`
	// Name has the names of the route and the match.
	Name string `json:"name,omitempty"`
	// Index is the route's position in the virtual host.
	Index int `json:"index"`
	// Match is the condition on the path, such as: prefix /products.
	Match string `json:"match"`

	// Timeout is zero if there is none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retry is the retry policy, or nil if nothing is retried.
	Retry *Retry `json:"retry,omitempty"`
	// Mirrors receive copies of the request.
	Mirrors []Mirror `json:"mirrors,omitempty"`
	// Fault is the fault that may be injected, or nil.
	Fault *Fault `json:"fault,omitempty"`
	// CORS reports whether there is a CORS policy. It has no effect on a redirect
	// or a direct response.
	CORS bool `json:"cors,omitempty"`
	// Hash lists the inputs of consistent hashing, such as "header x-user". With
	// several destinations, it has those of all their DestinationRules.
	Hash []string `json:"hash,omitempty"`
	// RateLimits are the limits of the route. None of them counts the decision.
	RateLimits []DecidedLimit `json:"rateLimits,omitempty"`
}

// A DecidedLimit is a rate limit of a route, and what it does with the request.
type DecidedLimit struct {
	// Limit is the limit as text.
	Limit string `json:"limit"`
	// Applies means that the limit counts the request. Descriptor then has the parts
	// of what it counts, "name=value", as a shared Limiter gets them.
	Applies    bool     `json:"applies"`
	Descriptor []string `json:"descriptor,omitempty"`
	// Rate is the limit of the descriptor in the tree of a spec.GlobalRateLimit, such as
	// "60 per 1m0s". It is empty for other limits, and if the tree has none.
	Rate string `json:"rate,omitempty"`
	// Refuses means that the limit refuses the request, because that lacks a part of
	// the key (spec.MissingKeyDeny).
	Refuses bool `json:"refuses,omitempty"`
}

// Effect returns what the limit does with the request, as text.
func (l *DecidedLimit) Effect() string {
	switch {
	case l.Refuses:
		return "refuses the request, which has no key"
	case l.Applies:
		what := "counts " + cmp.Or(strings.Join(l.Descriptor, ", "), "all requests")
		if l.Rate != "" {
			what += ", " + l.Rate
		}
		return what
	}
	return "does not apply"
}

// A DecidedDestination is a possible destination of a request.
type DecidedDestination struct {
	// Cluster is Istio's name of the destination: outbound|port|subset|host.
	Cluster string `json:"cluster"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Subset  string `json:"subset,omitempty"`
	// Weight divided by Total is the share of requests.
	Weight int `json:"weight"`
	Total  int `json:"total"`
	// Missing reports whether the name has no backend. The answer is then 503.
	Missing bool `json:"missing,omitempty"`
	// Reason is why the backend is missing, as text, such as "there is no subset
	// v2".
	Reason string `json:"reason,omitempty"`
	// Method, Authority, Path and Headers are those of the request to the
	// destination.
	Method    string      `json:"method"`
	Authority string      `json:"authority"`
	Path      string      `json:"path"`
	Headers   http.Header `json:"headers"`
}

// MarshalJSON writes durations as text, such as "1.5s".
func (d DecidedRoute) MarshalJSON() ([]byte, error) {
	type plain DecidedRoute
	return json.Marshal(struct {
		plain
		Timeout durationText `json:"timeout,omitempty"`
	}{plain(d), durationText(d.Timeout)})
}
