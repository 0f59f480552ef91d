package limits

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLimit(t *testing.T) {
	l := &Limit{most: 2}
	require.True(t, l.Acquire())
	require.True(t, l.Acquire())
	require.False(t, l.Acquire())
	require.EqualValues(t, 2, l.Active(), "who is refused is not counted")
	l.Release()
	require.True(t, l.Acquire())
	l.Release()
	l.Release()
	require.Zero(t, l.Active())
}

func TestZeroIsEnvoysDefault(t *testing.T) {
	var b Breaker
	for name, l := range map[string]*Limit{"connections": &b.Connections, "pending": &b.Pending, "requests": &b.Requests, "retries": &b.retries} {
		require.EqualValues(t, uint32(math.MaxUint32), l.Max(), name)
		require.True(t, l.Acquire(), name)
		l.active.Store(math.MaxUint32)
		require.False(t, l.Acquire(), name)
	}
}

// Each host may have one connection, so that the count can exceed the limit. It
// falls below the limit before another user is admitted.
func TestBeyond(t *testing.T) {
	b := New(Thresholds{MaxConnections: 1}, time.Now)
	require.True(t, b.Connections.Acquire())
	require.False(t, b.Connections.Acquire())
	b.Connections.AcquireBeyond()
	require.EqualValues(t, 2, b.Connections.Active())
	b.Connections.Release()
	require.False(t, b.Connections.Acquire())
	b.Connections.Release()
	require.True(t, b.Connections.Acquire())
}

// One connection and one place to wait: of three simultaneous requests one
// runs, one waits, and one is refused.
func TestOverflow(t *testing.T) {
	b := New(Thresholds{MaxConnections: 1, MaxPendingRequests: 1}, time.Now)
	begin := func() string {
		switch {
		case !b.Pending.Acquire():
			return "overflow"
		case !b.Connections.Acquire():
			return "waits"
		}
		b.Pending.Release()
		b.Requests.AcquireBeyond()
		return "runs"
	}
	require.Equal(t, []string{"runs", "waits", "overflow"}, []string{begin(), begin(), begin()})
}

func TestThresholds(t *testing.T) {
	b := New(Thresholds{MaxConnections: 1, MaxPendingRequests: 2, MaxRequests: 3, MaxRetries: 4}, time.Now)
	for want, l := range []*Limit{&b.Connections, &b.Pending, &b.Requests, &b.retries} {
		require.EqualValues(t, want+1, l.Max())
	}
}

func TestRetries(t *testing.T) {
	for _, row := range []struct {
		name              string
		thresholds        Thresholds
		requests, pending int64
		want              int
	}{
		{"limit", Thresholds{MaxRetries: 2}, 1000, 0, 2},
		{"budget instead of limit", Thresholds{MaxRetries: 2, RetryBudget: &RetryBudget{20, 3, 0}}, 50, 0, 10},
		{"minimum", Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, 0, 0, 3},
		{"share is below minimum", Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, 15, 0, 3},
		{"share is above minimum", Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, 20, 0, 4},
		{"part of a retry does not count", Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, 24, 0, 4},
		{"pending requests count", Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, 20, 5, 5},
		{"more than there are requests", Thresholds{RetryBudget: &RetryBudget{200, 0, 0}}, 3, 0, 6},
		{"nothing", Thresholds{RetryBudget: &RetryBudget{}}, 100, 0, 0},
	} {
		b := New(row.thresholds, time.Now)
		b.Requests.active.Store(row.requests)
		b.Pending.active.Store(row.pending)
		for range row.want {
			require.True(t, b.AcquireRetry(), row.name)
		}
		require.False(t, b.AcquireRetry(), row.name)
		require.EqualValues(t, row.want, b.Retries(), row.name)
		if row.want > 0 {
			b.ReleaseRetry()
			require.True(t, b.AcquireRetry(), row.name)
		}
	}
}

// A budget shrinks with the requests; retries in progress stay.
func TestBudgetShrinks(t *testing.T) {
	b := New(Thresholds{RetryBudget: &RetryBudget{20, 1, 0}}, time.Now)
	b.Requests.active.Store(10)
	require.True(t, b.AcquireRetry())
	require.True(t, b.AcquireRetry())
	b.Requests.active.Store(2)
	require.False(t, b.AcquireRetry())
	b.ReleaseRetry()
	require.False(t, b.AcquireRetry())
	b.ReleaseRetry()
	require.True(t, b.AcquireRetry())
}

// With an interval, the requests that began in it count. Requests that wait or
// run for longer do not.
func TestBudgetOfAnInterval(t *testing.T) {
	now, pass := clocked()
	b := New(Thresholds{MaxRequests: 12, RetryBudget: &RetryBudget{20, 1, 10 * time.Second}}, now)
	retries := func() (n int) {
		for b.AcquireRetry() {
			n++
		}
		for range n {
			b.ReleaseRetry()
		}
		return n
	}
	require.Equal(t, 1, retries())
	for range 12 {
		require.True(t, b.AcquireRequest())
	}
	require.False(t, b.AcquireRequest(), "who is refused does not count")
	require.True(t, b.Pending.Acquire())
	require.Equal(t, 2, retries())
	for range 12 {
		b.Requests.Release()
	}
	require.Equal(t, 2, retries(), "they have ended")
	pass(5 * time.Second)
	for range 8 {
		require.True(t, b.AcquireRequest())
	}
	require.Equal(t, 4, retries())
	pass(6 * time.Second)
	require.Equal(t, 1, retries(), "8 alone count")
	pass(time.Minute)
	require.Equal(t, 1, retries(), "8 are under way")
}

// However many users come simultaneously, no more than the limit are admitted.
func TestConcurrent(t *testing.T) {
	const most, users = 3, 16
	l := &Limit{most: most}
	var in atomic.Int64
	var done sync.WaitGroup
	for range users {
		done.Go(func() {
			for range 2000 {
				if !l.Acquire() {
					continue
				}
				if n := in.Add(1); n > most {
					t.Errorf("%d are in", n)
				}
				in.Add(-1)
				l.Release()
			}
		})
	}
	done.Wait()
	require.Zero(t, l.Active())
}

func BenchmarkAcquire(b *testing.B) {
	var l Limit
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if l.Acquire() {
				l.Release()
			}
		}
	})
}

func BenchmarkRetryBudget(b *testing.B) {
	breaker := New(Thresholds{RetryBudget: &RetryBudget{20, 3, 0}}, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		if breaker.AcquireRetry() {
			breaker.ReleaseRetry()
		}
	}
}
