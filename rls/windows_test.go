package rls

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lateengo/gateway/ratelimit"
)

// A windows is a ratelimit.Limiter that counts in this process, in fixed windows.
type windows struct {
	mu     sync.Mutex
	now    func() time.Time
	counts map[string]int
	// asked are the requests.
	asked []ratelimit.Request
}

func newWindows(now func() time.Time) *windows {
	return &windows{now: now, counts: make(map[string]int)}
}

func (w *windows) Limit(_ context.Context, q ratelimit.Request) (ratelimit.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, q)
	var r ratelimit.Response
	now := w.now()
	for _, d := range q.Descriptors {
		hits := d.Hits
		if hits == 0 {
			hits = q.Hits
		}
		past := time.Duration(now.UnixNano() % int64(d.Unit))
		key := fmt.Sprintf("%q %q %d", q.Domain, d.Entries, now.Add(-past).UnixNano())
		w.counts[key] += hits
		s := ratelimit.Status{Over: w.counts[key] > d.Requests, Remaining: max(d.Requests-w.counts[key], 0), Reset: d.Unit - past}
		if s.Over {
			s.RetryAfter = s.Reset
			r.Over = true
		}
		r.Statuses = append(r.Statuses, s)
	}
	return r, nil
}
