package redislimit

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

// A hook calls itself before each command.
type hook func(redis.Cmder)

func (h hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h(cmd)
		return next(ctx, cmd)
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			h(cmd)
		}
		return next(ctx, cmds)
	}
}

// countScripts returns a function that returns the number of script calls.
func countScripts(client redis.UniversalClient) func() int {
	var n atomic.Int64
	client.AddHook(hook(func(cmd redis.Cmder) {
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			n.Add(1)
		}
	}))
	return func() int { return int(n.Load()) }
}

// A request counts against all of its descriptors, also if one is over.
func TestLimitCountsAllDescriptors(t *testing.T) {
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{})
		l.setTime(t, noon)
		scripts := countScripts(client)
		request := ratelimit.Request{Domain: "shop/limits", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: bob(), Requests: 1, Unit: time.Minute},
			{Entries: []ratelimit.Entry{{Key: "all"}}, Requests: 100, Unit: time.Minute, Hits: 10},
			{Entries: []ratelimit.Entry{{Key: "window"}}, Requests: 100, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
		}}
		first, err := l.Limit(context.Background(), request)
		require.NoError(t, err)
		require.Equal(t, 2, scripts(), "the first call loads the script")
		second, err := l.Limit(context.Background(), request)
		require.NoError(t, err)
		require.Equal(t, 3, scripts(), "one call for all descriptors")
		require.Equal(t, ratelimit.Response{Statuses: []ratelimit.Status{
			{Remaining: 0, Reset: time.Minute},
			{Remaining: 90, Reset: 6 * time.Second},
			{Remaining: 99, Reset: time.Minute},
		}}, first)
		require.Equal(t, ratelimit.Response{Over: true, Statuses: []ratelimit.Status{
			{Over: true, RetryAfter: time.Minute, Reset: time.Minute},
			{Remaining: 80, Reset: 12 * time.Second},
			{Remaining: 98, Reset: time.Minute},
		}}, second)
		require.NoError(t, client.ScriptFlush(context.Background()).Err())
		_, err = l.Limit(context.Background(), request)
		require.NoError(t, err)
		require.Equal(t, 5, scripts())
	})
}

// A key expires when it says nothing more than no key.
func TestExpiry(t *testing.T) {
	server := miniredis.RunT(t)
	server.SetTime(noon.Add(400 * time.Millisecond))
	l := New(newClient(t, server.Addr()), Options{})
	for _, test := range []struct {
		requests int
		unit     time.Duration
		want     time.Duration
	}{
		{1, time.Second, 1001 * time.Millisecond},
		{3, time.Second, 334 * time.Millisecond},
		{1000, time.Second, 2 * time.Millisecond},
		{1_000_000, time.Second, time.Millisecond},
		{1, 365 * 24 * time.Hour, 365*24*time.Hour + time.Millisecond},
	} {
		limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: test.requests, Unit: test.unit})
		require.Len(t, server.Keys(), 1)
		require.Equal(t, test.want, server.TTL(server.Keys()[0]))
		server.FlushAll()
	}
	for _, test := range []struct{ unit, want time.Duration }{
		{time.Second, time.Second},
		{time.Hour, time.Hour},
		{time.Microsecond, time.Millisecond},
		{1500 * time.Microsecond, 2 * time.Millisecond},
	} {
		limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: 5, Unit: test.unit, Algorithm: ratelimit.AlgorithmFixedWindow})
		require.Len(t, server.Keys(), 1)
		require.Equal(t, test.want, server.TTL(server.Keys()[0]))
		server.FlushAll()
	}
	limitOne(t, l, 2, ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Second})
	limitOne(t, l, 0, ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Second})
	require.Empty(t, server.Keys(), "nothing was used")
}

// The time comes from the server where no test sets it.
func TestServerTime(t *testing.T) {
	server := miniredis.RunT(t)
	server.SetTime(noon)
	l := New(newClient(t, server.Addr()), Options{})
	d := ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Minute}
	require.False(t, limitOne(t, l, 1, d).Over)
	server.SetTime(noon.Add(time.Minute - time.Microsecond))
	require.Equal(t, time.Microsecond, limitOne(t, l, 1, d).RetryAfter)
	server.SetTime(noon.Add(time.Minute))
	require.False(t, limitOne(t, l, 1, d).Over)
	d.Algorithm = ratelimit.AlgorithmFixedWindow
	l.now = func() time.Time { return noon }
	server.SetTime(noon.Add(90 * time.Second))
	require.Equal(t, 30*time.Second, limitOne(t, l, 1, d).Reset)
	require.Contains(t, server.Keys(), "shop/limits_x-user_bob_1782907260")
}

func TestLimitRefusesImpossibleDescriptors(t *testing.T) {
	year := 365 * 24 * time.Hour
	window := ratelimit.AlgorithmFixedWindow
	tests := []struct {
		descriptor ratelimit.Descriptor
		hits       int
		want       string
	}{
		{ratelimit.Descriptor{Unit: time.Second}, 1, "0 requests per 1s"},
		{ratelimit.Descriptor{Requests: 1}, 1, "requests per 0s"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Burst: -1}, 1, "burst of -1"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second}, -1, "-1 hits"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Hits: -2}, 1, "-2 hits"},
		{ratelimit.Descriptor{Requests: 1, Unit: time.Second, Algorithm: 2}, 1, "algorithm 2 is unknown"},
		{ratelimit.Descriptor{Requests: 1<<42 + 1, Unit: time.Second}, 1, "too many"},
		{ratelimit.Descriptor{Requests: 1, Unit: year, Burst: 72}, 1, "too long to refill"},
		{ratelimit.Descriptor{Requests: 1, Unit: math.MaxInt64}, 1, "too long to refill"},
		{ratelimit.Descriptor{Requests: 1, Unit: math.MaxInt64, Burst: math.MaxInt}, 1, "too long to refill"},
		{ratelimit.Descriptor{Requests: 1, Unit: 1500, Algorithm: window}, 1, "whole microseconds"},
		{ratelimit.Descriptor{Requests: 1, Unit: 101 * year, Algorithm: window}, 1, "at most 100 years"},
	}
	l := New(newClient(t, freeAddress(t)), Options{})
	for _, test := range tests {
		_, err := l.Limit(context.Background(), ratelimit.Request{Descriptors: []ratelimit.Descriptor{{Requests: 1, Unit: time.Second}, test.descriptor}, Hits: test.hits})
		require.ErrorContains(t, err, test.want)
		require.ErrorContains(t, err, "redislimit: descriptor ")
	}
}

func TestLimitErrors(t *testing.T) {
	request := ratelimit.Request{Descriptors: []ratelimit.Descriptor{{Requests: 1, Unit: time.Second}}, Hits: 1}
	t.Run("no server", func(t *testing.T) {
		_, err := New(newClient(t, freeAddress(t)), Options{}).Limit(context.Background(), request)
		var refused *net.OpError
		require.ErrorAs(t, err, &refused)
		require.ErrorContains(t, err, "redislimit: ")
	})
	t.Run("canceled", func(t *testing.T) {
		gone := errors.New("the client is gone")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(gone)
		_, err := New(newClient(t, miniredis.RunT(t).Addr()), Options{}).Limit(ctx, request)
		require.True(t, errors.Is(err, gone) || errors.Is(err, context.Canceled), err)
	})
	t.Run("error of the server", func(t *testing.T) {
		server := miniredis.RunT(t)
		server.SetError("LOADING Redis is loading the dataset in memory")
		_, err := New(newClient(t, server.Addr()), Options{}).Limit(context.Background(), request)
		require.ErrorContains(t, err, "LOADING")
	})
	t.Run("panic of a hook", func(t *testing.T) {
		client := newClient(t, miniredis.RunT(t).Addr())
		client.AddHook(hook(func(redis.Cmder) { panic("oh") }))
		_, err := New(client, Options{}).Limit(context.Background(), request)
		require.ErrorContains(t, err, "panic: oh")
	})
	t.Run("a client that ignores the context", func(t *testing.T) {
		client := newClient(t, miniredis.RunT(t).Addr())
		inside, release := make(chan struct{}), make(chan struct{})
		client.AddHook(hook(func(redis.Cmder) { close(inside); <-release }))
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-inside; cancel() }()
		_, err := New(client, Options{}).Limit(ctx, request)
		require.ErrorIs(t, err, context.Canceled)
		close(release)
	})
}

// Three gateways with 64 connections each allow together what one allows.
func TestLimitIsExactTogether(t *testing.T) {
	s := startServer(t)
	for _, algorithm := range []ratelimit.Algorithm{ratelimit.AlgorithmGCRA, ratelimit.AlgorithmFixedWindow} {
		// Nothing refills while the test runs, and no window begins before 2069.
		d := ratelimit.Descriptor{Entries: bob(), Requests: 1000, Unit: 50 * 365 * 24 * time.Hour, Algorithm: algorithm}
		var allowed atomic.Int64
		var group sync.WaitGroup
		for range 3 {
			l := New(newClient(t, "redis://"+s.address+"?pool_size=64"), Options{})
			for range 64 {
				group.Go(func() {
					for range 20 {
						r, err := l.Limit(context.Background(), ratelimit.Request{Domain: "d", Descriptors: []ratelimit.Descriptor{d}, Hits: 1})
						if err != nil {
							t.Error(err)
							return
						}
						if !r.Over {
							allowed.Add(1)
						}
					}
				})
			}
		}
		group.Wait()
		require.EqualValues(t, 1000, allowed.Load(), "of %d", 3*64*20)
	}
	requireExpiry(t, newClient(t, s.address))
}

// The commands that the documentation names are enough.
func TestAccessControlList(t *testing.T) {
	s := startServer(t)
	admin := newClient(t, s.address)
	require.NoError(t, admin.Do(context.Background(), "ACL", "SETUSER", "gateway", "on", ">pw", "~*", "+evalsha", "+eval", "+time", "+get", "+set", "+incrby", "+pexpire").Err())
	l := New(newClient(t, "redis://gateway:pw@"+s.address), Options{})
	limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Second})
	limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: 1, Unit: time.Second, Algorithm: ratelimit.AlgorithmFixedWindow})
}
