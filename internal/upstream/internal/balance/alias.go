package balance

import (
	"math"
	"math/bits"
)

// An alias draws from a list of weights in constant time (the method of Walker
// and Vose): each column holds the probability of its own item, and the item
// that has the rest of the column.
type alias struct{ columns []column }

type column struct {
	own   uint64 // probability times 2^64
	other int32
}

func newAlias(members []member) *alias {
	a := &alias{columns: make([]column, len(members))}
	total := 0.0
	for _, m := range members {
		total += float64(m.weight)
	}
	// How many columns an item fills, 1 on average.
	rest := make([]float64, len(members))
	var small, large []int32
	for i, m := range members {
		rest[i] = float64(m.weight) / total * float64(len(members))
		if rest[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.columns[s] = column{own: uint64(rest[s] * (1 << 63) * 2), other: l}
		if rest[l] -= 1 - rest[s]; rest[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	// The remaining items differ from 1 only by rounding.
	for _, i := range append(small, large...) {
		a.columns[i] = column{own: math.MaxUint64, other: i}
	}
	return a
}

// at returns the item for a random number.
func (a *alias) at(r uint64) int {
	i, part := bits.Mul64(r, uint64(len(a.columns)))
	if c := &a.columns[i]; part >= c.own {
		return int(c.other)
	}
	return int(i)
}

// below maps a random number to [0,n).
func below(r uint64, n int) int {
	i, _ := bits.Mul64(r, uint64(n))
	return int(i)
}
