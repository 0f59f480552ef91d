package redislimit

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/memlimit"
	"github.com/lateengo/gateway/ratelimit"
)

// A timed request comes some time after the one before it.
type timed struct {
	after   time.Duration
	request ratelimit.Request
}

// fromMemory returns the answers of memlimit, from 2000-01-01 on, in whole microseconds.
func fromMemory(t *testing.T, requests []timed) (answers []ratelimit.Response) {
	synctest.Test(t, func(t *testing.T) {
		l := memlimit.New(memlimit.Options{})
		for _, r := range requests {
			time.Sleep(r.after)
			answer, err := l.Limit(t.Context(), r.request)
			require.NoError(t, err)
			for i := range answer.Statuses {
				s := &answer.Statuses[i]
				s.RetryAfter, s.Reset = wholeMicros(s.RetryAfter), wholeMicros(s.Reset)
			}
			answers = append(answers, answer)
		}
	})
	return answers
}

func wholeMicros(d time.Duration) time.Duration {
	return (d + time.Microsecond - 1).Truncate(time.Microsecond)
}

// Package memlimit gives the same answers.
func TestLikeMemlimit(t *testing.T) {
	const gcra, window = ratelimit.AlgorithmGCRA, ratelimit.AlgorithmFixedWindow
	one := func(after time.Duration, hits, requests, burst int, unit time.Duration, algorithm ratelimit.Algorithm) timed {
		return timed{after, ratelimit.Request{Domain: "shop/limits", Hits: hits, Descriptors: []ratelimit.Descriptor{
			{Entries: bob(), Requests: requests, Burst: burst, Unit: unit, Algorithm: algorithm},
		}}}
	}
	const ms, day = time.Millisecond, 24 * time.Hour
	tests := []struct {
		name     string
		requests []timed
	}{
		{"a token bucket", []timed{
			one(0, 1, 2, 0, time.Second, gcra), one(0, 1, 2, 0, time.Second, gcra), one(0, 1, 2, 0, time.Second, gcra),
			one(499*ms, 1, 2, 0, time.Second, gcra), one(1*ms, 1, 2, 0, time.Second, gcra), one(time.Hour, 1, 2, 0, time.Second, gcra),
		}},
		{"a larger burst", []timed{one(0, 3, 1, 3, time.Second, gcra), one(0, 2, 1, 3, time.Second, gcra), one(2*time.Second, 2, 1, 3, time.Second, gcra)}},
		{"thirds of a second", []timed{
			one(0, 1, 3, 0, time.Second, gcra), one(0, 1, 3, 0, time.Second, gcra), one(0, 1, 3, 0, time.Second, gcra), one(0, 1, 3, 0, time.Second, gcra),
			one(333333*time.Microsecond, 1, 3, 0, time.Second, gcra), one(1*time.Microsecond, 1, 3, 0, time.Second, gcra),
		}},
		{"no hits", []timed{one(0, 0, 1, 0, time.Second, gcra), one(0, 1, 1, 0, time.Second, gcra), one(0, 0, 1, 0, time.Second, gcra)}},
		{"more hits than the burst", []timed{
			one(0, 6, 10, 5, time.Second, gcra), one(0, math.MaxInt, 10, 5, time.Second, gcra),
			one(0, 5, 10, 5, time.Second, gcra), one(0, 6, 10, 5, time.Second, gcra), one(100*ms, 6, 10, 5, time.Second, gcra),
		}},
		{"a window", []timed{
			one(300*ms, 1, 2, 9, time.Second, window), one(0, 1, 2, 9, time.Second, window), one(699*ms, 1, 2, 9, time.Second, window),
			one(1*ms, 1, 2, 9, time.Second, window), one(2*time.Second, 2, 2, 9, time.Second, window),
		}},
		{"a window counts what it refuses", []timed{
			one(0, 2, 3, 0, time.Minute, window), one(0, 2, 3, 0, time.Minute, window), one(0, 1, 3, 0, time.Minute, window),
			one(time.Minute, 4, 3, 0, time.Minute, window), one(0, 1, 3, 0, time.Minute, window),
		}},
		{"no hits of a window", []timed{
			one(0, 0, 1, 0, time.Hour, window), one(0, 1, 1, 0, time.Hour, window), one(0, 0, 1, 0, time.Hour, window),
			one(0, 1, 1, 0, time.Hour, window), one(0, 0, 1, 0, time.Hour, window), one(time.Hour, 0, 1, 0, time.Hour, window),
		}},
		{"all hits of a window", []timed{
			one(0, math.MaxInt, 5, 0, day, window), one(12*time.Hour, math.MaxInt, 5, 0, day, window), one(12*time.Hour, 1, 5, 0, day, window),
		}},
		{"units of any length", []timed{
			one(0, 1, 1, 0, 1500*ms, window), one(1499*ms, 1, 1, 0, 1500*ms, window), one(1*ms, 1, 1, 0, 1500*ms, window),
			one(0, 1, 1, 0, 7*day, window), one(0, 1, 1, 0, 30*day, window),
		}},
		{"a year", []timed{one(0, 1, 1, 0, 365*day, window), one(0, 1, 1, 0, 365*day, window)}},
		{"several descriptors", []timed{several(0, 1), several(0, 1), several(500*ms, 2), several(0, 0)}},
		{"at random", atRandom(rand.New(rand.NewPCG(1, 1)))},
		{"at random again", atRandom(rand.New(rand.NewPCG(1, 2)))},
	}
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				require.NoError(t, client.FlushAll(context.Background()).Err())
				l := New(client, Options{})
				now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
				want := fromMemory(t, test.requests)
				for i, r := range test.requests {
					now = now.Add(r.after)
					l.setTime(t, now)
					got, err := l.Limit(context.Background(), r.request)
					require.NoError(t, err)
					require.Equal(t, want[i], got, "request %d", i)
				}
			})
		}
	})
}

// several asks about descriptors of which some are the same.
func several(after time.Duration, hits int) timed {
	second := ratelimit.Descriptor{Entries: bob(), Requests: 2, Unit: time.Second}
	minute := ratelimit.Descriptor{Entries: bob(), Requests: 2, Unit: time.Minute, Algorithm: ratelimit.AlgorithmFixedWindow}
	costly := ratelimit.Descriptor{Entries: []ratelimit.Entry{{Key: "all"}}, Requests: 100, Unit: time.Second, Hits: 10}
	return timed{after, ratelimit.Request{Domain: "shop/limits", Hits: hits, Descriptors: []ratelimit.Descriptor{second, minute, second, costly, minute}}}
}

// atRandom asks about two limits of three clients, whose times are whole microseconds.
func atRandom(random *rand.Rand) (requests []timed) {
	for range 150 {
		r := timed{time.Duration(random.IntN(200_000)) * time.Microsecond, ratelimit.Request{Domain: "d", Hits: random.IntN(5)}}
		entries := []ratelimit.Entry{{Key: "client", Value: string(rune('a' + random.IntN(3)))}}
		r.request.Descriptors = []ratelimit.Descriptor{
			{Entries: entries, Requests: 10, Burst: 7, Unit: time.Second},
			{Entries: entries, Requests: 7, Unit: time.Second, Algorithm: ratelimit.AlgorithmFixedWindow},
		}
		requests = append(requests, r)
	}
	return requests
}

// What both refuse to count.
func TestImpossibleLikeMemlimit(t *testing.T) {
	l, memory := New(newClient(t, freeAddress(t)), Options{}), memlimit.New(memlimit.Options{})
	for _, d := range []ratelimit.Descriptor{
		{Unit: time.Second},
		{Requests: 1},
		{Requests: 1, Unit: time.Second, Burst: -1},
		{Requests: 1, Unit: time.Second, Hits: -1},
		{Requests: 1, Unit: time.Second, Algorithm: 2},
		{Requests: 1, Unit: 365 * 24 * time.Hour, Burst: 72},
	} {
		request := ratelimit.Request{Hits: 1, Descriptors: []ratelimit.Descriptor{d}}
		_, err := l.Limit(context.Background(), request)
		require.ErrorContains(t, err, "descriptor 0")
		_, err = memory.Limit(context.Background(), request)
		require.ErrorContains(t, err, "memlimit: descriptor 0")
	}
}
