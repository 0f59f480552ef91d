package limit

import (
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lateengo/gateway/spec"
)

// Buckets are the token buckets of a limit, one for each key.
//
// A bucket that was not used for as long as it takes to fill is the same as a new
// one. So each shard keeps two generations. When the younger one has lasted that
// long, the older one has only full buckets and is dropped. This loses no
// accuracy and needs no goroutine.
type Buckets struct {
	rate  rate.Limit
	burst int
	fill  time.Duration
	// seeds are nil for a limit without key.
	seeds  *[2]maphash.Seed
	shards []shard
}

// shardCount spreads keys so that few requests share a lock.
const shardCount = 64

// defaultMaxKeys is the default of RateLimit.MaxKeys.
const defaultMaxKeys = 1 << 18

// A Key is the hash of a key's values, with seeds that clients do not know.
type Key [2]uint64

type shard struct {
	mu sync.Mutex
	// now is the latest time at which a bucket was used. Requests can overtake
	// each other after they read the clock, and a rate.Limiter whose time goes
	// back counts the difference twice.
	now        time.Time
	young, old map[Key]*rate.Limiter
	turned     time.Time
	room       int
	// shared is the bucket of all keys beyond the maximum.
	shared *rate.Limiter
	_      [16]byte // keeps the locks of neighbors apart
}

// NewBuckets returns the buckets of a limit, all full.
func NewBuckets(l *spec.RateLimit) *Buckets {
	b := &Buckets{
		rate:  rate.Limit(float64(l.Requests) / l.Unit.Seconds()),
		burst: l.Requests,
		fill:  l.Unit,
	}
	if len(l.Per) == 0 {
		b.shards = make([]shard, 1)
		b.shards[0].room = 1
		return b
	}
	b.seeds = &[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	room := l.MaxKeys
	if room <= 0 {
		room = defaultMaxKeys
	}
	// A shard with few keys would fill long before the others.
	b.shards = make([]shard, min(shardCount, 1+room/1024))
	for i := range b.shards {
		b.shards[i].room = room / len(b.shards)
	}
	return b
}

// key returns the key of some values.
func (b *Buckets) key(values []byte) Key {
	if b.seeds == nil {
		return Key{}
	}
	return Key{maphash.Bytes(b.seeds[0], values), maphash.Bytes(b.seeds[1], values)}
}

// lock returns the locked shard of a key, in the generation of now.
func (b *Buckets) lock(key Key, now time.Time) *shard {
	s := &b.shards[key[0]%uint64(len(b.shards))]
	s.mu.Lock()
	if now.After(s.now) {
		s.now = now
	}
	if age := s.now.Sub(s.turned); age >= b.fill {
		s.old = s.young
		if age >= 2*b.fill {
			s.old = nil
		}
		s.young, s.turned = nil, s.now
	}
	return s
}

// Take takes a token, if there is one.
func (b *Buckets) Take(key Key, now time.Time) bool {
	s := b.lock(key, now)
	defer s.mu.Unlock()
	return s.bucket(b, key).AllowN(s.now, 1)
}

// Wait returns how long it takes until there is a token.
func (b *Buckets) Wait(key Key, now time.Time) time.Duration {
	s := b.lock(key, now)
	defer s.mu.Unlock()
	l := s.find(key)
	if l == nil {
		return 0
	}
	missing := 1 - l.TokensAt(s.now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(b.rate) * float64(time.Second))
}

// find returns the bucket of a key, or nil if the bucket is full.
func (s *shard) find(key Key) *rate.Limiter {
	if l := s.young[key]; l != nil {
		return l
	}
	if l := s.old[key]; l != nil {
		return l
	}
	if len(s.young)+len(s.old) >= s.room {
		return s.shared
	}
	return nil
}

// bucket returns the bucket of a key, and marks it as used now.
func (s *shard) bucket(b *Buckets, key Key) *rate.Limiter {
	if l := s.young[key]; l != nil {
		return l
	}
	l := s.old[key]
	switch {
	case l != nil:
		delete(s.old, key)
	case len(s.young)+len(s.old) >= s.room:
		if s.shared == nil {
			s.shared = rate.NewLimiter(b.rate, b.burst)
		}
		return s.shared
	default:
		l = rate.NewLimiter(b.rate, b.burst)
	}
	if s.young == nil {
		s.young = make(map[Key]*rate.Limiter)
	}
	s.young[key] = l
	return l
}
