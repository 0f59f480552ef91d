package bucket

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A pace is the arithmetic of a limit's buckets. A bucket is one number, the time
// at which it will be full (the generic cell rate algorithm). Each token moves that
// time by the same amount, and it may be at most a burst after now. This is equal
// to a token bucket that refills continuously.
//
// Times are in steps since a base, a few steps to a nanosecond, such that a token
// is a whole number of steps. So no error adds up.
type pace struct {
	base time.Time
	// steps is how many steps a nanosecond has.
	steps int64
	// token is the time of one token, burst that of a full bucket, in steps.
	token, burst int64
	// ahead is how long after now a bucket may be full. A longer time is from
	// before the clock was set back.
	ahead int64
	// last is the latest time that can be represented.
	last int64
	// window is how the time is divided for a limit in fixed windows, or zero.
	window window
}

const (
	// maxSteps is how finely a nanosecond may be divided, to reduce the error of a
	// limit whose tokens do not take a whole number of nanoseconds. Time ends
	// after eighteen years, or after four and a half with four steps.
	maxSteps = 4
	// exact is the relative error that needs no finer steps. Up to a hundred
	// tokens a second, none is larger.
	exact = 1e-7
	// maxTime bounds times, and separately what is added to them. Their sum must
	// leave room for the flags of a state.
	maxTime = 1<<59 - int64(overtaking)*maxSteps
	// before is how far the clock may be set back behind the base.
	before = int64(30 * 24 * time.Hour)
	// overtaking is how much earlier the time of a request may be than that of
	// one before it. Requests overtake each other after they read the clock. If
	// the difference is larger, the clock was set back.
	overtaking = 10 * time.Second
)

// newPace returns the pace of a limit.
func newPace(l *spec.RateLimit) pace {
	if l.Algorithm == spec.LimitFixedWindow {
		return newWindowPace(l)
	}
	p := pace{base: time.Now()}
	requests, unit := uint64(max(l.Requests, 1)), uint64(max(l.Unit, 1))
	least := math.Inf(1)
	for steps := int64(1); steps <= maxSteps && least > exact; steps++ {
		high, low := bits.Mul64(unit, uint64(steps))
		if high >= requests {
			break // far more than maxTime
		}
		// A token that comes a fraction of a step early does no harm. One that
		// comes late would be missed at the end of the unit.
		token, rest := bits.Div64(high, low, requests)
		if missing := float64(rest) / float64(steps) / float64(unit); missing < least {
			least, p.steps, p.token = missing, steps, int64(min(token, uint64(maxTime)))
		}
	}
	if p.steps == 0 {
		p.steps, p.token = 1, maxTime
	}
	p.token = max(p.token, 1)
	tokens := int64(l.Burst)
	if tokens < 1 {
		tokens = int64(max(l.Requests, 1))
	}
	// Nobody lives to see a longer bucket fill.
	tokens = max(1, min(tokens, maxTime/p.token))
	p.burst = tokens * p.token
	p.ahead = p.burst + int64(overtaking)*p.steps
	p.last = maxTime / p.steps
	return p
}

// at returns a time in steps. If both times have a reading of the monotonic clock,
// the wall clock does not matter.
func (p *pace) at(now time.Time) int64 { return p.after(now.Sub(p.base)) }

// now returns the present time in steps. This reads only the monotonic clock, which
// takes half as long as time.Now.
func (p *pace) now() int64 { return p.after(time.Since(p.base)) }

// after returns a time in steps, given as the time after the base.
func (p *pace) after(d time.Duration) int64 {
	return min(max(int64(d)+before, 1), p.last) * p.steps
}

// duration returns the shortest duration that has so many steps.
func (p *pace) duration(steps int64) time.Duration {
	if steps <= 0 {
		return 0
	}
	return time.Duration((steps + p.steps - 1) / p.steps)
}

// cost returns how many steps a request takes.
func (p *pace) cost(hits int) int64 {
	if hits <= 1 {
		return p.token
	}
	// More hits than the burst are refused, however many they are.
	return min(int64(hits), p.burst/p.token+1) * p.token
}

// fill returns how long it takes at most until any bucket is full.
func (p *pace) fill() int64 {
	if p.window.unit > 0 {
		return min(p.window.unit, maxTime) + int64(overtaking)
	}
	return p.ahead
}

// A state is a bucket: when it will be full, and flags. It changes only as a whole.
//
//	bit 0     the last request was refused
//	bit 1, 2  count the owners of a slot, so that a state of one owner is
//	          not mistaken for an equal one of the next
//	the rest  the time when the bucket is full
const (
	refused   = 1
	owner     = 2
	owners    = 6
	flagBits  = 3
	ownerless = math.MinInt64 // the slot is changing hands
)

// live reports whether a bucket is not full.
func (p *pace) live(state, now int64) bool {
	full := state >> flagBits
	return full > now && full <= now+p.ahead
}

// take returns the state of a bucket after a request, and how full it is.
func (p *pace) take(state, now, cost int64) (int64, Verdict) {
	full := state >> flagBits
	if full <= now || full > now+p.ahead {
		full = now
	}
	next := full + cost
	if next-now > p.burst {
		if p.window.unit > 0 {
			return p.exceed(state, full, now, cost)
		}
		return state | refused, Verdict{used: full - now, rest: cost, pace: p}
	}
	return next<<flagBits | state&owners, Verdict{Allowed: true, used: next - now, rest: cost, pace: p}
}

// look returns how full a bucket is.
func (p *pace) look(state, now int64) Verdict {
	v := Verdict{Allowed: true, pace: p}
	if !p.live(state, now) {
		return v
	}
	used := state>>flagBits - now
	if p.window.unit == 0 {
		v.used = used
	} else if used <= p.burst { // and not of a later window
		v.used, v.Allowed = used, state&refused == 0
	}
	return v
}

// over reports whether a bucket has refused a request, and would refuse another.
func (p *pace) over(state, now int64) bool {
	return state&refused != 0 && state>>flagBits+p.token-now > p.burst
}

// takeAlone takes from a bucket that never changes hands.
func (p *pace) takeAlone(state *atomic.Int64, now, cost int64) Verdict {
	for {
		old := state.Load()
		next, v := p.take(old, now, cost)
		if next == old || state.CompareAndSwap(old, next) {
			return v
		}
	}
}
