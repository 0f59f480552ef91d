package redislimit

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func TestFixedWindow(t *testing.T) {
	type step struct {
		after time.Duration // since noon
		hits  int
		want  ratelimit.Status
	}
	ms := time.Millisecond
	tests := []struct {
		name     string
		requests int
		unit     time.Duration
		steps    []step
	}{
		{"from the start of a second", 2, time.Second, []step{
			{300 * ms, 1, ratelimit.Status{Remaining: 1, Reset: 700 * ms}},
			{300 * ms, 1, ratelimit.Status{Remaining: 0, Reset: 700 * ms}},
			{999999 * time.Microsecond, 1, ratelimit.Status{Over: true, RetryAfter: 1000, Reset: 1000}},
			{time.Second, 1, ratelimit.Status{Remaining: 1, Reset: time.Second}},
		}},
		{"a request over the limit is counted", 3, time.Minute, []step{
			{0, 2, ratelimit.Status{Remaining: 1, Reset: time.Minute}},
			{0, 2, ratelimit.Status{Over: true, RetryAfter: time.Minute, Reset: time.Minute}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: time.Minute, Reset: time.Minute}},
		}},
		{"no hits", 1, time.Hour, []step{
			{0, 0, ratelimit.Status{Remaining: 1, Reset: time.Hour}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: time.Hour}},
			{0, 0, ratelimit.Status{Remaining: 0, Reset: time.Hour}},
		}},
		{"counters do not overflow", 5, 24 * time.Hour, []step{
			{0, math.MaxInt, ratelimit.Status{Over: true, RetryAfter: 12 * time.Hour, Reset: 12 * time.Hour}},
			{0, math.MaxInt, ratelimit.Status{Over: true, RetryAfter: 12 * time.Hour, Reset: 12 * time.Hour}},
			{12 * time.Hour, 1, ratelimit.Status{Remaining: 4, Reset: 24 * time.Hour}},
		}},
		{"a unit that Envoy does not have", 1, 1500 * ms, []step{
			{0, 1, ratelimit.Status{Remaining: 0, Reset: 1500 * ms}},
			{1499 * ms, 1, ratelimit.Status{Over: true, RetryAfter: 1 * ms, Reset: 1 * ms}},
			{1500 * ms, 1, ratelimit.Status{Remaining: 0, Reset: 1500 * ms}},
		}},
	}
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				require.NoError(t, client.FlushAll(context.Background()).Err())
				l := New(client, Options{})
				for i, s := range test.steps {
					l.setTime(t, noon.Add(s.after))
					got := limitOne(t, l, s.hits, ratelimit.Descriptor{Entries: bob(), Requests: test.requests, Unit: test.unit, Burst: 1000, Algorithm: ratelimit.AlgorithmFixedWindow})
					require.Equal(t, s.want, got, "step %d", i)
				}
				requireExpiry(t, client)
			})
		}
	})
}

// The keys are those of github.com/envoyproxy/ratelimit.
func TestFixedWindowSharesCountersWithEnvoy(t *testing.T) {
	now := time.Unix(1_700_000_059, 0)
	second, day := time.Second, 24*time.Hour
	tests := []struct {
		unit time.Duration
		key  string
	}{
		{second, "shop/limits_x-user_bob_path_/a_b_1700000059"},
		{time.Minute, "shop/limits_x-user_bob_path_/a_b_1700000040"},
		{time.Hour, "shop/limits_x-user_bob_path_/a_b_1699999200"},
		{day, "shop/limits_x-user_bob_path_/a_b_1699920000"},
		{7 * day, "shop/limits_x-user_bob_path_/a_b_1699488000"},
		{30 * day, "shop/limits_x-user_bob_path_/a_b_1697760000"},
		{365 * day, "shop/limits_x-user_bob_path_/a_b_1671408000"},
		{10 * second, "shop/limits_x-user_bob_path_/a_b_1700000050"},
		{2500 * time.Millisecond, "shop/limits_x-user_bob_path_/a_b_1700000057.5"},
	}
	ctx := context.Background()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{Prefix: "unused"})
		l.setTime(t, now)
		for _, test := range tests {
			// What the other program has counted.
			require.NoError(t, client.Set(ctx, test.key, 3, 0).Err())
			d := ratelimit.Descriptor{
				Entries:  []ratelimit.Entry{{Key: "x-user", Value: "bob"}, {Key: "path", Value: "/a_b"}},
				Requests: 6, Unit: test.unit, Algorithm: ratelimit.AlgorithmFixedWindow,
			}
			require.Equal(t, 1, limitOne(t, l, 2, d).Remaining, test.unit)
			require.Equal(t, "5", client.Get(ctx, test.key).Val())
			require.Positive(t, client.PTTL(ctx, test.key).Val())
			require.NoError(t, client.FlushAll(ctx).Err())
		}
	})
}

// A gateway whose clock is wrong counts in the server's window, and asks twice
// only until it knows the difference.
func TestFixedWindowOfTheServer(t *testing.T) {
	ctx := context.Background()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{})
		l.setTime(t, noon.Add(30*time.Second))
		scripts := countScripts(client)
		request := ratelimit.Request{Domain: "shop/limits", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: bob(), Requests: 10, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow},
			{Entries: bob(), Requests: 10, Unit: time.Hour},
		}}
		limit := func() ratelimit.Response {
			r, err := l.Limit(ctx, request)
			require.NoError(t, err)
			return r
		}
		limit()
		for i, wrong := range []time.Duration{-time.Hour, 24 * time.Hour} {
			l.now = func() time.Time { return noon.Add(30*time.Second + wrong) }
			before := scripts()
			r := limit()
			require.Equal(t, 2, scripts()-before)
			require.Equal(t, ratelimit.Status{Remaining: 8 - 2*i, Reset: 30 * time.Second}, r.Statuses[0])
			require.Equal(t, 8-2*i, r.Statuses[1].Remaining, "it is counted once")
			before = scripts()
			require.Equal(t, 7-2*i, limit().Statuses[0].Remaining)
			require.Equal(t, 1, scripts()-before)
		}
		require.Equal(t, "5", client.Get(ctx, windowKey("shop/limits", &request.Descriptors[0])+windowStart(noon.UnixMicro())).Val())
	})
}

func TestFixedWindowStatus(t *testing.T) {
	w, err := newFixedWindow("k", &ratelimit.Descriptor{Requests: 10, Unit: time.Second}, 1)
	require.NoError(t, err)
	tests := []struct {
		name   string
		answer answer
		want   ratelimit.Status
	}{
		{"an operator has lowered the counter", answer{0, -5, 7}, ratelimit.Status{Remaining: 10, Reset: 7 * time.Microsecond}},
		{"the lowest counter", answer{0, math.MinInt64, 7}, ratelimit.Status{Remaining: 10, Reset: 7 * time.Microsecond}},
		{"the highest counter", answer{0, math.MaxInt64, 7}, ratelimit.Status{Over: true, RetryAfter: 7 * time.Microsecond, Reset: 7 * time.Microsecond}},
		{"the window begins later on this server", answer{0, 1, 1_000_001}, ratelimit.Status{Remaining: 9, Reset: time.Second}},
		{"the window has ended on this server", answer{0, 11, 0}, ratelimit.Status{Over: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := w.status(test.answer)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}
