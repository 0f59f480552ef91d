package outage

import (
	"context"
	"sync"

	"github.com/lateengo/gateway/ratelimit"
)

// A watched is a limiter that watches how a gateway calls another one.
type watched struct {
	ratelimit.Limiter
	// idle is called when no call runs any more.
	idle func()

	mu sync.Mutex
	// running are the calls at present, most is the highest number of them since
	// watch, and calls and answers are all since then.
	running, most, calls, answers int
}

// watch begins to watch. Calls that still run do not count.
func (w *watched) watch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most, w.calls, w.answers = 0, 0, 0
}

// seen returns what was seen since watch: how many calls, and how many of them at the
// same time.
func (w *watched) seen() (calls, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls, w.most
}

func (w *watched) atPresent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running
}

// Limit implements ratelimit.Limiter. The first answer since watch ends the outage for
// the gateway, so calls after it may run at the same time, and do not count.
func (w *watched) Limit(ctx context.Context, q ratelimit.Request) (ratelimit.Response, error) {
	w.mu.Lock()
	w.running++
	if w.answers == 0 {
		w.calls++
		w.most = max(w.most, w.running)
	}
	w.mu.Unlock()
	r, err := w.Limiter.Limit(ctx, q)
	w.mu.Lock()
	w.running--
	idle := w.running == 0
	if err == nil {
		w.answers++
	}
	w.mu.Unlock()
	if idle {
		w.idle()
	}
	return r, err
}
