package hijack

import "context"

type leavingKey struct{}

// WithLeaving returns a context for the requests of a server. leaving ends when the server
// wants its upgraded connections to end.
func WithLeaving(ctx, leaving context.Context) context.Context {
	return context.WithValue(ctx, leavingKey{}, leaving)
}

// Leaving returns the context that ends when the server of a request wants its upgraded
// connections to end, or nil if the server does not tell.
func Leaving(ctx context.Context) context.Context {
	leaving, _ := ctx.Value(leavingKey{}).(context.Context)
	return leaving
}
