package gateway

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A repeatBudget limits the requests that a destination gets once more because a
// connection broke, to a few and about an eighth of its requests. So a backend
// that is killed costs no request, and one that breaks every connection gets no
// more of them.
//
// It is safe for concurrent use. The zero budget has only what is earned.
type repeatBudget struct{ tokens atomic.Int64 }

// Of every earnEvery requests one earns, by chance, so that not all of them meet
// at one number.
const (
	firstRepeats = 16
	mostRepeats  = 256
	earnEvery    = 16
	earned       = 2
)

func newRepeatBudget() *repeatBudget {
	b := new(repeatBudget)
	b.tokens.Store(firstRepeats)
	return b
}

// earn notes a request that began at a time, whose last digits are the chance.
func (b *repeatBudget) earn(began time.Time) {
	if began.Nanosecond()/8%earnEvery == 0 && b.tokens.Load() < mostRepeats {
		b.tokens.Add(earned)
	}
}

// spend takes a repetition, if there is one left.
func (b *repeatBudget) spend() bool {
	if b.tokens.Add(-1) >= 0 {
		return true
	}
	b.tokens.Add(1)
	return false
}

// changesNothing reports whether a request may be sent again although a
// destination may have acted on it (RFC 9110, section 9.2.1), which net/http's
// client does by itself.
func changesNothing(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}
