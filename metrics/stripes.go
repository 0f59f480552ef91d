package metrics

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// stripes is the number of copies of each counter. Requests on different processors
// then seldom write to one cache line.
var stripes = func() int {
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < 64 {
		n *= 2
	}
	return n
}()

// stripe returns the copy for an addition.
func stripe() int { return int(rand.Uint32()) & (stripes - 1) }

// A counter counts. It has the size of a cache line.
type counter struct {
	n atomic.Uint64
	_ [56]byte
}

// counters are the stripes of a counter.
type counters []counter

func newCounters() counters { return make(counters, stripes) }

func (c counters) sum() (n uint64) {
	for i := range c {
		n += c[i].n.Load()
	}
	return n
}
