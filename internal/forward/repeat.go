package forward

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A Budget limits the requests that a destination gets once more because a
// connection broke, to a few and about an eighth of its requests. So a backend
// that is killed costs no request, and one that breaks every connection gets no
// more of them.
//
// It is safe for concurrent use. The zero budget has only what is earned.
type Budget struct{ tokens atomic.Int64 }

// Of every earnEvery requests one earns, by chance, so that not all of them meet
// at one number.
const (
	FirstRepeats = 16
	mostRepeats  = 256
	earnEvery    = 16
	earned       = 2
)

func NewBudget() *Budget {
	b := new(Budget)
	b.tokens.Store(FirstRepeats)
	return b
}

// Earn notes a request that began at a time, whose last digits are the chance.
func (b *Budget) Earn(began time.Time) {
	if began.Nanosecond()/8%earnEvery == 0 && b.tokens.Load() < mostRepeats {
		b.tokens.Add(earned)
	}
}

// Spend takes a repetition, if there is one left.
func (b *Budget) Spend() bool {
	if b.tokens.Add(-1) >= 0 {
		return true
	}
	b.tokens.Add(1)
	return false
}

// ChangesNothing reports whether a request may be sent again although a
// destination may have acted on it (RFC 9110, section 9.2.1), which net/http's
// client does by itself.
func ChangesNothing(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}
