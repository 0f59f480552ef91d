package observe

import "context"

// A Routing is how a request came to a handler in this process.
type Routing struct {
	// Listener, RouteConfig, VirtualHost, VirtualService and Route are as in
	// Outcome.
	Listener, RouteConfig, VirtualHost string
	VirtualService, Route              string
	// Destination is the one behind which the handler stands.
	Destination Destination
}

type routingKey struct{}

// WithRouting returns a context with a Routing. A Gateway calls it if
// Builder.RoutingContext is set, and so can the test of a handler.
func WithRouting(ctx context.Context, r Routing) context.Context {
	return context.WithValue(ctx, routingKey{}, r)
}

// RoutingFrom returns the Routing of a request's context. It is false if the request
// did not come through a Gateway with Builder.RoutingContext.
func RoutingFrom(ctx context.Context) (Routing, bool) {
	r, ok := ctx.Value(routingKey{}).(Routing)
	return r, ok
}
