package redislimit

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/lateengo/gateway/ratelimit"
)

// The bounds of the arithmetic. The script adds two amounts and the time of day,
// and the sum must stay below 2^53.
const (
	maxRequests = 1 << 42
	maxCapacity = 1 << 51 // microseconds, about 71 years
)

// A gcra counts with AlgorithmGCRA. One request takes interval/parts
// microseconds, which is exact for every limit.
type gcra struct {
	key             string
	interval, parts uint64
	burst, hits     uint64
	// capacity is the time that burst requests take, cost the time that this
	// request takes.
	capacity, cost amount
}

// An amount is a number of microseconds and of parts of one.
type amount struct{ micros, parts uint64 }

func newGCRA(key string, d *ratelimit.Descriptor, hits int) (*gcra, error) {
	g := &gcra{key: key, burst: uint64(d.Requests), hits: uint64(hits)}
	if d.Burst > 0 {
		g.burst = uint64(d.Burst)
	}
	if uint64(d.Requests) > maxRequests {
		return nil, fmt.Errorf("%d requests per %v are too many: the maximum is %d", d.Requests, d.Unit, int64(maxRequests))
	}
	// A unit has nanoseconds, and an amount has microseconds.
	g.interval, g.parts = uint64(d.Unit), uint64(d.Requests)*1000
	divisor := gcd(g.interval, g.parts)
	g.interval, g.parts = g.interval/divisor, g.parts/divisor
	var ok bool
	if g.capacity, ok = g.times(g.burst); !ok || g.capacity.micros > maxCapacity {
		return nil, fmt.Errorf("a burst of %d with %d requests per %v takes too long to refill: the maximum is 71 years", g.burst, d.Requests, d.Unit)
	}
	// More hits than the burst are over the limit, however many they are.
	g.cost, _ = g.times(min(g.hits, g.burst+1))
	return g, nil
}

// times returns the time that n requests take.
func (g *gcra) times(n uint64) (amount, bool) {
	high, low := bits.Mul64(n, g.interval)
	if high >= g.parts {
		return amount{}, false
	}
	micros, parts := bits.Div64(high, low, g.parts)
	return amount{micros, parts}, true
}

func (g *gcra) question(int64, bool) (string, [6]any) {
	return g.key, [6]any{"gcra", g.cost.micros, g.cost.parts, g.capacity.micros, g.capacity.parts, g.parts}
}

func (g *gcra) status(a answer) (ratelimit.Status, error) {
	used := amount{uint64(a.first), uint64(a.second)}
	// Negative numbers are larger than the capacity here.
	if a.kind != answerAllowed && a.kind != answerOver || used.parts >= g.parts ||
		used.micros > g.capacity.micros || used.micros == g.capacity.micros && used.parts > g.capacity.parts {
		return ratelimit.Status{}, fmt.Errorf("%w: %d", errAnswer, a)
	}
	s := ratelimit.Status{Over: a.kind == answerOver}

	high, low := bits.Mul64(used.micros, g.parts)
	low, carry := bits.Add64(low, used.parts, 0)
	// The quotient is at most the burst, because used is at most the capacity.
	requests, rest := bits.Div64(high+carry, low, g.interval)
	if rest > 0 {
		requests++
	}
	s.Remaining = int(g.burst - requests)

	reset := int64(used.micros)
	if used.parts > 0 {
		reset++
	}
	s.Reset = micros(reset)

	if !s.Over {
		return s, nil
	}
	if g.hits > g.burst {
		// No pause is long enough. A full limit is the best that can come.
		s.RetryAfter = s.Reset
		return s, nil
	}
	wait := int64(used.micros+g.cost.micros) - int64(g.capacity.micros)
	if parts := int64(used.parts+g.cost.parts) - int64(g.capacity.parts); parts > 0 {
		wait += (parts-1)/int64(g.parts) + 1
	}
	if wait <= 0 {
		return ratelimit.Status{}, fmt.Errorf("%w: %d", errAnswer, a)
	}
	s.RetryAfter = micros(wait)
	return s, nil
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
