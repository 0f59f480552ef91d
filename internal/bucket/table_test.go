package bucket

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// all returns the pages of a table, and checks the directory.
func (t *table) all() (out []*page) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.dir.Load()
	for i := 0; i < len(d.pages); {
		p := d.pages[i].Load()
		out = append(out, p)
		n := 1 << (d.depth - p.depth)
		for k := i; k < i+n; k++ {
			if d.pages[k].Load() != p || p.gone || uint64(k)>>(d.depth-p.depth) != p.prefix {
				panic(fmt.Sprintf("entry %d of the directory is wrong", k))
			}
		}
		i += n
	}
	if len(out) != t.pages {
		panic(fmt.Sprintf("%d pages instead of %d", len(out), t.pages))
	}
	return out
}

func TestTableIsBounded(t *testing.T) {
	for _, row := range []struct{ maxKeys, keys int }{{1, 10_000}, {252, 10_000}, {253, 10_000}, {10_000, 200_000}} {
		l := spec.RateLimit{Requests: 1, Unit: time.Hour, Per: perAddress, MaxKeys: row.maxKeys}
		before := heap()
		b := NewBuckets(&l, nil)
		now := time.Now()
		for n := range row.keys {
			if v := b.TakeAt(keyOf(b, n), now); !v.Allowed {
				t.Fatalf("new key %d does not get in", n)
			}
		}
		pages := 1 + (row.maxKeys-1)/pageSlots
		require.Len(t, b.table.all(), pages)
		require.Greater(t, b.len(now), pages*pageSlots*9/10)
		require.Less(t, heap()-before, int64(pages*(4096+64)+16<<10))
		runtime.KeepAlive(b)
	}
}

// A flood of keys does not keep new clients out, and does not free those who are
// over their limit.
func TestTableInAFlood(t *testing.T) {
	most, bound := 5_000_000, 1<<18
	if reduced() {
		most, bound = 100_000, 1<<13
	}
	for i, requests := range []int{1, 5, 100} {
		flood := most
		if i > 0 {
			flood = most / 5
		}
		l := spec.RateLimit{Requests: requests, Unit: time.Hour, Per: perAddress, MaxKeys: bound}
		b := NewBuckets(&l, nil)
		now := time.Now()
		const over, fresh = 1000, 1000
		refuse := func(n int) {
			for range requests + 1 {
				b.TakeAt(keyOf(b, n), now)
			}
		}
		for n := range over {
			refuse(-1 - n)
		}
		for n := range flood {
			now = now.Add(time.Microsecond)
			b.TakeAt(keyOf(b, n), now)
		}
		freed, allowed := 0, 0
		for n := range over {
			if v := b.TakeAt(keyOf(b, -1-n), now); v.Allowed {
				freed++
			}
		}
		for n := range fresh {
			if v := b.TakeAt(keyOf(b, flood+n), now); v.Allowed {
				allowed++
			}
		}
		require.Equal(t, fresh, allowed)
		require.LessOrEqual(t, freed, over/500, "of %d clients over their limit of %d", over, requests)
	}
}

// Even if a flood consists of keys that go over their limit, a key is freed only if
// the keys over their limit fill the table.
func TestTableInAFloodOverTheLimit(t *testing.T) {
	l := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress, MaxKeys: 1 << 14}
	b := NewBuckets(&l, nil)
	now := time.Now()
	refused := func(from, to int) (n int) {
		for k := from; k < to; k++ {
			for range l.Requests {
				b.TakeAt(keyOf(b, k), now)
			}
			if v := b.TakeAt(keyOf(b, k), now); !v.Allowed {
				n++
			}
		}
		return n
	}
	const half = 1 << 13
	require.Equal(t, half, refused(0, half))
	for n := range 20 * half {
		b.TakeAt(keyOf(b, half+n), now)
	}
	freed := 0
	for n := range half {
		if v := b.TakeAt(keyOf(b, n), now); v.Allowed {
			freed++
		}
	}
	// Where the random hash puts more such keys in one place than fit, one is freed.
	require.LessOrEqual(t, freed, half/1000, "half of the table is over the limit")
}
