package redislimit

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// Around the edge of a window, three gateways together allow a tenth more than the limit
// in a tenth of the unit. With fixed windows they allow twice the limit.
func TestGatewaysAtTheEdge(t *testing.T) {
	const requests = 100
	for _, c := range []struct {
		name      string
		algorithm spec.LimitAlgorithm
		want      int
	}{{"gcra", spec.LimitGCRA, requests + requests/10}, {"window", spec.LimitFixedWindow, 2 * requests}} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t)
			var limiters []*Limiter
			var gateways []http.Handler
			for range 3 {
				l := New(newClient(t, s.address), Options{})
				limiters = append(limiters, l)
				gateways = append(gateways, limitedBy(t, l, c.algorithm, requests))
			}
			allowed := 0
			for _, at := range []time.Duration{-50 * time.Millisecond, 50 * time.Millisecond} {
				for _, l := range limiters {
					l.setTime(t, noon.Add(at))
				}
				for i := range 3 * requests {
					w := httptest.NewRecorder()
					gateways[i%3].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
					if w.Code == http.StatusOK {
						allowed++
						continue
					}
					require.Equal(t, http.StatusTooManyRequests, w.Code)
				}
			}
			require.Equal(t, c.want, allowed)
		})
	}
}

// limitedBy returns a gateway with a limit of some requests per second. It refuses
// requests with 500 if the limiter fails.
func limitedBy(t *testing.T, l *Limiter, algorithm spec.LimitAlgorithm, requests int) http.Handler {
	t.Helper()
	gw, err := gateway.New().
		Limiter("redis", l).
		RateLimit(spec.RateLimitPolicy{
			Name:        "all",
			Descriptors: []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{{Value: "all"}}}},
			Global: &spec.GlobalRateLimit{
				Provider: "redis", Algorithm: algorithm, OnStoreFailure: spec.StoreFailureDeny, Timeout: 30 * time.Second,
				Descriptors: []spec.DescriptorLimit{{Key: "generic_key", Limit: &spec.DescriptorRate{Requests: requests, Unit: time.Second}}},
			},
		}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop"}}}).
		Backend("shop", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
		Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return gw
}
