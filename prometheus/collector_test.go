package prometheus_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/prometheus"
)

func to(host, subset string) *observe.Destination {
	return &observe.Destination{Cluster: "outbound|80|" + subset + "|" + host, Host: host, Port: 80, Subset: subset, Weight: 1, Total: 1}
}

const cartHost = "cart.default.svc.cluster.local"

func request(d *observe.Destination, status int, took time.Duration) *observe.Outcome {
	return &observe.Outcome{
		Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Destination: d, Status: status, Duration: took,
		RequestBytes: 10, ResponseBytes: 100,
	}
}

// variety has requests of each kind that differs in labels.
func variety() *metrics.Metrics {
	m := &metrics.Metrics{MaxSeries: 8}
	cart, plain := to(cartHost, "v1"), to(cartHost, "")
	for _, took := range []time.Duration{0, 500 * time.Microsecond, 501 * time.Microsecond, 7 * time.Millisecond, time.Minute, 2 * time.Hour} {
		m.Observe(request(cart, 200, took))
		m.Observe(request(plain, 200, took))
	}
	failed := request(cart, 503, 1234567*time.Nanosecond)
	failed.Flags, failed.Tries = "UF,URX", make([]observe.Try, 2)
	m.Observe(failed)
	gone := request(cart, 0, time.Second)
	gone.Flags = "DC"
	m.Observe(gone)
	for _, grpc := range []string{"0", "14", "99"} {
		called := request(cart, 200, time.Millisecond)
		called.GRPCStatus = grpc
		m.Observe(called)
	}
	// Another route and another listener to the same destination: one series of
	// Istio's, several of routes.
	other := request(cart, 200, time.Millisecond)
	other.Route, other.Listener = "a\"b\\c\nd", "0.0.0.0_443"
	m.Observe(other)
	limited := request(nil, 429, 0)
	limited.Limit, limited.Flags = "10 per 1s", "RL"
	m.Observe(limited)
	m.Observe(&observe.Outcome{Listener: "0.0.0.0_80", Status: 404, Flags: "NR"})
	m.Observe(request(to("api.example.com", ""), 200, time.Millisecond))
	m.Observe(request(to("[::1]", "v\xff2"), 200, time.Millisecond)) // no UTF-8
	for _, route := range []string{"b", "c", "d"} {                  // more than MaxSeries
		more := request(plain, 200, time.Millisecond)
		more.Route = route
		m.Observe(more)
	}
	return m
}

func registered(t *testing.T, m *metrics.Metrics) *client.Registry {
	t.Helper()
	registry := client.NewPedanticRegistry()
	require.NoError(t, registry.Register(prometheus.NewCollector(m)))
	return registry
}

// What the registry gathers is what WritePrometheus writes: the families with their
// types and texts, and the labels and values of all series.
func TestCollectorSaysWhatWritePrometheusSays(t *testing.T) {
	for name, m := range map[string]*metrics.Metrics{"empty": {}, "variety": variety()} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, written(t, m), gathered(t, registered(t, m)))
		})
	}
	m := variety()
	before := written(t, m)
	require.Greater(t, len(before), 150, "the comparison has something to compare")
	m.Observe(request(to(cartHost, "v1"), 200, time.Millisecond))
	require.NotEqual(t, before, gathered(t, registered(t, m)), "and notices a difference")
}

// written returns the lines of what WritePrometheus writes.
func written(t *testing.T, m *metrics.Metrics) []string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, m.WritePrometheus(&out))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&out)
	require.NoError(t, err)
	return lines(slices.Collect(maps.Values(families)))
}

// gathered returns the lines of what a registry gathers.
func gathered(t *testing.T, r *client.Registry) []string {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	return lines(families)
}

// lines returns all that families say, in an order of their own.
func lines(families []*dto.MetricFamily) []string {
	var out []string
	for _, f := range families {
		if len(f.Metric) == 0 {
			continue // a registry does not say that there are none
		}
		name := f.GetName()
		out = append(out, fmt.Sprintf("%s %s %q", name, f.GetType(), f.GetHelp()))
		for _, m := range f.Metric {
			labels := model.Metric{}
			for _, pair := range m.Label {
				labels[model.LabelName(pair.GetName())] = model.LabelValue(pair.GetValue())
			}
			of := name + labels.String()
			h := m.Histogram
			if h == nil {
				out = append(out, fmt.Sprint(of, " ", m.Counter.GetValue()))
				continue
			}
			out = append(out, fmt.Sprint(of, " sum ", h.GetSampleSum()), fmt.Sprint(of, " count ", h.GetSampleCount()))
			for _, b := range h.Bucket {
				// The count is that of the last bucket, which a registry leaves out.
				if !math.IsInf(b.GetUpperBound(), 1) {
					out = append(out, fmt.Sprint(of, " le ", b.GetUpperBound(), " ", b.GetCumulativeCount()))
				} else if b.GetCumulativeCount() != h.GetSampleCount() {
					out = append(out, of+" has a last bucket unlike its count")
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// The linter's problems are those that NewCollector tells.
func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(registered(t, variety()))
	require.NoError(t, err)
	var found []string
	for _, p := range problems {
		found = append(found, p.Metric+": "+p.Text)
	}
	require.ElementsMatch(t, []string{
		"istio_request_duration_milliseconds: use base unit \"seconds\" instead of \"milliseconds\"",
	}, found)
}

// A collector can be read while requests are counted.
func TestCollectWhileObserving(t *testing.T) {
	var m metrics.Metrics
	registry := registered(t, &m)
	var group sync.WaitGroup
	for _, status := range []int{200, 404, 503} {
		group.Go(func() {
			for range 200 {
				m.Observe(request(to(cartHost, "v1"), status, time.Millisecond))
			}
		})
		group.Go(func() {
			for range 20 {
				if _, err := registry.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, written(t, &m), gathered(t, registry))
}
