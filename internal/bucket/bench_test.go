package bucket

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/lateengo/gateway/spec"
)

// BenchmarkTake takes tokens of known keys on all processors. A bucket of x/time/rate
// is there for comparison.
func BenchmarkTake(b *testing.B) {
	l := spec.RateLimit{Requests: 1000, Burst: 1 << 30, Unit: time.Hour}
	b.Run("no key", func(b *testing.B) {
		buckets := NewBuckets(&l, nil)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				buckets.Take(0)
			}
		})
	})
	b.Run("no key, x/time/rate", func(b *testing.B) {
		limiter := rate.NewLimiter(1000.0/3600, 1<<30)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				limiter.AllowN(time.Now(), 1)
			}
		})
	})
	l.Per = perAddress
	for _, n := range []int{1, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("%d keys", n), func(b *testing.B) {
			buckets := NewBuckets(&l, nil)
			keys := make([]Key, n)
			for i := range keys {
				keys[i] = keyOf(buckets, i)
			}
			for range 2 {
				for _, key := range keys {
					buckets.Take(key)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				random := rand.Uint32()
				for pb.Next() {
					random = random*1664525 + 1013904223
					buckets.Take(keys[uint64(random)*uint64(n)>>32])
				}
			})
		})
	}
}

// BenchmarkNewKeys takes tokens of keys that come once, with room and in a full
// table, and reports the memory of a key.
func BenchmarkNewKeys(b *testing.B) {
	for _, keys := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			l := spec.RateLimit{Requests: 10, Unit: time.Hour, Per: perAddress}
			var buckets *Buckets
			var bytes int64
			var took time.Duration
			for b.Loop() {
				buckets = nil
				before := heap()
				buckets = NewBuckets(&l, nil)
				began := time.Now()
				var next atomic.Uint64
				var all sync.WaitGroup
				for range runtime.GOMAXPROCS(0) {
					all.Go(func() {
						for n := next.Add(1); n <= uint64(keys); n = next.Add(1) {
							buckets.TakeAt(Key(n*0x9e3779b97f4a7c15), began)
						}
					})
				}
				all.Wait()
				took = time.Since(began)
				bytes = heap() - before
			}
			b.ReportMetric(float64(bytes)/float64(keys), "B/key")
			b.ReportMetric(float64(keys-buckets.len(time.Now())), "lost")
			b.ReportMetric(float64(took.Nanoseconds())/float64(keys), "ns/key")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(buckets)
		})
	}
	b.Run("full", func(b *testing.B) {
		l := spec.RateLimit{Requests: 10, Unit: time.Hour, Per: perAddress, MaxKeys: 1 << 18}
		buckets := NewBuckets(&l, nil)
		now := time.Now()
		n := uint64(0)
		for ; n < 1<<19; n++ {
			buckets.TakeAt(Key(n*0x9e3779b97f4a7c15+1), now)
		}
		b.ReportAllocs()
		var next atomic.Uint64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				buckets.TakeAt(Key((n+next.Add(1))*0x9e3779b97f4a7c15+1), now)
			}
		})
	})
}
