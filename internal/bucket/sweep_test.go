package bucket

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// While there is room, a table is exact: no key gets a second bucket however the
// table grows, and a sweep frees the memory.
func TestTableGrowsAndShrinks(t *testing.T) {
	keys := 1_000_000
	if reduced() {
		keys = 50_000
	}
	l := spec.RateLimit{Requests: 2, Unit: time.Minute, Per: perAddress}
	before := heap()
	b := NewBuckets(&l, nil)
	now := time.Now()
	// take takes a token of each key and returns how many there were.
	take := func() (allowed int) {
		for n := range keys {
			if v := b.TakeAt(keyOf(b, n), now); v.Allowed {
				allowed++
			}
		}
		return allowed
	}
	for _, want := range []int{keys, keys, 0} {
		require.Equal(t, want, take())
	}
	require.Equal(t, keys, b.len(now))
	require.Less(t, float64(heap()-before)/float64(keys), 40.0, "bytes for a key")

	// Half a minute later every key has a token, and a minute later none is needed.
	now = now.Add(30 * time.Second)
	require.Equal(t, keys, take())
	pages := b.table.pages
	now = now.Add(time.Minute)
	for range 3 * pages {
		now = now.Add(time.Minute / time.Duration(pages))
		b.TakeAt(keyOf(b, 0), now)
	}
	require.Equal(t, 1, len(b.table.all()))
	require.Less(t, heap()-before, int64(64<<10))
	runtime.KeepAlive(b)
}

// Keys are taken while pages divide and merge. Each gets exactly its tokens.
func TestTableChangesUnderLoad(t *testing.T) {
	const keys, workers = 20_000, 8
	rounds := 10
	if reduced() {
		rounds = 2
	}
	l := spec.RateLimit{Requests: 3, Unit: time.Second, Per: perAddress}
	b := NewBuckets(&l, nil)
	now := time.Now()
	most := 0
	for round := range rounds {
		given := make([]atomic.Int32, keys)
		var all sync.WaitGroup
		for worker := range workers {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(worker/2)))
				for range 2 {
					for _, n := range random.Perm(keys) {
						if v := b.TakeAt(keyOf(b, n), now); v.Allowed {
							given[n].Add(1)
						}
					}
				}
			})
		}
		all.Wait()
		for n := range given {
			if got := given[n].Load(); got != 3 {
				t.Fatalf("key %d got %d tokens", n, got)
			}
		}
		most = max(most, len(b.table.all()))
		// The buckets fill, and others merge the pages while some keys return.
		for range workers {
			all.Go(func() {
				for i := range 400 {
					later := now.Add(time.Second + time.Duration(i)*100*time.Millisecond)
					b.TakeAt(keyOf(b, i%7), later)
				}
			})
		}
		all.Wait()
		require.Less(t, len(b.table.all()), 10)
		now = now.Add(time.Minute)
	}
	require.Greater(t, most, keys/pageSlots)
}
