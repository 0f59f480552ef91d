// Package bucket counts in this process, evenly or in fixed windows. The main types are
// Buckets, which a limit has for its keys; Memory, which counts limits that are not known
// before; and Budget, which bounds the memory of all of them.
package bucket

import (
	"hash/maphash"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/spec"
)

// Buckets are the token buckets or the fixed windows of a limit, one for each key.
type Buckets struct {
	pace pace
	seed maphash.Seed
	// table is nil for a limit without key, whose bucket is alone.
	table *table
	alone *alone
	// clock is nil for the clock of the process.
	clock func() time.Time
	// plain means that these are token buckets with the clock of the process.
	plain bool
}

// An alone is a bucket with a cache line for itself.
type alone struct {
	state atomic.Int64
	_     [56]byte
}

// defaultMaxKeys is the default of RateLimit.MaxKeys. Its pages take 256 MiB.
const defaultMaxKeys = 1 << 16 * pageSlots

// A Key is the hash of a key's values, with a seed that clients do not know.
type Key uint64

// NewBuckets returns the buckets of a limit, all full. The MaxKeys of the limit bound
// their memory, and so does the budget, unless it is nil.
func NewBuckets(l *spec.RateLimit, budget *Budget) *Buckets {
	return newBuckets(l, len(l.Per) > 0, budget, nil)
}

// NewBucketsOf is like NewBuckets for a limit whose key Per does not have: keyed means that
// there is one.
func NewBucketsOf(l *spec.RateLimit, keyed bool, budget *Budget) *Buckets {
	return newBuckets(l, keyed, budget, nil)
}

func newBuckets(l *spec.RateLimit, keyed bool, budget *Budget, clock func() time.Time) *Buckets {
	b := &Buckets{pace: newPace(l), clock: clock}
	b.plain = b.pace.window.unit == 0 && clock == nil
	if !keyed {
		b.alone = new(alone)
		return b
	}
	pages := defaultMaxKeys / pageSlots
	switch {
	case l.MaxKeys > 0:
		pages = 1 + (l.MaxKeys-1)/pageSlots
	case budget != nil:
		pages = budget.total
	}
	b.seed = maphash.MakeSeed()
	// The budget knows the table, which therefore must not lead to the buckets.
	ofTable := b.pace
	b.table = newTable(&ofTable, pages, budget, clock)
	if budget != nil {
		runtime.AddCleanup(b, budget.leave, b.table)
	}
	return b
}

// Hash returns the key of some values.
func (b *Buckets) Hash(values []byte) Key {
	if b.table == nil {
		return 0
	}
	// In a slot, 0 is no key.
	return Key(max(1, maphash.Bytes(b.seed, values)))
}

// Take takes a token now, if there is one.
func (b *Buckets) Take(key Key) Verdict {
	if !b.plain {
		return b.TakeN(key, 1)
	}
	now := b.pace.now()
	return b.take(key, now, now, b.pace.token)
}

// TakeN takes as many tokens as a request costs, if there are so many. Otherwise it
// takes none, except of a fixed window, of which it then takes what is left. With no
// hits it only looks: then the request is allowed, unless a fixed window has refused one.
func (b *Buckets) TakeN(key Key, hits int) Verdict {
	switch {
	case hits <= 0:
		return b.look(key, b.time())
	case b.pace.window.unit > 0:
		return b.takeWindow(key, hits, b.time)
	}
	now := b.now()
	return b.take(key, now, now, b.pace.cost(hits))
}

// TakeAt takes a token at a time. The times of requests may overtake each other, but
// not from one fixed window to the next: a window that is in the past begins again.
func (b *Buckets) TakeAt(key Key, now time.Time) Verdict { return b.takeNAt(key, 1, now) }

func (b *Buckets) takeNAt(key Key, hits int, now time.Time) Verdict {
	switch {
	case hits <= 0:
		return b.look(key, now)
	case b.pace.window.unit > 0:
		return b.takeWindow(key, hits, func() time.Time { return now })
	}
	at := b.pace.at(now)
	return b.take(key, at, at, b.pace.cost(hits))
}

// time reads the clock.
func (b *Buckets) time() time.Time {
	if b.clock != nil {
		return b.clock()
	}
	return time.Now()
}

// now reads the clock, in steps.
func (b *Buckets) now() int64 {
	if b.clock != nil {
		return b.pace.at(b.clock())
	}
	return b.pace.now()
}

// take takes from a bucket. The time is at, and that of buckets is now.
func (b *Buckets) take(key Key, at, now, cost int64) Verdict {
	if b.table == nil {
		return b.pace.takeAlone(&b.alone.state, now, cost)
	}
	if b.table.due(at) {
		b.table.sweepAll(at, now)
	}
	return b.table.take(uint64(key), now, cost)
}

// look returns the state of a bucket.
func (b *Buckets) look(key Key, now time.Time) (v Verdict) {
	_, at := b.pace.moment(now)
	if b.table == nil {
		v = b.pace.look(b.alone.state.Load(), at)
	} else {
		v = Verdict{Allowed: true, pace: &b.pace}
		b.table.locked(uint64(key), func(s *slot) {
			if s != nil {
				v = b.pace.look(s.state.Load(), at)
			}
		})
	}
	if b.pace.window.unit > 0 {
		_, v.rest = b.pace.window.at(now)
	}
	return v
}

// Wait returns how long it takes until there are as many tokens as a request costs.
func (b *Buckets) Wait(key Key, now time.Time, hits int) time.Duration {
	v := b.look(key, now)
	if b.pace.window.unit == 0 {
		v.rest = b.pace.cost(hits)
	}
	return v.RetryAfter()
}
