package upstream

import (
	"context"
	"slices"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
)

// Tried are the hosts that a request was sent to before; a later try avoids
// them (Envoy's previous_hosts retry predicate). Add to it only between tries,
// because it is read while a host is chosen.
type Tried struct {
	// RemoteLocalities lets later retries leave the priorities that were tried
	// (Istio's retryRemoteLocalities).
	RemoteLocalities bool

	hosts []*balance.State
}

// Add adds a host that a try was sent to. The zero Host adds nothing.
func (t *Tried) Add(h Host) {
	if h.state != nil {
		t.hosts = append(t.hosts, h.state)
	}
}

// has reports whether a host was tried. t may be nil.
func (t *Tried) has(h *balance.State) bool { return t != nil && slices.Contains(t.hosts, h) }

type triedKey struct{}

// WithTried returns a context for a request whose earlier tries went to the hosts
// in t.
func WithTried(ctx context.Context, t *Tried) context.Context {
	return context.WithValue(ctx, triedKey{}, t)
}
