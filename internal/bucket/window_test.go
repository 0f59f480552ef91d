package bucket

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

func windowed(requests int, unit time.Duration, per ...spec.LimitKey) *spec.RateLimit {
	return &spec.RateLimit{Requests: requests, Unit: unit, Per: per, Algorithm: spec.LimitFixedWindow, Burst: 1000}
}

func TestWindow(t *testing.T) {
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		b := NewBuckets(windowed(3, time.Minute, per...), nil)
		for i, row := range []struct {
			after     time.Duration
			hits      int
			allowed   bool
			remaining int
			retry     time.Duration
		}{
			{20 * time.Second, 1, true, 2, 0},
			{20 * time.Second, 0, true, 2, 0},
			{25 * time.Second, 2, true, 0, 35 * time.Second},
			{25 * time.Second, 0, true, 0, 35 * time.Second},
			{59*time.Second + 999_999_999, 1, false, 0, 1},
			{59*time.Second + 999_999_999, 0, false, 0, 1},
			{60 * time.Second, 1, true, 2, 0},
			{60 * time.Second, 3, false, 0, time.Minute},
			{61 * time.Second, 1, false, 0, 59 * time.Second},
			{61 * time.Second, 0, false, 0, 59 * time.Second},
			{time.Hour, math.MaxInt, false, 0, time.Minute},
			{time.Hour, 1, false, 0, time.Minute},
			{2 * time.Hour, 0, true, 3, 0},
			{2 * time.Hour, 3, true, 0, time.Minute},
		} {
			now := noon.Add(row.after)
			v := b.takeNAt(keyOf(b, 1), row.hits, now)
			require.Equal(t, row.allowed, v.Allowed, i)
			require.Equal(t, row.remaining, v.Remaining(), i)
			require.Equal(t, row.retry, v.RetryAfter(), i)
			require.Equal(t, time.Minute-row.after%time.Minute, v.Reset(), i)
			require.Equal(t, row.retry, b.Wait(keyOf(b, 1), now, 1), i)
		}
	}
}

// A naive is what a fixed window does, with big enough numbers and a map.
type naive struct {
	limit  int
	unit   time.Duration
	counts map[string]int
}

// take returns whether hits are allowed and how many are left.
func (n *naive) take(key, hits int, now time.Time) (bool, int) {
	window := now.UnixNano() / int64(n.unit)
	at := fmt.Sprint(key, " ", window)
	n.counts[at] = min(n.counts[at]+hits, n.limit+1)
	return n.counts[at] <= n.limit, max(n.limit-n.counts[at], 0)
}

// Windows count like the model, whatever the numbers: also if they do not divide the
// unit, and if there are more requests than nanoseconds.
func TestWindowLikeTheModel(t *testing.T) {
	traces := 400
	if reduced() {
		traces = 60
	}
	for seed := range uint64(traces) {
		random := rand.New(rand.NewPCG(seed, 5))
		unit := []time.Duration{1, 7, time.Microsecond, 999_983, time.Second, 7 * time.Second, time.Hour, 30 * 24 * time.Hour}[random.IntN(8)]
		limit := 1 + random.IntN(1<<random.IntN(45))
		l := windowed(limit, unit)
		if random.IntN(3) > 0 {
			l.Per = perAddress
		}
		keys := 1
		if len(l.Per) > 0 {
			keys += random.IntN(40)
		}
		b, model := NewBuckets(l, nil), naive{limit, unit, map[string]int{}}
		now := time.Unix(1_800_000_000, random.Int64N(1e9))
		for range 400 {
			now = now.Add(time.Duration(random.Float64() * random.Float64() * 2 * float64(unit)))
			key, hits := random.IntN(keys), random.IntN(limit/(1+random.IntN(16))+2)
			if random.IntN(30) == 0 {
				hits = math.MaxInt - limit - 1
			}
			allowed, left := model.take(key, hits, now)
			v := b.takeNAt(keyOf(b, key), hits, now)
			require.Equal(t, allowed, v.Allowed, "seed %d: %d hits of %d per %v", seed, hits, limit, unit)
			require.Equal(t, left, v.Remaining())
			require.Equal(t, unit-time.Duration(now.UnixNano()%int64(unit)), v.Reset())
		}
	}
}

// However many requests come simultaneously, a window allows its number, and nothing is
// lost at its end, where requests of both windows overtake each other.
func TestWindowIsExactUnderLoad(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		const limit, workers = 997, 64
		// The clock advances with each reading, so the windows end in the middle of
		// the load.
		var ticks atomic.Int64
		began := time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return began.Add(time.Duration(ticks.Add(1)) * time.Microsecond) }
		l := windowed(limit, 5*time.Millisecond, per...)
		b := newBuckets(l, len(per) > 0, nil, clock)
		var given, asked atomic.Int64
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range 2000 {
					asked.Add(1)
					if v := b.Take(keyOf(b, 1)); v.Allowed {
						given.Add(1)
					}
				}
			})
		}
		all.Wait()
		windows := float64(ticks.Load()) / 5000
		require.Greater(t, windows, 25.0)
		require.LessOrEqual(t, given.Load(), int64(math.Ceil(windows))*limit)
		require.GreaterOrEqual(t, given.Load(), int64(math.Floor(windows))*limit)
	}
}

// In the bubble of a test, the clock is the process's.
func TestWindowOfTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBuckets(windowed(100, time.Second, perAddress...), nil)
		var given atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for range 100 {
					if v := b.TakeN(keyOf(b, 1), 1); v.Allowed {
						given.Add(1)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10*100, given.Load())
	})
}

// A clock that is set by an hour, either way, allows one more window, and makes nobody
// wait for longer than one.
func TestWindowWhenTheClockIsSet(t *testing.T) {
	const limit = 12
	for _, unit := range []time.Duration{time.Second, time.Minute, 45 * time.Minute, time.Hour, 24 * time.Hour} {
		for _, set := range []time.Duration{time.Hour, -time.Hour, 10 * time.Second, -10 * time.Second} {
			for _, per := range [][]spec.LimitKey{nil, perAddress} {
				for _, past := range []time.Duration{0, 1, unit / 2, unit - 1} {
					now := time.Unix(1_814_400_000, 0).Add(past)
					b := newBuckets(windowed(limit, unit, per...), len(per) > 0, nil, func() time.Time { return now })
					take := func() (n int) {
						for range 3 * limit {
							v := b.Take(keyOf(b, 1))
							if v.Allowed {
								n++
							}
							require.LessOrEqual(t, v.RetryAfter(), unit)
							require.LessOrEqual(t, v.Reset(), unit)
						}
						return n
					}
					require.Equal(t, limit, take())
					now = now.Add(set)
					again := take()
					require.Contains(t, []int{0, limit}, again)
					wait := b.Wait(keyOf(b, 1), now, 1)
					require.LessOrEqual(t, wait, unit)
					now = now.Add(wait)
					require.Equal(t, limit, take(), "after one window")
					now = now.Add(-set)
					require.LessOrEqual(t, take(), limit)
					now = now.Add(b.Wait(keyOf(b, 1), now, 1))
					require.Equal(t, limit, take())
				}
			}
		}
	}
}

// Requests that come late for their window count in the one that has begun.
func TestWindowOvertaking(t *testing.T) {
	const limit = 5
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		begins := time.Unix(1_800_000_000, 0)
		var readings []time.Time
		clock := func() time.Time {
			now := begins
			if len(readings) > 0 {
				now, readings = readings[0], readings[1:]
			}
			return now
		}
		b := newBuckets(windowed(limit, time.Second, per...), len(per) > 0, nil, clock)
		given := 0
		for n := range 4 * limit {
			if n > 0 && n%2 == 0 {
				// It has read the clock before the window has begun.
				readings = []time.Time{begins.Add(-time.Duration(n) * 200 * time.Millisecond)}
			}
			v := b.Take(keyOf(b, 1))
			require.LessOrEqual(t, v.RetryAfter(), time.Second)
			if v.Allowed {
				given++
			}
		}
		require.Equal(t, limit, given)
	}
}

// Nothing overflows, whatever the limit and the time.
func TestWindowAtTheEdges(t *testing.T) {
	// The windows before and after 1970 are two.
	b := NewBuckets(windowed(1, time.Hour), nil)
	for _, at := range []int64{-3601, -3600, -1, 0, 3599, 3600} {
		v := b.TakeAt(0, time.Unix(at, 0))
		require.Equal(t, at%3600 == 0 || at == -3601, v.Allowed, at)
	}
	for _, requests := range []int{1, 2, math.MaxInt32, math.MaxInt} {
		for _, unit := range []time.Duration{1, time.Second, 24 * time.Hour, math.MaxInt64} {
			b := NewBuckets(windowed(requests, unit, perAddress...), nil)
			for i, now := range []time.Time{time.Now(), time.Unix(0, 0), time.Unix(-1, 0), time.Unix(-1<<33, 0), time.Unix(1<<33, 0)} {
				key := keyOf(b, i)
				v := b.takeNAt(key, 1, now)
				require.True(t, v.Allowed)
				require.GreaterOrEqual(t, v.Remaining(), 0)
				require.Positive(t, v.Reset())
				require.LessOrEqual(t, v.Reset(), unit)
				v = b.takeNAt(key, math.MaxInt, now)
				require.False(t, v.Allowed)
				require.Zero(t, v.Remaining())
				require.Equal(t, v.Reset(), v.RetryAfter())
			}
		}
	}
}

// Windows that have ended need no memory.
func TestWindowsAreForgotten(t *testing.T) {
	keys := 200_000
	if reduced() {
		keys = 20_000
	}
	b := NewBuckets(windowed(2, time.Minute, perAddress...), nil)
	now := time.Unix(1_800_000_000, 0)
	for _, want := range []bool{true, true, false} {
		for n := range keys {
			if v := b.TakeAt(keyOf(b, n), now); v.Allowed != want {
				t.Fatalf("key %d", n)
			}
		}
	}
	require.Equal(t, keys, b.len(now))
	for range 200 {
		now = now.Add(10 * time.Second)
		b.TakeAt(keyOf(b, 0), now)
	}
	require.Len(t, b.table.all(), 1)
	require.Equal(t, 1, b.len(now))
}

func BenchmarkTakeWindow(b *testing.B) {
	m := NewMemory(NewBudget(0))
	d := ratelimit.Descriptor{Entries: []ratelimit.Entry{{Key: "x-user", Value: "bob"}}, Requests: math.MaxInt, Unit: time.Hour}
	for name, l := range map[string]*spec.RateLimit{"token bucket": {Requests: 1 << 30, Unit: time.Hour, Per: perAddress}, "window": windowed(math.MaxInt, time.Hour, perAddress...)} {
		buckets := NewBuckets(l, nil)
		key := keyOf(buckets, 1)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				buckets.TakeN(key, 1)
			}
		})
	}
	b.Run("Memory", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Take("shop", &d)
		}
	})
}
