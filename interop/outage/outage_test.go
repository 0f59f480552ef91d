package outage

import (
	"maps"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// timeout is how long requests wait for the store in these tests. The default of 20 ms
// would make a busy machine look like a failure.
const timeout = time.Second

// A gateway whose store fails answers every request as OnStoreFailure says. Only one
// request at a time tries the store, and nothing piles up. Afterwards the store counts
// again.
func TestOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	// Windows in Redis differ from the rest only while it answers.
	for _, name := range []string{"redis", "envoy"} {
		t.Run(name, func(t *testing.T) {
			s := stores[name](t)
			for _, f := range faults(s) {
				t.Run(f.name, func(t *testing.T) { testOutage(t, s, f) })
			}
		})
	}
}

func testOutage(t *testing.T, s *store, f fault) {
	const (
		crowd  = 50
		probes = 2
	)
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	wire := newWire(t, s)
	limiter := &watched{Limiter: s.connect(t, wire.address), idle: wire.release}
	r := newReplica(t, s, limiter, timeout)
	user := func(name string) string { return f.name + " " + name }

	// The store counts.
	for header := range failureModes {
		requireCodes(t, map[int]int{http.StatusOK: 5}, r, header, user("before"), 5)
	}
	require.Zero(t, r.failures(), r.logged())
	load := measure()

	asked := wire.asked.Load()
	f.begin(s, wire)
	over := time.AfterFunc(patience, func() { panic("the gateway waits for the store that " + f.name) })
	done := make(chan map[string]map[int]int)
	limiter.watch()
	go func() { done <- r.crowd(crowd, user("during")) }()
	if f.hangs {
		require.Eventually(t, func() bool { calls, _ := limiter.seen(); return calls > 0 }, patience, time.Millisecond)
		load.requireBounded(t, 3*crowd)
	}
	seen := <-done
	over.Stop()
	// All those of the crowd could ask at the same time. They are over now.
	require.Equal(t, map[string]map[int]int{
		"X-Allow": {http.StatusOK: crowd},
		"X-Deny":  {statusOnError: crowd},
		"X-Local": {http.StatusOK: share, http.StatusTooManyRequests: crowd - share},
	}, seen)
	require.Eventually(t, func() bool { return limiter.atPresent() == 0 }, patience, time.Millisecond)
	require.Equal(t, 1, r.failures(), r.logged())

	// From now on at most one request at a time asks, and all have the same answers. What
	// the crowd has asked may still be on its way.
	asking, _ := limiter.seen()
	limiter.watch()
	opened := wire.opened.Load()
	deny, local := map[int]int{statusOnError: crowd}, map[int]int{http.StatusTooManyRequests: crowd}
	require.Eventually(t, func() bool {
		seen := r.crowd(crowd, user("during"))
		require.Equal(t, map[string]map[int]int{"X-Allow": {http.StatusOK: crowd}, "X-Deny": deny, "X-Local": local}, seen)
		calls, most := limiter.seen()
		require.LessOrEqual(t, most, 1)
		require.LessOrEqual(t, wire.asked.Load()-asked, int64(asking+calls))
		return calls >= probes
	}, patience, time.Millisecond)
	load.requireBounded(t, 3*crowd)

	f.end(s, wire)
	// The end is noticed by one request, and then all ask again.
	require.Eventually(t, func() bool { r.crowd(crowd, user("after")); return r.recoveries() > 0 }, patience, time.Millisecond)
	_, most := limiter.seen()
	require.LessOrEqual(t, most, 1, "a stampede")
	require.LessOrEqual(t, wire.opened.Load()-opened, int64(2*64), "a stampede of connections")

	// The store counts for this gateway and for another one, and remembers.
	other := newReplica(t, s, s.connect(t, s.server.address), patience)
	want := limit
	if !f.forgets {
		want -= 5
	}
	for header := range failureModes {
		both := map[int]int{}
		for range limit {
			both[r.get(header, user("before"))]++
			both[other.get(header, user("before"))]++
		}
		require.Equal(t, map[int]int{http.StatusOK: want, http.StatusTooManyRequests: 2*limit - want}, both)
	}
	require.Equal(t, 1, r.failures(), r.logged())
	require.Equal(t, 1, r.recoveries(), r.logged())
	require.Empty(t, other.logged())
}

func requireCodes(t *testing.T, want map[int]int, r *replica, header, user string, n int) {
	t.Helper()
	got := map[int]int{}
	for range n {
		got[r.get(header, user)]++
	}
	require.True(t, maps.Equal(want, got), "%v, want %v; log: %s", got, want, r.logged())
}

// A load is what a process uses.
type load struct {
	goroutines int
	heap       uint64
	allocated  uint64
}

func measure() load {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return load{runtime.NumGoroutine(), m.HeapAlloc, m.TotalAlloc}
}

// requireBounded fails if the process uses much more than before for n requests.
func (l load) requireBounded(t *testing.T, n int) {
	t.Helper()
	// A request has a goroutine of the test, of the gateway, of the limiter and of its
	// client. A connection has buffers of 32 KiB on each side, here and in the wire.
	now := measure()
	require.LessOrEqual(t, now.goroutines, l.goroutines+5*n+100)
	require.LessOrEqual(t, now.heap, l.heap+uint64(n)*(256<<10))
	require.LessOrEqual(t, now.allocated, l.allocated+512<<20, "even if it is garbage by now")
}
