package redislimit

import (
	"fmt"
	"time"

	"github.com/lateengo/gateway/ratelimit"
)

// maxCount bounds a limit. Lua numbers are exact up to here.
const maxCount = 1<<53 - 1

// maxWindow keeps the end of a window, in microseconds, below maxCount.
const maxWindow = 100 * 365 * 24 * time.Hour

// A fixedWindow counts with AlgorithmFixedWindow, in the same keys as
// github.com/envoyproxy/ratelimit.
//
// The key has the start of the window, so the gateway must know the time before
// it asks. The script compares that with the time of the server, and does not
// count in a wrong window. A script that makes the key from its own time would
// use a key that it has not declared, which a cluster refuses.
type fixedWindow struct {
	key            string // up to the start of the window
	unit           int64  // microseconds
	requests, hits int64
}

func newFixedWindow(key string, d *ratelimit.Descriptor, hits int) (*fixedWindow, error) {
	if d.Unit%time.Microsecond != 0 || d.Unit > maxWindow {
		return nil, fmt.Errorf("a fixed window cannot have %v: whole microseconds are expected, at most 100 years", d.Unit)
	}
	w := &fixedWindow{key: key, unit: d.Unit.Microseconds(), requests: min(int64(d.Requests), maxCount), hits: int64(hits)}
	// Hits beyond the limit make no difference, but could overflow the counter.
	w.hits = min(w.hits, w.requests+1)
	return w, nil
}

func (w *fixedWindow) question(now int64, forced bool) (string, [6]any) {
	start := now / w.unit * w.unit
	// The service of Envoy renews the expiry with every request too.
	ttl := (w.unit + 999) / 1000
	return w.key + windowStart(start), [6]any{"window", w.hits, start, start + w.unit, ttl, forced}
}

func (w *fixedWindow) status(a answer) (ratelimit.Status, error) {
	if a.kind != answerAllowed || a.second < 0 {
		return ratelimit.Status{}, fmt.Errorf("%w: %d", errAnswer, a)
	}
	// A forced window may begin a little later on a server whose clock is late.
	s := ratelimit.Status{Over: a.first > w.requests, Reset: micros(min(a.second, w.unit))}
	// An operator can lower a counter, even below zero.
	s.Remaining = int(max(w.requests-max(a.first, 0), 0))
	if s.Over {
		s.RetryAfter = s.Reset
	}
	return s, nil
}
