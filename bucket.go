package gateway

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// buckets are a limit's token buckets, one for each key.
//
// A bucket that nobody has used for as long as it takes to fill up is as good
// as a new one. So each shard keeps two generations: once the younger has lasted
// that long, the older holds nothing but full buckets and is dropped. That loses
// no accuracy and needs no goroutine.
type buckets struct {
	rate  rate.Limit
	burst int
	fill  time.Duration
	// single is the bucket of a limit without key.
	single *rate.Limiter
	seeds  [2]maphash.Seed
	shards []shard
}

// shardCount spreads keys so that few requests meet at one lock.
const shardCount = 64

// defaultMaxKeys is RateLimit.MaxKeys where it is zero.
const defaultMaxKeys = 1 << 18

// A bucketKey is the hash of a key's values under seeds that no client knows.
type bucketKey [2]uint64

type shard struct {
	mu         sync.Mutex
	young, old map[bucketKey]*rate.Limiter
	turned     time.Time
	room       int
	shared     *rate.Limiter
	_          [24]byte // keeps locks of neighbours apart
}

func newBuckets(l *RateLimit) *buckets {
	b := &buckets{
		rate:  rate.Limit(float64(l.Requests) / l.Unit.Seconds()),
		burst: l.Requests,
		fill:  l.Unit,
	}
	if len(l.Per) == 0 {
		b.single = rate.NewLimiter(b.rate, b.burst)
		return b
	}
	b.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	b.shards = make([]shard, shardCount)
	room := l.MaxKeys
	if room <= 0 {
		room = defaultMaxKeys
	}
	for i := range b.shards {
		b.shards[i].room = max(1, (room+shardCount-1)/shardCount)
	}
	return b
}

// key returns the key of some values.
func (b *buckets) key(values []byte) bucketKey {
	if b.single != nil {
		return bucketKey{}
	}
	return bucketKey{maphash.Bytes(b.seeds[0], values), maphash.Bytes(b.seeds[1], values)}
}

// take takes a token, if there is one.
func (b *buckets) take(key bucketKey, now time.Time) bool {
	return b.bucket(key, now).AllowN(now, 1)
}

// wait returns how long it takes until there is a token.
func (b *buckets) wait(key bucketKey, now time.Time) time.Duration {
	missing := 1 - b.bucket(key, now).TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(b.rate) * float64(time.Second))
}

// bucket returns the bucket of a key.
func (b *buckets) bucket(key bucketKey, now time.Time) *rate.Limiter {
	if b.single != nil {
		return b.single
	}
	s := &b.shards[key[0]%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.turned); age >= b.fill {
		s.old = s.young
		if age >= 2*b.fill {
			s.old = nil
		}
		s.young, s.turned = nil, now
	}
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
		s.young = make(map[bucketKey]*rate.Limiter)
	}
	s.young[key] = l
	return l
}

// len returns how many buckets are kept.
func (b *buckets) len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}

// appendAddress appends what stands for a client's address in a key: an IPv4
// address, or the /64 of an IPv6 address, which is what one client gets.
func appendAddress(text []byte, address string) []byte {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return append(text, address...)
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		b := a.As4()
		return append(text, b[:]...)
	}
	b := a.As16()
	return append(text, b[:8]...)
}

// addressKey returns the same as text.
func addressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	prefix, _ := a.Prefix(64)
	return prefix.String()
}
