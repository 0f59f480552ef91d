package limit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A storeFunc is a Limiter.
type storeFunc func(context.Context, ratelimit.Request) (ratelimit.Response, error)

func (f storeFunc) Limit(ctx context.Context, r ratelimit.Request) (ratelimit.Response, error) {
	return f(ctx, r)
}

// storedBy is a gateway with one limit that a store counts, and with other
// limits.
func storedBy(t *testing.T, s ratelimit.Limiter, then spec.StoreFailure, others ...spec.RateLimit) *gateway.Gateway {
	t.Helper()
	limits := append([]spec.RateLimit{{Requests: 2, Unit: time.Minute, Provider: "redis", OnStoreFailure: then}}, others...)
	return testgateway.Built(t, gateway.New().Limiter("redis", s).Backend("*", testhttp.AnswerOK).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}))
}

func TestStore(t *testing.T) {
	broken := errors.New("broken")
	waits := func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
		<-ctx.Done()
		return ratelimit.Response{}, ctx.Err()
	}
	fails := func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
		return ratelimit.Response{Over: true}, broken
	}
	panics := func(context.Context, ratelimit.Request) (ratelimit.Response, error) { panic("boom") }
	is := func(over bool) storeFunc {
		return func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{Over: over}, nil
		}
	}
	for _, row := range []struct {
		name  string
		store storeFunc
		then  spec.StoreFailure
		want  []int
		took  time.Duration
	}{
		{"within the limit", is(false), spec.StoreFailureLocal, []int{200, 200, 200, 200}, 0},
		{"over the limit", is(true), spec.StoreFailureLocal, []int{429, 429, 429, 429}, 0},
		{"an error, limited here", fails, spec.StoreFailureLocal, []int{200, 200, 429, 429}, 0},
		{"an error, allowed", fails, spec.StoreFailureAllow, []int{200, 200, 200, 200}, 0},
		{"an error, denied", fails, spec.StoreFailureDeny, []int{500, 500, 500, 500}, 0},
		{"a panic, limited here", panics, spec.StoreFailureLocal, []int{200, 200, 429, 429}, 0},
		{"slow, limited here", waits, spec.StoreFailureLocal, []int{200, 200, 429, 429}, limit.LimiterTimeout},
		{"slow, allowed", waits, spec.StoreFailureAllow, []int{200, 200, 200, 200}, limit.LimiterTimeout},
		{"slow, denied", waits, spec.StoreFailureDeny, []int{500, 500, 500, 500}, limit.LimiterTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := storedBy(t, row.store, row.then)
				began := time.Now()
				require.Equal(t, row.want, testhttp.Codes(gw, len(row.want)))
				require.Equal(t, row.took, time.Since(began), "only the first waits")
			})
		})
	}
}

// A store that ignores its context makes no request wait.
func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := storedBy(t, storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			time.Sleep(time.Hour)
			return ratelimit.Response{Over: true}, nil
		}), spec.StoreFailureAllow)
		began := time.Now()
		require.Equal(t, []int{200, 200, 200}, testhttp.Codes(gw, 3))
		require.Equal(t, limit.LimiterTimeout, time.Since(began))
		time.Sleep(2 * time.Hour)
	})
}

func TestStoreAnswers(t *testing.T) {
	over := func(statuses ...ratelimit.Status) storeFunc {
		return func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
			return ratelimit.Response{Over: true, Statuses: statuses}, nil
		}
	}
	gw := storedBy(t, over(ratelimit.Status{Over: true, RetryAfter: 90 * time.Second}, ratelimit.Status{RetryAfter: time.Hour}), spec.StoreFailureLocal)
	w := testgateway.Serve(gw, testhttp.From(testhttp.Client))
	require.Equal(t, 429, w.Code)
	require.Equal(t, http.Header{"Retry-After": {"90"}, "X-Envoy-Ratelimited": {"true"}, "Content-Length": {"0"}}, withLength(w.Header()))
	require.Empty(t, w.Body.String())

	w = testgateway.Serve(gw, testhttp.From(testhttp.Client, "Content-Type", "application/grpc"))
	require.Equal(t, "14", w.Header().Get("Grpc-Status"))
	require.NotContains(t, w.Header(), "Grpc-Message")

	gw = storedBy(t, over(), spec.StoreFailureLocal)
	require.Equal(t, "1", testgateway.Serve(gw, testhttp.From(testhttp.Client)).Header().Get("Retry-After"), "a store that does not know")

	// The tokens of limits in this process count as well.
	gw = storedBy(t, over(ratelimit.Status{Over: true, RetryAfter: time.Second}), spec.StoreFailureLocal, spec.RateLimit{Requests: 1, Unit: time.Hour})
	require.Equal(t, "3600", testgateway.Serve(gw, testhttp.From(testhttp.Client)).Header().Get("Retry-After"))

	gw = storedBy(t, storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
		return ratelimit.Response{}, errors.New("broken")
	}), spec.StoreFailureLocal)
	testhttp.Codes(gw, 2)
	w = testgateway.Serve(gw, testhttp.From(testhttp.Client))
	require.Equal(t, 429, w.Code)
	require.Equal(t, "30", w.Header().Get("Retry-After"))
	require.Equal(t, "local_rate_limited", w.Body.String())
	require.NotContains(t, w.Header(), "X-Envoy-Ratelimited")
}

// withLength is a header with the length that net/http's server would send.
func withLength(h http.Header) http.Header {
	if h["Content-Length"] == nil {
		h["Content-Length"] = []string{"0"}
	}
	return h
}

// A request that a local limit refuses does not reach the store.
func TestLocalLimitsComeFirst(t *testing.T) {
	asked := 0
	gw := storedBy(t, storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) {
		asked++
		return ratelimit.Response{}, nil
	}), spec.StoreFailureLocal, spec.RateLimit{Requests: 2, Unit: time.Hour})
	require.Equal(t, []int{200, 200, 429, 429}, testhttp.Codes(gw, 4))
	require.Equal(t, 2, asked)
}

func TestStoreIsAskedOnceForAllLimitsOfAPolicy(t *testing.T) {
	var asked []ratelimit.Request
	s := storeFunc(func(_ context.Context, r ratelimit.Request) (ratelimit.Response, error) {
		asked = append(asked, r)
		return ratelimit.Response{}, nil
	})
	free := spec.Match{Headers: map[string]spec.StringMatch{"x-plan": spec.Exact("free")}}
	policy := spec.RateLimitPolicy{Name: "p", Namespace: "shop", Limits: []spec.RateLimit{
		{Requests: 1, Unit: time.Second, Provider: "redis"},
		{Requests: 2, Unit: time.Minute, Provider: "redis", Per: []spec.LimitKey{{Header: "X-User"}, {RemoteAddress: true}}},
		{Requests: 3, Unit: time.Hour, Provider: "redis", When: &free},
		{Requests: 4, Unit: time.Hour, Provider: "other"},
		{Requests: 5, Unit: time.Hour, Provider: "redis", Per: perClient},
	}}
	gw := testgateway.Built(t, gateway.New().Namespace("shop").Limiter("redis", s).Limiter("other", s).RateLimit(policy).Backend("*", testhttp.AnswerOK).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}))
	testgateway.Serve(gw, testhttp.From("[2001:db8::1]:1", "X-User", "u", "X-Plan", "free"))
	require.Equal(t, []ratelimit.Request{
		{Domain: "shop/p", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: []ratelimit.Entry{{Key: "generic_key", Value: "shop/p"}}, Requests: 4, Unit: time.Hour},
		}},
		{Domain: "shop/p", Hits: 1, Descriptors: []ratelimit.Descriptor{
			{Entries: []ratelimit.Entry{{Key: "generic_key", Value: "shop/p"}}, Requests: 1, Unit: time.Second},
			{Entries: []ratelimit.Entry{{Key: "x-user", Value: "u"}, {Key: "remote_address", Value: "2001:db8::/64"}}, Requests: 2, Unit: time.Minute},
			{Entries: []ratelimit.Entry{{Key: "condition", Value: `header x-plan exact "free"`}}, Requests: 3, Unit: time.Hour},
			{Entries: []ratelimit.Entry{{Key: "remote_address", Value: "2001:db8::/64"}}, Requests: 5, Unit: time.Hour},
		}},
	}, asked)

	asked = nil
	testgateway.Serve(gw, testhttp.From("@"))
	require.Len(t, asked, 2)
	require.Len(t, asked[1].Descriptors, 1, "what is not limited is not asked")
}

// While a store is down, only one request at a time tries it, with growing
// pauses.
func TestStoreOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []time.Duration
		up := false
		began := time.Now()
		var logged bytes.Buffer
		s := limit.NewStore(limit.StoreKey{Provider: "redis", Timeout: limit.LimiterTimeout}, storeFunc(func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
			mu.Lock()
			asked = append(asked, time.Since(began).Round(time.Millisecond))
			now := up
			mu.Unlock()
			if now {
				time.Sleep(5 * time.Millisecond)
				return ratelimit.Response{}, nil
			}
			<-ctx.Done()
			return ratelimit.Response{}, ctx.Err()
		}), slog.New(slog.NewTextHandler(&logged, nil)))
		defer s.Close()
		crowd := func(n int) (failed int) {
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					if _, err := s.Limit(t.Context(), ratelimit.Request{}); err != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			return failed
		}
		require.Equal(t, 3, crowd(3), "these could not know")
		// A request that tries waits no longer than others. What it began may take a second.
		for range 900 {
			require.Equal(t, 5, crowd(5))
			time.Sleep(10 * time.Millisecond)
		}
		mu.Lock()
		require.Len(t, asked, 3+6)
		for i, pause := range []time.Duration{100, 1000 + 200, 1000 + 400, 1000 + 800, 1000 + 1000, 1000 + 1000} {
			gap := asked[3+i] - asked[2+i]
			require.GreaterOrEqual(t, gap, pause*time.Millisecond)
			require.Less(t, gap, (pause+50)*time.Millisecond)
		}
		up = true
		mu.Unlock()
		time.Sleep(3 * time.Second)
		require.Equal(t, 99, crowd(100), "only one of a crowd tries")
		require.Equal(t, 0, crowd(100), "and then all do")
		require.Equal(t, 2, strings.Count(logged.String(), "\n"), "one line for each change")
		require.Contains(t, logged.String(), `level=WARN msg="rate limiter failed" provider=redis error="the limiter took more than 20ms"`)
		require.Contains(t, logged.String(), `level=INFO msg="rate limiter answers again" provider=redis`)
	})
}

// An answer that comes too late for the request that asked ends the outage all the same.
func TestSlowRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		s := limit.NewStore(limit.StoreKey{Provider: "redis", Timeout: limit.LimiterTimeout}, storeFunc(func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
			if !up {
				return ratelimit.Response{}, errors.New("refused")
			}
			select {
			case <-time.After(300 * time.Millisecond): // to connect
				return ratelimit.Response{}, nil
			case <-ctx.Done():
				return ratelimit.Response{}, ctx.Err()
			}
		}), slog.New(slog.DiscardHandler))
		ask := func() error {
			_, err := s.Limit(t.Context(), ratelimit.Request{})
			return err
		}
		require.EqualError(t, ask(), "refused")
		up = true
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		require.EqualError(t, ask(), "the limiter took more than 20ms")
		require.Equal(t, 20*time.Millisecond, time.Since(began))
		require.True(t, s.Figures().Failing)
		time.Sleep(300 * time.Millisecond)
		require.False(t, s.Figures().Failing)

		// Close ends what goes on after a request, and nothing begins after that.
		up = false
		require.EqualError(t, ask(), "refused")
		up = true
		time.Sleep(100 * time.Millisecond)
		require.Error(t, ask())
		began = time.Now()
		s.Close()
		require.Zero(t, time.Since(began))
		time.Sleep(10 * time.Second)
		require.EqualError(t, ask(), "the limiter has failed a moment ago")
	})
}

// A client that disconnects does not count as a failure of the store.
func TestStoreIsNotBlamedForClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limit.NewStore(limit.StoreKey{Provider: "redis", Timeout: limit.LimiterTimeout}, storeFunc(func(ctx context.Context, _ ratelimit.Request) (ratelimit.Response, error) {
			time.Sleep(10 * time.Millisecond)
			return ratelimit.Response{}, ctx.Err()
		}), slog.New(slog.DiscardHandler))
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := s.Limit(ctx, ratelimit.Request{})
		require.Error(t, err)
		_, err = s.Limit(t.Context(), ratelimit.Request{})
		require.NoError(t, err)
	})
}

func TestUnknownProvider(t *testing.T) {
	ok := storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) { return ratelimit.Response{}, nil })
	limits := []spec.RateLimit{{Requests: 1, Unit: time.Second}, {Requests: 1, Unit: time.Second, Provider: "rediss"}}
	origin := spec.Origin{File: "a.yaml", Line: 3, Kind: "VirtualService", Namespace: "default", Name: "shop"}
	_, err := gateway.New().Limiter("redis", ok).Limiter("remote", ok).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits, Origin: origin}).
		RateLimit(spec.RateLimitPolicy{Name: "p", Limits: limits}).Build()
	require.Error(t, err)
	require.Contains(t, err.Error(), `VirtualService default/shop: rateLimits[1].provider: no limiter is registered as "rediss"; did you mean "redis"?`)
	require.Contains(t, err.Error(), `Limits[1].Provider: no limiter is registered as "rediss"; did you mean "redis"?`)
	_, err = gateway.New().Limiter("redis", nil).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{
		{Requests: 1, Unit: time.Second, Provider: "redis"},
	}}).Build()
	require.ErrorContains(t, err, `no limiter is registered as "redis"`)
}

// The gateway tells how its limiters are, and a Replace with the same one keeps the figures
// and the state: an outage does not begin again.
func TestFiguresOfLimiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &failing{err: errors.New("down")}
		var logged bytes.Buffer
		log := slog.New(slog.NewTextHandler(&logged, nil))
		build := func(l ratelimit.Limiter) *gateway.Builder {
			return gateway.New().Logger(log).Limiter("redis", l).Backend("*", testhttp.AnswerOK).
				Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{{Requests: 100, Unit: time.Hour, Provider: "redis"}}})
		}
		gw := testgateway.Built(t, build(l))
		require.Equal(t, []observe.Limiter{{Provider: "redis"}}, gw.Limiters())
		began := time.Now()
		testhttp.Codes(gw, 3)
		failed := observe.Limiter{Provider: "redis", Asked: 1, Failures: 1, Missed: 2, Failing: true, FailingSince: began}
		require.Equal(t, []observe.Limiter{failed}, gw.Limiters())
		require.NoError(t, gw.Replace(build(l)))
		testhttp.Codes(gw, 1)
		failed.Missed++
		require.Equal(t, []observe.Limiter{failed}, gw.Limiters())
		require.Equal(t, 1, strings.Count(logged.String(), "rate limiter failed"))

		l.err = nil
		time.Sleep(time.Second)
		testhttp.Codes(gw, 2)
		require.Equal(t, []observe.Limiter{{Provider: "redis", Asked: 3, Failures: 1, Missed: 3}}, gw.Limiters())

		// Another limiter is another one, and so is one that cannot be compared.
		require.NoError(t, gw.Replace(build(new(failing))))
		require.Equal(t, []observe.Limiter{{Provider: "redis"}}, gw.Limiters())
		uncomparable := storeFunc(func(context.Context, ratelimit.Request) (ratelimit.Response, error) { return ratelimit.Response{}, nil })
		for range 2 {
			require.NoError(t, gw.Replace(build(uncomparable)))
			require.Equal(t, []observe.Limiter{{Provider: "redis"}}, gw.Limiters())
			testhttp.Codes(gw, 1)
		}
	})
}

// A failing is a Limiter that fails while it has an error.
type failing struct{ err error }

func (f *failing) Limit(context.Context, ratelimit.Request) (ratelimit.Response, error) {
	return ratelimit.Response{}, f.err
}
