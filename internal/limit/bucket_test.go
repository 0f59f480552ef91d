package limit

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
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
	return b.key(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

var perAddress = []spec.LimitKey{{RemoteAddress: true}}

// Dropped buckets were full: for any trace the verdicts are the same as with
// buckets that are kept forever.
func TestBucketsForgetNothing(t *testing.T) {
	const length = 500
	traces := 200
	if testing.Short() {
		traces = 40
	}
	for seed := range uint64(traces) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			unit := []time.Duration{time.Second, 7 * time.Second, time.Minute, time.Hour}[random.IntN(4)]
			l := spec.RateLimit{Requests: 1 + random.IntN(7), Unit: unit, Per: perAddress}
			b, kept := NewBuckets(&l), map[int]*rate.Limiter{}
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
					kept[n] = rate.NewLimiter(rate.Limit(float64(l.Requests)/unit.Seconds()), l.Requests)
				}
				now := time.Now()
				require.Equal(t, kept[n].AllowN(now, 1), b.Take(keyOf(b, n), now), "seed %d", seed)
				require.LessOrEqual(t, b.len(), keys)
			}
			time.Sleep(2 * unit)
			for n := range keys {
				b.Wait(keyOf(b, n), time.Now())
			}
			require.Zero(t, b.len(), "all buckets are full, and so not needed")
		})
	}
}

func TestBucketsAreBounded(t *testing.T) {
	most := 1_000_000
	if testing.Short() {
		most = 300_000
	}
	for _, row := range []struct{ maxKeys, want, clients int }{
		{1, 1, 100}, {10, 10, 1000}, {1000, 1000, 20_000}, {10_000, 10_000, 200_000}, {0, defaultMaxKeys, most},
	} {
		l := spec.RateLimit{Requests: 1, Unit: time.Hour, Per: perAddress, MaxKeys: row.maxKeys}
		b := NewBuckets(&l)
		now := time.Now()
		before := heap()
		for n := range row.clients {
			b.Take(keyOf(b, n), now)
		}
		require.LessOrEqual(t, b.len(), row.want)
		require.Greater(t, b.len(), row.want*9/10)
		require.Less(t, int(heap()-before), 1<<20+row.want*400)
		require.False(t, b.Take(keyOf(b, 0), now), "an early client keeps its own bucket")
		require.False(t, b.Take(keyOf(b, 2_000_000), now), "a late one shares one that is empty")
		require.Positive(t, b.Wait(keyOf(b, 3_000_000), now))
		runtime.KeepAlive(b)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// However many requests come simultaneously, and whatever their clocks, no
// token is given twice.
func TestBucketsGiveExactlyTheirTokens(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		l := spec.RateLimit{Requests: 1000, Unit: time.Second, Per: per}
		b := NewBuckets(&l)
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
					if b.Take(keyOf(b, 1), began.Add(at)) {
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

func TestTakingDoesNotAllocate(t *testing.T) {
	l := spec.RateLimit{Requests: 10, Unit: time.Second, Per: perAddress}
	b := NewBuckets(&l)
	now, key := time.Now(), keyOf(b, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { b.Take(key, now) }))
}

func TestClientNetwork(t *testing.T) {
	for _, row := range []struct{ address, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.2", "192.0.2.2"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"fe80::2%eth1", "fe80::/64"},
		{"::1", "::/64"},
	} {
		require.Equal(t, row.want, networkText(clientNetwork(row.address)), row.address)
	}
	for _, address := range []string{"", "@", "a.com", "192.0.2", "192.0.2.1:80"} {
		require.False(t, clientNetwork(address).IsValid(), address)
	}
}

// len returns how many buckets are kept.
func (b *Buckets) len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}
