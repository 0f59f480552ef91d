package program

import (
	"math"
)

// A share is a fraction of all requests, in millionths.
type share uint32

const All share = 1_000_000

// NewShare returns the share of a percentage.
func NewShare(percent float64) share {
	return share(min(max(math.Round(percent*10_000), 0), float64(All)))
}

// Percent returns the share as a percentage.
func (s share) Percent() float64 { return float64(s) / 10_000 }

// holds decides at random whether a request is part of the share.
func (s share) holds(random func() uint64) bool {
	return s == All || s > 0 && s.covers(random())
}

// covers reports whether a random number falls into the share.
func (s share) covers(drawn uint64) bool { return drawn%uint64(All) < uint64(s) }
