package bucket

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/lateengo/gateway/spec"
)

func keyOf(b *Buckets, n int) Key {
	return b.Hash(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

var perAddress = []spec.LimitKey{{RemoteAddress: true}}

// Forgotten buckets were full: for any trace the verdicts are the same as with
// buckets that are kept forever.
func TestBucketsForgetNothing(t *testing.T) {
	const length = 500
	traces := 200
	if reduced() {
		traces = 40
	}
	for seed := range uint64(traces) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			unit := []time.Duration{time.Second, 7 * time.Second, time.Minute, time.Hour}[random.IntN(4)]
			l := spec.RateLimit{Requests: 1 + random.IntN(7), Unit: unit, Per: perAddress}
			if random.IntN(2) == 0 {
				l.Burst = 1 + random.IntN(12)
			}
			burst := l.Requests
			if l.Burst > 0 {
				burst = l.Burst
			}
			b, kept := NewBuckets(&l, nil), map[int]*rate.Limiter{}
			keys := 1 + random.IntN(20)
			for range length {
				// From far less than the time of one token to more than that of
				// a full bucket.
				step := time.Duration(random.Float64() * random.Float64() * random.Float64() * 2.5 * float64(unit))
				if random.IntN(2) == 0 {
					step /= 1 << random.IntN(12)
				}
				time.Sleep(step)
				n := random.IntN(keys)
				if kept[n] == nil {
					kept[n] = rate.NewLimiter(rate.Limit(float64(l.Requests)/unit.Seconds()), burst)
				}
				now := time.Now()
				v := b.TakeAt(keyOf(b, n), now)
				require.Equal(t, kept[n].AllowN(now, 1), v.Allowed, "seed %d", seed)
				require.InDelta(t, kept[n].TokensAt(now), float64(v.Remaining())+0.5, 0.5001)
				require.LessOrEqual(t, b.len(now), keys)
				if !v.Allowed {
					require.Equal(t, v.RetryAfter(), b.Wait(keyOf(b, n), now, 1))
				}
			}
			time.Sleep(13 * unit)
			require.Zero(t, b.len(time.Now()), "all buckets are full, and so not needed")
			for n := range keys {
				require.Zero(t, b.Wait(keyOf(b, n), time.Now(), 1))
			}
		})
	}
}

// However many requests come simultaneously, and whatever their clocks, no
// token is given twice.
func TestBucketsGiveExactlyTheirTokens(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		l := spec.RateLimit{Requests: 1000, Unit: time.Second, Per: per}
		b := NewBuckets(&l, nil)
		began := time.Now()
		const span = 3 * time.Second
		var given atomic.Int64
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(worker), 2))
				for i := range 20_000 {
					// Clocks that run in parallel, up to 20 ms apart.
					at := time.Duration(i) * span / 20_000
					at = min(max(at+time.Duration(random.IntN(40)-20)*time.Millisecond, 0), span)
					if v := b.TakeAt(keyOf(b, 1), began.Add(at)); v.Allowed {
						given.Add(1)
					}
				}
			})
		}
		all.Wait()
		require.LessOrEqual(t, given.Load(), int64(1000+3*1000))
		require.GreaterOrEqual(t, given.Load(), int64(1000+2*1000))
	}
}

// 64 goroutines share a clock that moves in steps. Each key gets what its bucket
// had and what flowed into it, and the end of the time is a bound that all reach.
func TestBucketsAreExactUnderLoad(t *testing.T) {
	for _, row := range []struct{ keys, requests, burst int }{
		{1, 100_000, 0}, {1, 99_991, 1000}, {50, 1_000, 0}, {2000, 20, 7},
	} {
		l := spec.RateLimit{Requests: row.requests, Unit: time.Second, Per: perAddress, Burst: row.burst}
		b := NewBuckets(&l, nil)
		burst := row.requests
		if row.burst > 0 {
			burst = row.burst
		}
		began := time.Now()
		const workers, rounds, round = 64, 300, 10 * time.Millisecond
		given := make([]atomic.Int64, row.keys)
		for turn := range rounds + 1 {
			now := began.Add(time.Duration(turn) * round)
			var all sync.WaitGroup
			for worker := range workers {
				all.Go(func() {
					for n := range row.keys {
						// Several workers compete for each key, until it is empty.
						if row.keys > 1 && (n+worker)%16 != 0 {
							continue
						}
						for {
							v := b.TakeAt(keyOf(b, n), now)
							if !v.Allowed {
								break
							}
							given[n].Add(1)
						}
					}
				})
			}
			all.Wait()
		}
		span := time.Duration(rounds) * round
		want := float64(burst) + float64(row.requests)*span.Seconds()
		for n := range given {
			require.InDelta(t, want, float64(given[n].Load()), max(0.001*want, 1), "key %d", n)
		}
	}
}

// A clock that is set by an hour, either way, gives no more than one burst more, and
// nobody waits longer than for one token.
func TestBucketsWhenTheClockIsSet(t *testing.T) {
	for _, unit := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		for _, set := range []time.Duration{time.Hour, -time.Hour} {
			for _, per := range [][]spec.LimitKey{nil, perAddress} {
				const requests = 12
				l := spec.RateLimit{Requests: requests, Unit: unit, Per: per}
				b := NewBuckets(&l, nil)
				// Round takes the reading of the monotonic clock away.
				now := time.Now().Round(0)
				take := func() (n int) {
					for range 3 * requests {
						if v := b.TakeAt(keyOf(b, 1), now); v.Allowed {
							n++
						}
					}
					return n
				}
				require.Equal(t, requests, take())
				now = now.Add(set)
				require.LessOrEqual(t, take(), requests, "%v %v", unit, set)
				require.LessOrEqual(t, b.Wait(keyOf(b, 1), now, 1), unit/requests+overtaking)
				given := 0
				for range 2 * requests {
					now = now.Add(unit/requests + overtaking)
					given += min(take(), 1)
				}
				require.Equal(t, 2*requests, given, "the refill goes on")
				now = now.Add(-set)
				require.LessOrEqual(t, take(), requests, "%v %v", unit, set)
				now = now.Add(unit/requests + overtaking)
				require.Positive(t, take())
			}
		}
	}
	// With readings of the monotonic clock, the wall clock does not count.
	l := spec.RateLimit{Requests: 1, Unit: time.Hour}
	b := NewBuckets(&l, nil)
	require.Equal(t, b.pace.base, b.pace.base.Add(time.Hour).Add(-time.Hour))
	require.NotEqual(t, b.pace.base, b.pace.base.Round(0))
}

// Requests cost what they say, or nothing if they are refused.
func TestTakeNLikeTheModel(t *testing.T) {
	traces := 300
	if reduced() {
		traces = 40
	}
	for seed := range uint64(traces) {
		random := rand.New(rand.NewPCG(seed, 6))
		unit := []time.Duration{time.Second, time.Minute, time.Hour}[random.IntN(3)]
		requests := []int{1, 2, 4, 10, 50, 1000}[random.IntN(6)]
		l := spec.RateLimit{Requests: requests, Unit: unit, Burst: 1 + random.IntN(2*requests)}
		if random.IntN(2) == 0 {
			l.Per = perAddress
		}
		b := NewBuckets(&l, nil)
		now := time.Now()
		// The numbers divide the unit, so the model needs no fractions.
		token := unit / time.Duration(requests)
		had, last := token*time.Duration(l.Burst), now
		for range 300 {
			now = now.Add(time.Duration(random.Float64() * random.Float64() * 3 * float64(token)))
			had = min(had+now.Sub(last), token*time.Duration(l.Burst))
			last = now
			hits := random.IntN(l.Burst + 3)
			if random.IntN(20) == 0 {
				hits = math.MaxInt
			}
			allowed := hits <= l.Burst && token*time.Duration(hits) <= had
			if allowed {
				had -= token * time.Duration(hits)
			}
			v := b.takeNAt(keyOf(b, 1), hits, now)
			require.Equal(t, allowed, v.Allowed, "seed %d", seed)
			require.Equal(t, int(had/token), v.Remaining())
			require.Equal(t, token*time.Duration(l.Burst)-had, v.Reset())
			if hits > l.Burst {
				require.Equal(t, v.Reset(), v.RetryAfter())
			} else {
				require.Equal(t, max(0, token*time.Duration(hits)-had), v.RetryAfter())
			}
		}
	}
}

// A request that never gets in opens no bucket, and so makes nobody lose one.
func TestTakeNOfMoreThanTheBurst(t *testing.T) {
	full := NewBuckets(&spec.RateLimit{Requests: 1, Unit: time.Hour, Per: perAddress, MaxKeys: 1}, nil)
	for n := range 10_000 {
		full.Take(keyOf(full, n))
	}
	all := full.table.all()[0]
	before := [pageSlots]uint64{}
	for i := range before {
		before[i] = all.groups[i/groupSlots][i%groupSlots].key.Load()
	}
	for n := range 10_000 {
		full.TakeN(keyOf(full, -1-n), 2)
	}
	for i := range before {
		require.Equal(t, before[i], all.groups[i/groupSlots][i%groupSlots].key.Load())
	}
	b := NewBuckets(&spec.RateLimit{Requests: 5, Unit: time.Hour, Per: perAddress}, nil)
	for n := range 10_000 {
		v := b.TakeN(keyOf(b, n), 6)
		require.False(t, v.Allowed)
		require.Equal(t, 5, v.Remaining())
		require.Zero(t, v.RetryAfter())
	}
	require.Zero(t, b.len(time.Now()))
	require.Len(t, b.table.all(), 1)
	for _, want := range []bool{true, false} {
		v := b.TakeN(keyOf(b, 1), 5)
		require.Equal(t, want, v.Allowed)
	}
	v := b.TakeN(keyOf(b, 1), 0)
	require.True(t, v.Allowed)
	require.Zero(t, v.Remaining())
}

func TestTakingDoesNotAllocate(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		l := spec.RateLimit{Requests: 10, Unit: time.Second, Per: per}
		b := NewBuckets(&l, nil)
		now, key := time.Now(), keyOf(b, 1)
		require.Zero(t, testing.AllocsPerRun(100, func() { b.TakeAt(key, now) }))
		require.Zero(t, testing.AllocsPerRun(100, func() { b.TakeN(key, 2); b.TakeN(key, 0) }))
		l.Algorithm = spec.LimitFixedWindow
		w := NewBuckets(&l, nil)
		key = keyOf(w, 1)
		w.Take(key)
		require.Zero(t, testing.AllocsPerRun(100, func() { w.Take(key); w.TakeN(key, 2); w.TakeN(key, 0) }))
		// New keys share the allocation of their page.
		n := uint64(0)
		require.Zero(t, testing.AllocsPerRun(10_000, func() {
			n++
			b.TakeAt(Key(n*0x9e3779b97f4a7c15), now)
		}))
	}
}

// reduced reports whether tests do less: in short runs, and with the race detector,
// which makes atomic operations slow.
func reduced() bool {
	info, known := debug.ReadBuildInfo()
	return testing.Short() || known && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// len returns how many buckets are not full.
func (b *Buckets) len(now time.Time) int {
	n := 0
	_, at := b.pace.moment(now)
	for _, p := range b.table.all() {
		n += p.count(&b.pace, at)
	}
	return n
}
