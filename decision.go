package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/explain"
)

// A Decision is the answer that a request would get, and the reason: see
// inspect.Decision.
type Decision = inspect.Decision

// The parts of a Decision, which package inspect describes.
type (
	DecisionKind       = inspect.DecisionKind
	DecidedRoute       = inspect.DecidedRoute
	DecidedDestination = inspect.DecidedDestination
	DecidedLimit       = inspect.DecidedLimit
	DecidedRetry       = inspect.Retry
	DecidedMirror      = inspect.Mirror
	DecidedFault       = inspect.Fault
)

// The kinds of a Decision.
const (
	// DecisionForward: the request goes to one of the destinations.
	DecisionForward = inspect.DecisionForward
	// DecisionRedirect: the answer is a redirect, from a route or to https.
	DecisionRedirect = inspect.DecisionRedirect
	// DecisionDirectResponse: the answer is the route's direct response.
	DecisionDirectResponse = inspect.DecisionDirectResponse
	// DecisionAbort: a fault aborts every request of the route.
	DecisionAbort = inspect.DecisionAbort
	// DecisionPreflight: CORS answers the preflight.
	DecisionPreflight = inspect.DecisionPreflight
	// DecisionNotFound: no route matches. The answer is 404, or the next handler's.
	DecisionNotFound = inspect.DecisionNotFound
	// DecisionBadRequest: the gateway refuses the request before routing.
	DecisionBadRequest = inspect.DecisionBadRequest
	// DecisionTooLarge: the body is longer than the route allows. The answer is 413.
	DecisionTooLarge = inspect.DecisionTooLarge
	// DecisionNoServer: no server accepts the connection. A handler answers 404.
	DecisionNoServer = inspect.DecisionNoServer
)

// Decide returns the answer that a request would get from ServeHTTP.
func (g *Gateway) Decide(r *http.Request) Decision {
	p := g.load().Deciding()
	return explain.Decide(p, r, p.TableFor(r))
}

// Decide returns the answer that a request to the port would get.
func (l *Listener) Decide(r *http.Request) Decision {
	p := l.gateway.load().Deciding()
	return explain.DecideAt(p, r, l.compiled(p))
}
