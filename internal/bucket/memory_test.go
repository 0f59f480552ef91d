package bucket

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func user(name string) []ratelimit.Entry { return []ratelimit.Entry{{Key: "x-user", Value: name}} }

// A counter belongs to everything that a descriptor says, and to the domain.
func TestMemoryCountsApart(t *testing.T) {
	m := NewMemory(nil)
	d := ratelimit.Descriptor{Entries: user("bob"), Requests: 1, Unit: time.Hour}
	changed := func(change func(*ratelimit.Descriptor)) *ratelimit.Descriptor {
		c := d
		change(&c)
		return &c
	}
	for i, row := range []struct {
		domain string
		d      *ratelimit.Descriptor
	}{
		{"shop", &d},
		{"sho", changed(func(d *ratelimit.Descriptor) { d.Entries = []ratelimit.Entry{{Key: "px-user", Value: "bob"}} })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Entries = []ratelimit.Entry{{Key: "x-userb", Value: "ob"}} })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Entries = append(user("bob"), user("bob")...) })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Entries = user("") })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Entries = nil })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Unit = time.Minute })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Requests, d.Burst = 2, 1 })},
		{"shop", changed(func(d *ratelimit.Descriptor) { d.Algorithm = ratelimit.AlgorithmFixedWindow })},
	} {
		v := m.Take(row.domain, row.d)
		require.True(t, v.Allowed, i)
		v = m.Take(row.domain, row.d)
		require.False(t, v.Allowed, i)
	}
	same, err := m.Counter("shop", &d)
	require.NoError(t, err)
	burst, err := m.Counter("shop", changed(func(d *ratelimit.Descriptor) { d.Burst = 1 }))
	require.NoError(t, err)
	require.Equal(t, same, burst, "a burst that is the default")
	require.Equal(t, same, same.Again(0))
	require.NotEqual(t, same.Again(1), same.Again(2))
	v := same.Again(1).Take(1)
	require.True(t, v.Allowed)
}

func TestMemoryHits(t *testing.T) {
	m := NewMemory(nil)
	d := ratelimit.Descriptor{Entries: user("bob"), Requests: 10, Unit: time.Hour, Hits: 4}
	for _, want := range []int{6, 2, 2} {
		v := m.Take("shop", &d)
		require.Equal(t, want, v.Remaining())
	}
	d.Hits = 0
	v := m.Take("shop", &d)
	require.Equal(t, 1, v.Remaining())
}

func TestMemoryDoesNotAllocate(t *testing.T) {
	m := NewMemory(NewBudget(0))
	for _, algorithm := range []ratelimit.Algorithm{ratelimit.AlgorithmGCRA, ratelimit.AlgorithmFixedWindow} {
		d := ratelimit.Descriptor{Entries: append(user(strings.Repeat("x", 5000)), user("bob")...), Requests: 10, Unit: time.Hour, Algorithm: algorithm}
		m.Take("shop", &d)
		require.Zero(t, testing.AllocsPerRun(1000, func() { m.Take("shop", &d) }))
	}
}

// Other rates make room only if all their buckets are full.
func TestMemoryOfManyRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(NewBudget(1 << 20))
		of := func(n int) *ratelimit.Descriptor {
			return &ratelimit.Descriptor{Entries: user("bob"), Requests: 1, Unit: time.Hour + time.Duration(n), Algorithm: ratelimit.Algorithm(n % 2)}
		}
		for n := range maxRates {
			c, err := m.Counter("shop", of(n))
			require.NoError(t, err)
			v := c.Take(1)
			require.True(t, v.Allowed)
		}
		for n := range 10 {
			_, err := m.Counter("shop", of(maxRates+n))
			require.ErrorIs(t, err, errTooManyRates)
		}
		// A rate of the configuration counts all the same.
		v := m.Take("shop", of(maxRates))
		require.True(t, v.Allowed)
		v = m.Take("shop", of(maxRates))
		require.False(t, v.Allowed)
		for n := range maxRates {
			v := m.Take("shop", of(n))
			require.False(t, v.Allowed, "%d still counts", n)
		}
		time.Sleep(time.Hour + time.Millisecond)
		// Only one of them is in use.
		v = m.Take("shop", of(0))
		require.True(t, v.Allowed)
		for n := range 10 {
			c, err := m.Counter("shop", of(maxRates+n))
			require.NoError(t, err)
			v := c.Take(1)
			require.True(t, v.Allowed)
		}
		require.Len(t, *m.rates.Load(), 11)
		v = m.Take("shop", of(0))
		require.False(t, v.Allowed)
	})
}

// However many requests come simultaneously, each counter allows what its limit and the
// time allow, although its rate is new for all of them.
func TestMemoryIsExactUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(NewBudget(0))
		const workers, rates, rounds = 64, 8, 200
		var given [rates]atomic.Int64
		var all sync.WaitGroup
		descriptor := func(n int) *ratelimit.Descriptor {
			return &ratelimit.Descriptor{Entries: user("bob"), Requests: 1000 * (n + 1), Unit: time.Second, Burst: 500, Algorithm: ratelimit.Algorithm(n % 2)}
		}
		for range workers {
			all.Go(func() {
				for range rounds {
					for n := range rates {
						for {
							v := m.Take("shop", descriptor(n))
							if !v.Allowed {
								break
							}
							given[n].Add(1)
						}
					}
					time.Sleep(25 * time.Millisecond)
				}
			})
		}
		all.Wait()
		for n := range rates {
			d := descriptor(n)
			// The last round begins 25 ms before the end.
			want := float64(d.Requests) * (rounds * 0.025)
			if d.Algorithm == ratelimit.AlgorithmGCRA {
				want = float64(d.Burst) + float64(d.Requests)*(rounds-1)*0.025
			}
			require.InEpsilon(t, want, given[n].Load(), 0.001, "%d per second", d.Requests)
		}
	})
}

// All rates are under one budget.
func TestMemoryIsBounded(t *testing.T) {
	keys := 10_000_000
	if reduced() {
		keys = 200_000
	}
	before := heap()
	const pages = 1024
	m := NewMemory(NewBudget(pages * 4096))
	entries := user("")
	for n := range keys {
		entries[0].Value = fmt.Sprint(n)
		d := ratelimit.Descriptor{Entries: entries, Requests: 5 + n%7, Unit: time.Hour, Algorithm: ratelimit.Algorithm(n % 2)}
		if v := m.Take("shop", &d); !v.Allowed {
			t.Fatalf("new key %d does not get in", n)
		}
	}
	require.LessOrEqual(t, m.budget.used, pages)
	require.Less(t, heap()-before, int64(pages*(4096+4096/64)+256<<10))
	runtime.KeepAlive(m)
}

func TestMemoryImpossible(t *testing.T) {
	m := NewMemory(nil)
	year := 365 * 24 * time.Hour
	for _, row := range []struct {
		d    ratelimit.Descriptor
		want string
	}{
		{ratelimit.Descriptor{Unit: time.Second}, "0 requests per 1s"},
		{ratelimit.Descriptor{Requests: 1}, "requests per 0s"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Burst: -1}, "burst of -1"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Algorithm: 2}, "algorithm 2 is unknown"},
		{ratelimit.Descriptor{Requests: 1, Unit: 5 * year}, "too long to refill"},
		{ratelimit.Descriptor{Requests: 1, Unit: year, Burst: 5}, "too long to refill"},
		{ratelimit.Descriptor{Requests: 1, Unit: 1 << 62, Burst: math.MaxInt}, "too long to refill"},
	} {
		_, err := m.Counter("shop", &row.d)
		require.ErrorContains(t, err, row.want)
	}
	require.Empty(t, *m.rates.Load())
	for _, d := range []ratelimit.Descriptor{
		{Requests: 1, Unit: year, Burst: 4},
		{Requests: math.MaxInt32, Unit: time.Millisecond},
		{Requests: math.MaxInt, Unit: 1 << 62, Algorithm: ratelimit.AlgorithmFixedWindow},
		{Requests: 1, Unit: 100 * year, Algorithm: ratelimit.AlgorithmFixedWindow},
		{Requests: 1, Unit: 1, Algorithm: ratelimit.AlgorithmFixedWindow},
	} {
		_, err := m.Counter("shop", &d)
		require.NoError(t, err, "%+v", d)
	}
}
