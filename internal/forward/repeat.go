package forward

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A Budget limits how many requests a destination gets a second time because a
// connection broke: a few, and about an eighth of its requests. So a backend
// that is killed loses no request, and a backend that breaks every connection
// gets few repeated ones: a repetition that gets a response costs nothing.
//
// It is safe for concurrent use. The zero Budget has only the repetitions that
// requests earn.
type Budget struct{ tokens atomic.Int64 }

// One in earnEvery requests earns a repetition, chosen at random, so that they
// do not all earn at the same count.
const (
	FirstRepeats = 16
	mostRepeats  = 256
	earnEvery    = 16
	earned       = 2
)

// NewBudget returns a Budget with a few repetitions.
func NewBudget() *Budget {
	b := new(Budget)
	b.tokens.Store(FirstRepeats)
	return b
}

// Earn counts a request that began at a time. The last digits of the time decide
// by chance.
func (b *Budget) Earn(began time.Time) {
	if began.Nanosecond()/8%earnEvery == 0 && b.tokens.Load() < mostRepeats {
		b.tokens.Add(earned)
	}
}

// Spend takes one repetition, and reports whether there was one.
func (b *Budget) Spend() bool {
	if b.tokens.Add(-1) >= 0 {
		return true
	}
	b.tokens.Add(1)
	return false
}

// Return gives back the token of a repetition that got a response. The failures are those
// of some endpoints then, and the others can have as many requests as come.
func (b *Budget) Return() {
	if b.tokens.Load() < mostRepeats {
		b.tokens.Add(1)
	}
}

// ChangesNothing reports whether a request may be sent again although a
// destination may have acted on it (RFC 9110, section 9.2.1). The client of
// net/http repeats the same requests.
func ChangesNothing(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}
