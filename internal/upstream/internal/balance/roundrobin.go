package balance

import (
	"cmp"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// A rotation is an order in which members come up in proportion to their
// weights, at even distances.
type rotation struct {
	turn atomic.Uint64
	n    uint64 // number of members
	// schedule is one round, if the weights differ and are small.
	schedule []int32
	// ends are the cumulative weights, if they differ and are large.
	ends []uint64
}

// maxSchedule is the longest round that is stored. It limits the cost of an
// ejection.
const maxSchedule = 4096

// golden is 2^64 divided by the golden ratio. Its multiples modulo 2^64 spread
// more evenly than those of any other number.
const golden = 0x9e3779b97f4a7c15

// newRotation returns a rotation of members that begins at a random place.
func newRotation(members []member, even bool, random uint64) *rotation {
	r := &rotation{n: uint64(len(members))}
	r.turn.Store(random >> 1) // avoids the overflow at 2^64
	if even {
		return r
	}
	var divisor, total uint64
	for _, m := range members {
		divisor = gcd(uint64(m.weight), divisor)
		total += uint64(m.weight)
	}
	if total/divisor <= maxSchedule {
		r.schedule = schedule(members, divisor)
		return r
	}
	r.ends = make([]uint64, len(members))
	var end uint64
	for i, m := range members {
		end += uint64(m.weight)
		r.ends[i] = end
	}
	return r
}

// schedule returns a round in which each member comes up as often as its weight
// in units of divisor. Each member's turns are in the middle of equal parts of
// the round, and then all turns are sorted.
func schedule(members []member, divisor uint64) []int32 {
	type turn struct {
		at     float64
		member int32
	}
	var turns []turn
	for i, m := range members {
		n := uint64(m.weight) / divisor
		for k := range n {
			turns = append(turns, turn{(float64(k) + 0.5) / float64(n), int32(i)})
		}
	}
	slices.SortFunc(turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.member, b.member))
	})
	all := make([]int32, len(turns))
	for i, t := range turns {
		all[i] = t.member
	}
	return all
}

// next returns the index of the member whose turn it is.
func (r *rotation) next() int {
	turn := r.turn.Add(1)
	switch {
	case r.schedule != nil:
		return int(r.schedule[turn%uint64(len(r.schedule))])
	case r.ends != nil:
		at, _ := bits.Mul64(turn*golden, r.ends[len(r.ends)-1])
		i, found := slices.BinarySearch(r.ends, at)
		if found {
			i++
		}
		return i
	}
	return int(turn % r.n)
}

// maxSkips limits how many turns warming hosts skip. So many in a row are rare,
// unless almost all of very many hosts have just begun.
const maxSkips = 64

// rotateWarming returns the member whose turn it is. A warming host skips
// turns, depending on how its readiness compares with the most ready host.
func (g *group) rotateWarming(c *Config, now time.Time) *member {
	most := c.Warmup.factor(now.Sub(g.oldest))
	for skips := 0; ; skips++ {
		m := &g.members[g.rotation.next()]
		factor := c.Warmup.factor(now.Sub(m.added))
		if factor >= most || skips == maxSkips || fraction(c.Random())*most < factor {
			return m
		}
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
