package pace

import (
	"context"
	"sync/atomic"
)

// A StreamTimeout is why a request has ended on which nothing has moved for too long. It is
// the cause of its context.
type StreamTimeout struct {
	// Status is 504 if the client had sent the whole request, and 408 otherwise.
	Status int
	// Began means that the response had begun, so that it could only be cut.
	Began bool
}

// StreamTimeoutBody is the body of the answer, as Envoy's.
const StreamTimeoutBody = "stream timeout"

func (*StreamTimeout) Error() string { return StreamTimeoutBody }

type streamTimeoutKey struct{}

// WithStreamTimeout returns a context that knows where the StreamTimeout of its request will
// be.
func WithStreamTimeout(ctx context.Context, t *atomic.Pointer[StreamTimeout]) context.Context {
	return context.WithValue(ctx, streamTimeoutKey{}, t)
}

// StreamTimeoutOf returns the StreamTimeout of a request, or nil if it has none so far.
func StreamTimeoutOf(ctx context.Context) *StreamTimeout {
	if t, ok := ctx.Value(streamTimeoutKey{}).(*atomic.Pointer[StreamTimeout]); ok {
		return t.Load()
	}
	return nil
}
