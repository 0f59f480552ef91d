package server

import (
	"context"
	"sync/atomic"
)

// handling counts active requests, including those whose connections were
// hijacked.
type handling struct {
	count atomic.Int64
	// none tells the waiter, if there is one, that count was zero.
	none atomic.Pointer[chan struct{}]
}

func (h *handling) begin() { h.count.Add(1) }

func (h *handling) end() {
	if h.count.Add(-1) == 0 {
		if none := h.none.Load(); none != nil {
			select {
			case *none <- struct{}{}:
			default:
			}
		}
	}
}

// wait waits until there are no requests, and reports whether that happened
// before ctx ended. Only one goroutine may wait at a time.
func (h *handling) wait(ctx context.Context) bool {
	none := make(chan struct{}, 1)
	h.none.Store(&none)
	for h.count.Load() > 0 {
		select {
		case <-none:
		case <-ctx.Done():
			return h.count.Load() == 0
		}
	}
	return true
}
