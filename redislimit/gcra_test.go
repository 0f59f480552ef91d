package redislimit

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// limitOne counts a request with one descriptor.
func limitOne(t testing.TB, l *Limiter, hits int, d ratelimit.Descriptor) ratelimit.Status {
	t.Helper()
	r, err := l.Limit(context.Background(), ratelimit.Request{Domain: "shop/limits", Descriptors: []ratelimit.Descriptor{d}, Hits: hits})
	require.NoError(t, err)
	require.Len(t, r.Statuses, 1)
	require.Equal(t, r.Statuses[0].Over, r.Over)
	return r.Statuses[0]
}

func bob() []ratelimit.Entry { return []ratelimit.Entry{{Key: "x-user", Value: "bob"}} }

func TestGCRA(t *testing.T) {
	type step struct {
		after time.Duration // since noon
		hits  int
		want  ratelimit.Status
	}
	ms, us := time.Millisecond, time.Microsecond
	tests := []struct {
		name            string
		requests, burst int
		unit            time.Duration
		steps           []step
	}{
		{"burst is the number of requests", 2, 0, time.Second, []step{
			{0, 1, ratelimit.Status{Remaining: 1, Reset: 500 * ms}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: time.Second}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: 500 * ms, Reset: time.Second}},
			{499 * ms, 1, ratelimit.Status{Over: true, RetryAfter: 1 * ms, Reset: 501 * ms}},
			{500 * ms, 1, ratelimit.Status{Remaining: 0, Reset: time.Second}},
			{time.Hour, 1, ratelimit.Status{Remaining: 1, Reset: 500 * ms}},
		}},
		{"burst apart from the rate", 10, 2, time.Second, []step{
			{0, 1, ratelimit.Status{Remaining: 1, Reset: 100 * ms}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: 200 * ms}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: 100 * ms, Reset: 200 * ms}},
			{100 * ms, 1, ratelimit.Status{Remaining: 0, Reset: 200 * ms}},
			{150 * ms, 1, ratelimit.Status{Over: true, RetryAfter: 50 * ms, Reset: 150 * ms}},
		}},
		{"larger burst", 1, 3, time.Second, []step{
			{0, 3, ratelimit.Status{Remaining: 0, Reset: 3 * time.Second}},
			{0, 2, ratelimit.Status{Over: true, RetryAfter: 2 * time.Second, Reset: 3 * time.Second}},
		}},
		{"thirds of a second", 3, 0, time.Second, []step{
			{0, 1, ratelimit.Status{Remaining: 2, Reset: 333334 * us}},
			{0, 1, ratelimit.Status{Remaining: 1, Reset: 666667 * us}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: time.Second}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: 333334 * us, Reset: time.Second}},
			{333333 * us, 1, ratelimit.Status{Over: true, RetryAfter: 1 * us, Reset: 666667 * us}},
			{333334 * us, 1, ratelimit.Status{Remaining: 0, Reset: 999999*us + 1*us}},
		}},
		{"faster than the clock", 3_000_000, 3, time.Second, []step{
			{0, 1, ratelimit.Status{Remaining: 2, Reset: 1 * us}},
			{0, 2, ratelimit.Status{Remaining: 0, Reset: 1 * us}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: 1 * us, Reset: 1 * us}},
			{1 * us, 3, ratelimit.Status{Remaining: 0, Reset: 1 * us}},
		}},
		{"unit below a microsecond", 1, 0, 500, []step{
			{0, 1, ratelimit.Status{Remaining: 0, Reset: 1 * us}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: 1 * us, Reset: 1 * us}},
			{1 * us, 1, ratelimit.Status{Remaining: 0, Reset: 1 * us}},
		}},
		{"no hits use nothing", 1, 0, time.Second, []step{
			{0, 0, ratelimit.Status{Remaining: 1}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: time.Second}},
			{0, 0, ratelimit.Status{Remaining: 0, Reset: time.Second}},
		}},
		{"more hits than the burst are never counted", 10, 5, time.Second, []step{
			{0, 6, ratelimit.Status{Over: true, Remaining: 5}},
			{0, math.MaxInt, ratelimit.Status{Over: true, Remaining: 5}},
			{0, 5, ratelimit.Status{Remaining: 0, Reset: 500 * ms}},
			{0, 6, ratelimit.Status{Over: true, RetryAfter: 500 * ms, Reset: 500 * ms}},
		}},
		{"the clock goes back", 1, 2, time.Second, []step{
			{time.Hour, 2, ratelimit.Status{Remaining: 0, Reset: 2 * time.Second}},
			{0, 1, ratelimit.Status{Over: true, RetryAfter: time.Second, Reset: 2 * time.Second}},
		}},
		{"years", 1, 70, 365 * 24 * time.Hour, []step{
			{0, 70, ratelimit.Status{Remaining: 0, Reset: 70 * 365 * 24 * time.Hour}},
			{1 * us, 1, ratelimit.Status{Over: true, RetryAfter: 365*24*time.Hour - 1*us, Reset: 70*365*24*time.Hour - 1*us}},
		}},
		{"the largest numbers", 1 << 42, 1 << 48, 365 * 24 * time.Hour, []step{
			{0, 0, ratelimit.Status{Remaining: 1 << 48}},
			{0, 1<<48 - 1, ratelimit.Status{Remaining: 1, Reset: 64*365*24*time.Hour - 7*us}},
			{0, 2, ratelimit.Status{Over: true, Remaining: 1, RetryAfter: 8 * us, Reset: 64*365*24*time.Hour - 7*us}},
			{0, 1, ratelimit.Status{Remaining: 0, Reset: 64 * 365 * 24 * time.Hour}},
			{8 * us, 1, ratelimit.Status{Remaining: 0, Reset: 64 * 365 * 24 * time.Hour}},
		}},
	}
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				require.NoError(t, client.FlushAll(context.Background()).Err())
				l := New(client, Options{})
				for i, s := range test.steps {
					l.setTime(t, noon.Add(s.after))
					got := limitOne(t, l, s.hits, ratelimit.Descriptor{Entries: bob(), Requests: test.requests, Burst: test.burst, Unit: test.unit})
					require.Equal(t, s.want, got, "step %d", i)
				}
				requireExpiry(t, client)
			})
		}
	})
}

// requireExpiry fails for keys that stay for ever.
func requireExpiry(t testing.TB, client redis.UniversalClient) {
	t.Helper()
	ctx := context.Background()
	keys, err := client.Keys(ctx, "*").Result()
	require.NoError(t, err)
	for _, key := range keys {
		require.Positive(t, client.PTTL(ctx, key).Val(), key)
	}
}

// The script and the arithmetic around it do what rational numbers of any size do.
func TestGCRAIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		for range 30 {
			d := ratelimit.Descriptor{
				Entries:  bob(),
				Requests: 1 + random.IntN(1<<random.IntN(30)),
				Burst:    1 + random.IntN(1<<random.IntN(10)),
				Unit:     time.Duration(1 + random.Int64N(1<<(10+random.IntN(40)))),
			}
			require.NoError(t, client.FlushAll(context.Background()).Err())
			l := New(client, Options{})
			// All in microseconds.
			interval := big.NewRat(int64(d.Unit), int64(d.Requests)*1000)
			capacity := new(big.Rat).Mul(interval, big.NewRat(int64(d.Burst), 1))
			full, now := new(big.Rat), noon
			for range 20 {
				pause, _ := new(big.Rat).Mul(interval, big.NewRat(random.Int64N(300), 100)).Float64()
				now = now.Add(time.Duration(pause) * time.Microsecond)
				l.setTime(t, now)
				at := big.NewRat(now.UnixMicro(), 1)
				if full.Cmp(at) < 0 {
					full.Set(at)
				}
				hits := 1 + random.IntN(3)
				after := new(big.Rat).Add(full, new(big.Rat).Mul(interval, big.NewRat(int64(hits), 1)))
				wait := new(big.Rat).Sub(new(big.Rat).Sub(after, at), capacity)
				over := wait.Sign() > 0
				if !over {
					full.Set(after)
				}
				used := new(big.Rat).Sub(full, at)
				want := ratelimit.Status{
					Over:      over,
					Remaining: d.Burst - int(ceil(new(big.Rat).Quo(used, interval))),
					Reset:     micros(ceil(used)),
				}
				if over {
					want.RetryAfter = micros(ceil(wait))
					if hits > d.Burst {
						want.RetryAfter = want.Reset
					}
				}
				require.Equal(t, want, limitOne(t, l, hits, d), "%d hits of %+v", hits, d)
			}
		}
	})
}

func ceil(r *big.Rat) int64 {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		return q.Int64() + 1
	}
	return q.Int64()
}

func TestNoDoubleBurstAtTheEdge(t *testing.T) {
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{})
		allowed := 0
		for _, at := range []time.Duration{-50 * time.Millisecond, 50 * time.Millisecond} {
			l.setTime(t, noon.Add(at))
			for range 200 {
				if !limitOne(t, l, 1, ratelimit.Descriptor{Entries: bob(), Requests: 100, Unit: time.Second}).Over {
					allowed++
				}
			}
		}
		require.Equal(t, 110, allowed, "100, and a tenth of it for a tenth of a second")
	})
}

// A limit can change while clients have used some of it.
func TestGCRAChangedLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{})
		l.setTime(t, noon)
		d := ratelimit.Descriptor{Entries: bob(), Requests: 7, Unit: time.Second, Burst: 70}
		limitOne(t, l, 68, d)
		d.Burst, d.Requests = 2, 1
		require.Equal(t, ratelimit.Status{Over: true, RetryAfter: time.Second, Reset: 2 * time.Second}, limitOne(t, l, 1, d))
		d.Burst, d.Requests = 1, 3
		require.NoError(t, client.Set(context.Background(), "lateen:shop/limits|1s|x-user=bob", strconv.FormatInt(noon.UnixMicro()+333333, 10)+":2", 0).Err())
		require.Equal(t, ratelimit.Status{Over: true, RetryAfter: 333334 * time.Microsecond, Reset: 333334 * time.Microsecond}, limitOne(t, l, 1, d), "a third more than possible")
		require.NoError(t, client.Del(context.Background(), "lateen:shop/limits|1s|x-user=bob").Err())
		d.Burst, d.Requests = 70, 7
		limitOne(t, l, 68, d)
		d.Burst, d.Requests = 1000, 100
		require.Equal(t, ratelimit.Status{Remaining: 1000 - 972 - 1, Reset: 9724286 * time.Microsecond}, limitOne(t, l, 1, d))
	})
}

func TestGCRAForeignState(t *testing.T) {
	ctx := context.Background()
	everywhere(t, func(t *testing.T, client redis.UniversalClient) {
		l := New(client, Options{})
		const key = "lateen:shop/limits|1s|x-user=bob"
		request := ratelimit.Request{Domain: "shop/limits", Hits: 1, Descriptors: []ratelimit.Descriptor{{Entries: bob(), Requests: 1, Unit: time.Second}}}
		for _, state := range []string{"", "no", "-1", "1.5", "1:2:3", "0x10"} {
			require.NoError(t, client.Set(ctx, key, state, 0).Err())
			_, err := l.Limit(ctx, request)
			require.ErrorContains(t, err, "value of another program", state)
		}
		require.NoError(t, client.Del(ctx, key).Err())
		require.NoError(t, client.LPush(ctx, key, "a").Err())
		_, err := l.Limit(ctx, request)
		require.ErrorContains(t, err, "WRONGTYPE")
		require.NoError(t, client.Set(ctx, key, strconv.Itoa(math.MaxInt)+":99", 0).Err())
		r, err := l.Limit(ctx, request)
		require.NoError(t, err)
		require.Equal(t, ratelimit.Status{Over: true, RetryAfter: time.Second, Reset: time.Second}, r.Statuses[0])
	})
}
