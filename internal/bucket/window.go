package bucket

import (
	"math/bits"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A window is how Unix time is divided into fixed windows. They are counted by the
// arithmetic of a pace, whose step is then a request, and whose time is the number of
// requests that all windows since 1970 allow. So nothing is rounded.
type window struct {
	// unit is the length of a window in nanoseconds.
	unit int64
	// mask keeps the numbers of windows so low that times can be represented.
	// It takes years until a number returns.
	mask int64
}

// newWindowPace returns the pace of a limit in fixed windows.
func newWindowPace(l *spec.RateLimit) pace {
	requests := min(int64(max(l.Requests, 1)), maxTime/4)
	p := pace{steps: 1, token: 1, burst: requests, window: window{unit: int64(max(l.Unit, 1))}}
	numbers := maxTime / requests
	p.window.mask = 1<<(bits.Len64(uint64(numbers))-1) - 1
	// Requests that read the clock before others may be late by several windows.
	p.ahead = requests * min(2+int64(overtaking)/p.window.unit, numbers)
	return p
}

// at returns the number of the window at a time, and how long that window lasts still.
func (w *window) at(now time.Time) (number, left int64) {
	at := now.UnixNano()
	number, past := at/w.unit, at%w.unit
	if past < 0 {
		number, past = number-1, past+w.unit
	}
	return number, w.unit - past
}

// moment returns a time, and that of buckets.
func (p *pace) moment(now time.Time) (at, ofBuckets int64) {
	if p.window.unit == 0 {
		at = p.at(now)
		return at, at
	}
	number, _ := p.window.at(now)
	return now.UnixNano(), p.start(number)
}

// start returns the start of a window as time of buckets.
func (p *pace) start(number int64) int64 { return (number & p.window.mask) * p.burst }

// exceed returns the state of a bucket after a request that a window refuses. As in
// envoyproxy/ratelimit, that request is counted, so it leaves nothing. If the bucket
// has counted in a later window, nothing changes, and it is more than full.
func (p *pace) exceed(state, full, now, cost int64) (int64, Verdict) {
	v := Verdict{used: full - now, rest: cost, pace: p}
	if v.used > p.burst {
		return state, v
	}
	v.used = p.burst
	return (now+p.burst)<<flagBits | state&owners | refused, v
}

// takeWindow takes from a bucket of a limit in fixed windows.
func (b *Buckets) takeWindow(key Key, hits int, clock func() time.Time) Verdict {
	now := clock()
	number, left := b.pace.window.at(now)
	for {
		v := b.take(key, now.UnixNano(), b.pace.start(number), b.pace.cost(hits))
		if v.used <= b.pace.burst {
			v.rest = left
			return v
		}
		// The bucket has counted in a later window. Either that has begun since
		// this request has read the clock, or the clock was set back.
		now = clock()
		number, left = b.pace.window.at(now)
		b.clear(key, b.pace.start(number))
	}
}

// clear fills a bucket that has counted in a window after the given one.
func (b *Buckets) clear(key Key, start int64) {
	cleared := func(state int64) int64 {
		if state>>flagBits > start+b.pace.burst {
			return state & owners
		}
		return state
	}
	if b.table == nil {
		state := b.alone.state.Load()
		b.alone.state.CompareAndSwap(state, cleared(state))
		return
	}
	b.table.locked(uint64(key), func(s *slot) {
		if s != nil {
			s.give(uint64(key), cleared(s.take()))
		}
	})
}
