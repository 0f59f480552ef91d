package limit

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/spec"
)

// Buckets are the token buckets of a limit, one for each key.
type Buckets struct {
	pace pace
	seed maphash.Seed
	// table is nil for a limit without key, whose bucket is alone.
	table *table
	alone *alone
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

// NewBuckets returns the buckets of a limit, all full.
func NewBuckets(l *spec.RateLimit) *Buckets {
	b := &Buckets{pace: newPace(l)}
	if len(l.Per) == 0 {
		b.alone = new(alone)
		return b
	}
	keys := l.MaxKeys
	if keys <= 0 {
		keys = defaultMaxKeys
	}
	b.seed = maphash.MakeSeed()
	b.table = newTable(&b.pace, 1+(keys-1)/pageSlots)
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
func (b *Buckets) Take(key Key) Verdict { return b.take(key, b.pace.now()) }

// TakeAt takes a token at a time. The times of requests may overtake each other.
func (b *Buckets) TakeAt(key Key, now time.Time) Verdict { return b.take(key, b.pace.at(now)) }

func (b *Buckets) take(key Key, now int64) Verdict {
	if b.table == nil {
		return b.pace.takeAlone(&b.alone.state, now)
	}
	return b.table.take(uint64(key), now)
}

// Wait returns how long it takes until there is a token.
func (b *Buckets) Wait(key Key, now time.Time) time.Duration {
	at := b.pace.at(now)
	v := Verdict{pace: &b.pace}
	if b.table == nil {
		v.used = b.pace.used(b.alone.state.Load(), at)
	} else {
		v.used = b.table.used(uint64(key), at)
	}
	return v.RetryAfter()
}
