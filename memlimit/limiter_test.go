package memlimit

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func bob() []ratelimit.Entry { return []ratelimit.Entry{{Key: "x-user", Value: "bob"}} }

// A request counts against all of its descriptors, also if one is over, and a second one
// that is the same counts apart. Package redislimit has a test that both give the same
// answers.
func TestLimitCountsAllDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		one := ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Minute}
		request := ratelimit.Request{Domain: "shop/limits", Hits: 1, Descriptors: []ratelimit.Descriptor{
			one,
			{Entries: []ratelimit.Entry{{Key: "all"}}, Requests: 100, Unit: time.Minute, Hits: 10},
			{Entries: bob(), Requests: 100, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
			one,
		}}
		first, err := l.Limit(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, ratelimit.Response{Statuses: []ratelimit.Status{
			{Remaining: 0, Reset: time.Minute},
			{Remaining: 90, Reset: 6 * time.Second},
			{Remaining: 99, Reset: time.Minute},
			{Remaining: 0, Reset: time.Minute},
		}}, first)
		second, err := l.Limit(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, ratelimit.Response{Over: true, Statuses: []ratelimit.Status{
			{Over: true, RetryAfter: time.Minute, Reset: time.Minute},
			{Remaining: 80, Reset: 12 * time.Second},
			{Remaining: 98, Reset: time.Minute},
			{Over: true, RetryAfter: time.Minute, Reset: time.Minute},
		}}, second)
	})
}

// If one descriptor is not possible, no other is counted.
func TestLimitRefusesImpossibleDescriptors(t *testing.T) {
	l := New(Options{})
	good := ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Hour}
	for _, row := range []struct {
		d    ratelimit.Descriptor
		hits int
		want string
	}{
		{ratelimit.Descriptor{Entries: bob()}, 1, "0 requests per 0s"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second}, -1, "-1 hits"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Hits: -2}, 1, "-2 hits"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Algorithm: 2}, 1, "algorithm 2 is unknown"},
		{ratelimit.Descriptor{Requests: 1, Unit: math.MaxInt64}, 1, "too long to refill"},
	} {
		_, err := l.Limit(context.Background(), ratelimit.Request{Hits: row.hits, Descriptors: []ratelimit.Descriptor{good, row.d}})
		require.ErrorContains(t, err, row.want)
		require.ErrorContains(t, err, "memlimit: descriptor ")
	}
	r, err := l.Limit(context.Background(), ratelimit.Request{Hits: 1, Descriptors: []ratelimit.Descriptor{good}})
	require.NoError(t, err)
	require.False(t, r.Over)
}

func TestLimitIgnoresTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := New(Options{}).Limit(ctx, ratelimit.Request{Hits: 1, Descriptors: []ratelimit.Descriptor{{Requests: 1, Unit: time.Second}}})
	require.NoError(t, err)
}

func TestLimitIsExactUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{MaxBytes: 1 << 20})
		var allowed atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for range 1000 {
					r, err := l.Limit(t.Context(), ratelimit.Request{Hits: 2, Descriptors: []ratelimit.Descriptor{{Requests: 1000, Burst: 100, Unit: time.Second}}})
					if err != nil {
						t.Error(err)
						return
					}
					if !r.Over {
						allowed.Add(2)
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		all.Wait()
		require.InEpsilon(t, 100+9990, allowed.Load(), 0.001)
	})
}

// The only allocation is that of the statuses.
func TestLimitHardlyAllocates(t *testing.T) {
	l := New(Options{})
	request := ratelimit.Request{Domain: "d", Hits: 1, Descriptors: []ratelimit.Descriptor{
		{Entries: bob(), Requests: 1, Unit: time.Second},
		{Entries: bob(), Requests: 1, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
	}}
	_, err := l.Limit(context.Background(), request)
	require.NoError(t, err)
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, _ = l.Limit(context.Background(), request) }), 1.0)
}
