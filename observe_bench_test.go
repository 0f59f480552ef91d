package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/accesslog"
	"github.com/lateengo/gateway/internal/paired"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// nobody observes and does nothing.
type nobody struct{}

func (nobody) Observe(*observe.Outcome) {}

// BenchmarkObserve measures a request to a handler in this process with each kind of
// observer. "added-ns" is the time that it adds to a request without observers. It is
// the median of many short interleaved turns.
func BenchmarkObserve(b *testing.B) {
	format, err := accesslog.Text(accesslog.Default)
	require.NoError(b, err)
	log := accesslog.New(io.Discard, format)
	defer log.Close()
	var contestants []paired.Contestant
	for _, row := range []struct {
		name      string
		observers []observe.Observer
	}{
		{"none", nil},
		{"nothing", []observe.Observer{nobody{}}},
		{"metrics", []observe.Observer{new(metrics.Metrics)}},
		{"accesslog", []observe.Observer{log}},
		{"both", []observe.Observer{new(metrics.Metrics), log}},
	} {
		contestants = append(contestants, paired.Contestant{Name: row.name, Run: observed(b, row.observers)})
	}
	results := paired.Compare(101, chainTurn, contestants...)
	for i, c := range contestants {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			c.Run(b.N)
			b.ReportMetric((results[i].Ratio-1)*results[0].Nanoseconds, "added-ns")
		})
	}
}

// observed returns what sends requests through a gateway with observers.
func observed(b *testing.B, observers []observe.Observer) func(n int) {
	builder := gateway.New().
		Route(spec.Route{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "cart"}}}).
		Backend("cart", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, o := range observers {
		builder.Observe(o)
	}
	gw, err := builder.Build()
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, gw.Close()) })
	r := httptest.NewRequest(http.MethodGet, "http://shop.example.com/cart/1", nil)
	return func(n int) {
		for range n {
			gw.ServeHTTP(discard{http.Header{}}, r)
		}
	}
}
