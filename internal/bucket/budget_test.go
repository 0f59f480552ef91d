package bucket

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// hostile returns the nth key of a flood.
func hostile(n int) Key { return Key(max(1, uint64(n)*0x9e3779b97f4a7c15)) }

// requireSound fails if a budget does not know the pages of its tables, or has given too
// many.
func requireSound(t *testing.T, budget *Budget, all ...*Buckets) {
	t.Helper()
	sum := 0
	for _, b := range all {
		pages := len(b.table.all())
		require.Equal(t, pages, budget.tables[b.table])
		sum += pages
	}
	require.Len(t, budget.tables, len(all))
	require.Equal(t, sum, budget.used)
	require.LessOrEqual(t, sum, max(budget.total, len(all)))
	spare := budget.total - len(all)*int(budget.share.Load())
	for _, b := range all {
		spare -= max(0, budget.tables[b.table]-int(budget.share.Load()))
	}
	require.EqualValues(t, spare, budget.spare.Load())
}

// requireExact fails if a limit of two requests does not count some new keys exactly.
func requireExact(t *testing.T, b *Buckets, from, keys int) {
	t.Helper()
	for _, want := range []bool{true, true, false} {
		wrong := 0
		for n := range keys {
			if v := b.Take(keyOf(b, from+n)); v.Allowed != want {
				wrong++
			}
		}
		require.Zero(t, wrong, "of %d keys", keys)
	}
}

func TestNewBudget(t *testing.T) {
	require.Equal(t, 1<<16, NewBudget(0).total)
	require.Equal(t, 1, NewBudget(1).total)
	require.Equal(t, 2, NewBudget(3*4096-1).total)
}

// A flood of keys of one limit takes the memory that is not reserved. The other limits
// still count exactly what their reserve holds, and neither newcomers nor keys over
// their limit notice anything.
func TestBudgetInAFlood(t *testing.T) {
	flood, pages := 10_000_000, 4096
	if reduced() {
		flood, pages = 200_000, 256
	}
	const limits, over = 16, 300
	before := heap()
	budget := NewBudget(int64(pages) * 4096)
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}
	var all []*Buckets
	for range limits {
		b := NewBuckets(&l, budget)
		all = append(all, b)
		requireExact(t, b, 0, over)
	}
	flooded, others := all[0], all[1:]
	refused := 0
	for n := range flood {
		if v := flooded.Take(hostile(n)); !v.Allowed {
			refused++
		}
	}
	require.Less(t, refused, 10, "newcomers of the flooded limit get in")
	requireSound(t, budget, all...)
	share := int(budget.share.Load())
	require.Equal(t, pages/2/limits, share)
	require.Greater(t, budget.tables[flooded.table], pages/2, "who comes first gets what is not reserved")
	for i, b := range others {
		freed := 0
		for n := range over {
			if v := b.Take(keyOf(b, n)); v.Allowed {
				freed++
			}
		}
		require.Zero(t, freed)
		requireExact(t, b, 1000, share*pageSlots/2-over)
		require.LessOrEqual(t, budget.tables[b.table], share, "limit %d", i)
	}
	freed := 0
	for n := range over {
		if v := flooded.Take(keyOf(flooded, n)); v.Allowed {
			freed++
		}
	}
	require.LessOrEqual(t, freed, over/100, "of those over the flooded limit")
	// Now everyone is flooded.
	for n := range flood / 100 {
		for _, b := range others {
			b.Take(hostile(n))
		}
	}
	requireSound(t, budget, all...)
	require.Less(t, heap()-before, int64(pages)*(4096+4096/64)+64<<10)
	runtime.KeepAlive(all)
}

// A limit that comes when another one has all the memory gets its share of it.
func TestBudgetForLatecomers(t *testing.T) {
	pages := 1024
	if reduced() {
		pages = 128
	}
	budget := NewBudget(int64(pages) * 4096)
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}
	first := NewBuckets(&l, budget)
	const over = 300
	requireExact(t, first, 0, over)
	for n := range 2 * pages * pageSlots {
		first.Take(hostile(n))
	}
	requireSound(t, budget, first)
	require.Equal(t, pages, budget.used)
	all := []*Buckets{first}
	for range 7 {
		b := NewBuckets(&l, budget)
		all = append(all, b)
		requireSound(t, budget, all...)
		requireExact(t, b, 0, pages/16*pageSlots/2)
		requireSound(t, budget, all...)
	}
	require.Greater(t, budget.tables[first.table], pages/3)
	freed := 0
	for n := range over {
		if v := first.Take(keyOf(first, n)); v.Allowed {
			freed++
		}
	}
	require.LessOrEqual(t, freed, over/100, "of those over the first limit")
	wrong := 0
	for n := range 1000 {
		if v := first.Take(hostile(-1 - n)); !v.Allowed {
			wrong++
		}
	}
	require.Zero(t, wrong)
}

// The bound of a limit and that of the budget both hold.
func TestBudgetAndMaxKeys(t *testing.T) {
	budget := NewBudget(64 * 4096)
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress, MaxKeys: 10 * pageSlots}
	b := NewBuckets(&l, budget)
	for n := range 64 * pageSlots {
		b.Take(hostile(n))
	}
	require.Equal(t, 10, budget.used)
	requireSound(t, budget, b)
	require.Equal(t, 1<<18, NewBuckets(&spec.RateLimit{Requests: 1, Unit: time.Hour, Per: perAddress}, NewBudget(1<<30)).table.max)
}

// There may be more limits than pages. Each has one.
func TestBudgetOfOnePage(t *testing.T) {
	budget := NewBudget(4096)
	var all []*Buckets
	for range 5 {
		b := NewBuckets(&spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}, budget)
		all = append(all, b)
		requireExact(t, b, 0, 100)
		for n := range 1000 {
			b.Take(hostile(n))
		}
	}
	requireSound(t, budget, all...)
	require.Equal(t, 5, budget.used)
}

// What a limit has used is free again when its buckets are not reachable.
func TestBudgetOfBucketsThatAreDropped(t *testing.T) {
	budget := NewBudget(64 * 4096)
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}
	kept := NewBuckets(&l, budget)
	func() {
		dropped := NewBuckets(&l, budget)
		for n := range 64 * pageSlots {
			dropped.Take(hostile(n))
		}
		require.Equal(t, 49, budget.used)
		runtime.KeepAlive(dropped)
	}()
	left := func() bool {
		budget.mu.Lock()
		defer budget.mu.Unlock()
		return len(budget.tables) == 1
	}
	for i := 0; !left(); i++ {
		require.Less(t, i, 10_000)
		runtime.GC()
		runtime.Gosched()
	}
	requireSound(t, budget, kept)
	for n := range 64 * pageSlots {
		kept.Take(hostile(n))
	}
	require.Equal(t, 64, budget.used)
	requireSound(t, budget, kept)
}

// The pages of a limit that has no requests any more come back when those of others sweep.
func TestBudgetOfIdleLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(64 * 4096)
		var all []*Buckets
		for _, algorithm := range []spec.LimitAlgorithm{spec.LimitGCRA, spec.LimitFixedWindow, spec.LimitGCRA} {
			b := NewBuckets(&spec.RateLimit{Requests: 2, Unit: time.Minute, Per: perAddress, Algorithm: algorithm}, budget)
			all = append(all, b)
			for n := range 20 * pageSlots {
				b.Take(hostile(n))
			}
		}
		require.Greater(t, budget.used, 50)
		time.Sleep(time.Minute)
		for n := range 8000 {
			time.Sleep(time.Second)
			all[0].Take(hostile(n % 1000))
		}
		requireSound(t, budget, all...)
		require.Equal(t, 1, budget.tables[all[1].table])
		require.Equal(t, 1, budget.tables[all[2].table])
	})
}

// Limits compete for pages, come and are swept, all at the same time.
func TestBudgetUnderLoad(t *testing.T) {
	keys := 30_000
	if reduced() {
		keys = 5000
	}
	budget := NewBudget(48 * 4096)
	const limits = 8
	all := make([]*Buckets, limits)
	var done sync.WaitGroup
	for i := range all {
		done.Go(func() {
			unit := []time.Duration{time.Hour, time.Millisecond}[i%2]
			b := NewBuckets(&spec.RateLimit{Requests: 2, Unit: unit, Per: perAddress, Algorithm: spec.LimitAlgorithm(i / 2 % 2)}, budget)
			all[i] = b
			var workers sync.WaitGroup
			for worker := range 4 {
				workers.Go(func() {
					for n := range keys {
						b.TakeN(hostile(n*4+worker), 1+n%3)
						b.TakeN(hostile(n/2*4+worker), n%2)
					}
				})
			}
			workers.Wait()
		})
	}
	done.Wait()
	requireSound(t, budget, all...)
}
