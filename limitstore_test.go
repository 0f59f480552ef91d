package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// A storeFunc is a Limiter.
type storeFunc func(context.Context, LimitRequest) (LimitResponse, error)

func (f storeFunc) Limit(ctx context.Context, r LimitRequest) (LimitResponse, error) {
	return f(ctx, r)
}

// storedBy is a gateway whose one limit a store counts, with other limits.
func storedBy(t *testing.T, s Limiter, then spec.StoreFailure, others ...spec.RateLimit) *Gateway {
	t.Helper()
	limits := append([]spec.RateLimit{{Requests: 2, Unit: time.Minute, Provider: "redis", OnStoreFailure: then}}, others...)
	return built(t, New().Limiter("redis", s).Backend("*", answerOK).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}))
}

func codes(gw http.Handler, n int) (out []int) {
	for range n {
		out = append(out, serve(gw, from(client)).Code)
	}
	return out
}

func TestStore(t *testing.T) {
	broken := errors.New("broken")
	waits := func(ctx context.Context, _ LimitRequest) (LimitResponse, error) {
		<-ctx.Done()
		return LimitResponse{}, ctx.Err()
	}
	fails := func(context.Context, LimitRequest) (LimitResponse, error) { return LimitResponse{Over: true}, broken }
	panics := func(context.Context, LimitRequest) (LimitResponse, error) { panic("boom") }
	is := func(over bool) storeFunc {
		return func(context.Context, LimitRequest) (LimitResponse, error) { return LimitResponse{Over: over}, nil }
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
		{"slow, limited here", waits, spec.StoreFailureLocal, []int{200, 200, 429, 429}, limiterTimeout},
		{"slow, allowed", waits, spec.StoreFailureAllow, []int{200, 200, 200, 200}, limiterTimeout},
		{"slow, denied", waits, spec.StoreFailureDeny, []int{500, 500, 500, 500}, limiterTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := storedBy(t, row.store, row.then)
				began := time.Now()
				require.Equal(t, row.want, codes(gw, len(row.want)))
				require.Equal(t, row.took, time.Since(began), "only the first waits")
			})
		})
	}
}

// A store that does not heed its context keeps nobody waiting.
func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := storedBy(t, storeFunc(func(context.Context, LimitRequest) (LimitResponse, error) {
			time.Sleep(time.Hour)
			return LimitResponse{Over: true}, nil
		}), spec.StoreFailureAllow)
		began := time.Now()
		require.Equal(t, []int{200, 200, 200}, codes(gw, 3))
		require.Equal(t, limiterTimeout, time.Since(began))
		time.Sleep(2 * time.Hour)
	})
}

func TestStoreAnswers(t *testing.T) {
	over := func(statuses ...DescriptorStatus) storeFunc {
		return func(context.Context, LimitRequest) (LimitResponse, error) {
			return LimitResponse{Over: true, Statuses: statuses}, nil
		}
	}
	gw := storedBy(t, over(DescriptorStatus{Over: true, RetryAfter: 90 * time.Second}, DescriptorStatus{RetryAfter: time.Hour}), spec.StoreFailureLocal)
	w := serve(gw, from(client))
	require.Equal(t, 429, w.Code)
	require.Equal(t, http.Header{"Retry-After": {"90"}, "X-Envoy-Ratelimited": {"true"}, "Content-Length": {"0"}}, withLength(w.Header()))
	require.Empty(t, w.Body.String())

	w = serve(gw, from(client, "Content-Type", "application/grpc"))
	require.Equal(t, "14", w.Header().Get("Grpc-Status"))
	require.NotContains(t, w.Header(), "Grpc-Message")

	gw = storedBy(t, over(), spec.StoreFailureLocal)
	require.Equal(t, "1", serve(gw, from(client)).Header().Get("Retry-After"), "a store that does not know")

	// The tokens of limits in this process count as well.
	gw = storedBy(t, over(DescriptorStatus{Over: true, RetryAfter: time.Second}), spec.StoreFailureLocal, spec.RateLimit{Requests: 1, Unit: time.Hour})
	require.Equal(t, "3600", serve(gw, from(client)).Header().Get("Retry-After"))

	gw = storedBy(t, storeFunc(func(context.Context, LimitRequest) (LimitResponse, error) {
		return LimitResponse{}, errors.New("broken")
	}), spec.StoreFailureLocal)
	codes(gw, 2)
	w = serve(gw, from(client))
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

// What a local limit refuses does not reach the store.
func TestLocalLimitsComeFirst(t *testing.T) {
	asked := 0
	gw := storedBy(t, storeFunc(func(context.Context, LimitRequest) (LimitResponse, error) {
		asked++
		return LimitResponse{}, nil
	}), spec.StoreFailureLocal, spec.RateLimit{Requests: 2, Unit: time.Hour})
	require.Equal(t, []int{200, 200, 429, 429}, codes(gw, 4))
	require.Equal(t, 2, asked)
}

func TestStoreIsAskedOnceForAllLimitsOfAPolicy(t *testing.T) {
	var asked []LimitRequest
	s := storeFunc(func(_ context.Context, r LimitRequest) (LimitResponse, error) {
		asked = append(asked, r)
		return LimitResponse{}, nil
	})
	free := spec.Match{Headers: map[string]spec.StringMatch{"x-plan": spec.Exact("free")}}
	policy := spec.RateLimitPolicy{Name: "p", Namespace: "shop", Limits: []spec.RateLimit{
		{Requests: 1, Unit: time.Second, Provider: "redis"},
		{Requests: 2, Unit: time.Minute, Provider: "redis", Per: []spec.LimitKey{{Header: "X-User"}, {RemoteAddress: true}}},
		{Requests: 3, Unit: time.Hour, Provider: "redis", When: &free},
		{Requests: 4, Unit: time.Hour, Provider: "other"},
		{Requests: 5, Unit: time.Hour, Provider: "redis", Per: perClient},
	}}
	gw := built(t, New().Namespace("shop").Limiter("redis", s).Limiter("other", s).RateLimit(policy).Backend("*", answerOK).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}))
	serve(gw, from("[2001:db8::1]:1", "X-User", "u", "X-Plan", "free"))
	require.Equal(t, []LimitRequest{
		{Domain: "shop/p", Hits: 1, Descriptors: []Descriptor{
			{[]DescriptorEntry{{"generic_key", "shop/p"}}, 4, time.Hour},
		}},
		{Domain: "shop/p", Hits: 1, Descriptors: []Descriptor{
			{[]DescriptorEntry{{"generic_key", "shop/p"}}, 1, time.Second},
			{[]DescriptorEntry{{"x-user", "u"}, {"remote_address", "2001:db8::/64"}}, 2, time.Minute},
			{[]DescriptorEntry{{"condition", `header x-plan exact "free"`}}, 3, time.Hour},
			{[]DescriptorEntry{{"remote_address", "2001:db8::/64"}}, 5, time.Hour},
		}},
	}, asked)

	asked = nil
	serve(gw, from("@"))
	require.Len(t, asked, 2)
	require.Len(t, asked[1].Descriptors, 1, "what is not limited is not asked")
}

// While a store is down, it is tried by one request at a time, and ever more
// seldom.
func TestStoreOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []time.Duration
		up := false
		began := time.Now()
		s := &limitStore{name: "redis", log: slog.New(slog.DiscardHandler), limiter: storeFunc(func(ctx context.Context, _ LimitRequest) (LimitResponse, error) {
			mu.Lock()
			asked = append(asked, time.Since(began).Round(time.Millisecond))
			now := up
			mu.Unlock()
			if now {
				time.Sleep(5 * time.Millisecond)
				return LimitResponse{}, nil
			}
			<-ctx.Done()
			return LimitResponse{}, ctx.Err()
		})}
		crowd := func(n int) (failed int) {
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					if _, err := s.limit(t.Context(), LimitRequest{}); err != nil {
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
		for time.Since(began) < 4*time.Second {
			require.Equal(t, 5, crowd(5))
			time.Sleep(10 * time.Millisecond)
		}
		mu.Lock()
		require.Len(t, asked, 3+6)
		for i, pause := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			gap := asked[3+i] - asked[2+i]
			require.GreaterOrEqual(t, gap, pause*time.Millisecond)
			require.Less(t, gap, (pause+50)*time.Millisecond)
		}
		up = true
		mu.Unlock()
		time.Sleep(2 * time.Second)
		require.Equal(t, 99, crowd(100), "only one of a crowd tries")
		require.Equal(t, 0, crowd(100), "and then all do")
	})
}

// A client that goes away says nothing about the store.
func TestStoreIsNotBlamedForClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &limitStore{name: "redis", log: slog.New(slog.DiscardHandler), limiter: storeFunc(func(ctx context.Context, _ LimitRequest) (LimitResponse, error) {
			time.Sleep(10 * time.Millisecond)
			return LimitResponse{}, ctx.Err()
		})}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := s.limit(ctx, LimitRequest{})
		require.Error(t, err)
		_, err = s.limit(t.Context(), LimitRequest{})
		require.NoError(t, err)
	})
}

func TestUnknownProvider(t *testing.T) {
	ok := storeFunc(func(context.Context, LimitRequest) (LimitResponse, error) { return LimitResponse{}, nil })
	limits := []spec.RateLimit{{Requests: 1, Unit: time.Second}, {Requests: 1, Unit: time.Second, Provider: "rediss"}}
	origin := spec.Origin{File: "a.yaml", Line: 3, Kind: "VirtualService", Namespace: "default", Name: "shop"}
	_, err := New().Limiter("redis", ok).Limiter("remote", ok).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits, Origin: origin}).
		RateLimit(spec.RateLimitPolicy{Name: "p", Limits: limits}).Build()
	require.Error(t, err)
	require.Contains(t, err.Error(), `VirtualService default/shop: rateLimits[1].provider: no limiter is registered as "rediss"; did you mean "redis"?`)
	require.Contains(t, err.Error(), `limits[1].provider: no limiter is registered as "rediss"; did you mean "redis"?`)
	_, err = New().Limiter("redis", nil).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{
		{Requests: 1, Unit: time.Second, Provider: "redis"},
	}}).Build()
	require.ErrorContains(t, err, `no limiter is registered as "redis"`)
}
