// Package prometheus exports the counters of package metrics through Prometheus's
// client library, beside a program's own metrics. (A metrics.Metrics is a handler for
// Prometheus by itself; a program without the client library does not need this.)
//
//	var counts metrics.Metrics
//	gw, err := gateway.New().Observe(&counts). // …
//	registry := client.NewRegistry() // of github.com/prometheus/client_golang/prometheus
//	registry.MustRegister(
//		prometheus.NewCollector(&counts), prometheus.NewClusterCollector(gw.Clusters), prometheus.NewLimiterCollector(gw.Limiters))
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
package prometheus

import (
	"strings"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
)

// NewCollector returns a collector of the counts of m, with the names, labels and
// values that Metrics.WritePrometheus writes. It keeps no counts: each scrape reads m.
//
// Prometheus's linter finds one problem in the names, which are Istio's: durations are
// in milliseconds.
func NewCollector(m *metrics.Metrics) client.Collector { return collector{m} }

type collector struct{ metrics *metrics.Metrics }

// Describe sends what all metrics are called.
func (c collector) Describe(ch chan<- *client.Desc) {
	for _, d := range []*client.Desc{requestsTotal, duration, requestBytes, responseBytes, routeRequests, routeFailures, routeRetries, routeLimited} {
		ch <- d
	}
}

// Collect sends the present counts.
func (c collector) Collect(ch chan<- client.Metric) {
	list := c.metrics.Series()
	collectIstio(ch, list)
	collectRoutes(ch, list)
}

func desc(name, help string, labels ...string) *client.Desc {
	return client.NewDesc(name, help, labels, nil)
}

// counter sends the value of a counter.
func counter(ch chan<- client.Metric, d *client.Desc, n uint64, labels ...string) {
	ch <- client.MustNewConstMetric(d, client.CounterValue, float64(n), valid(labels)...)
}

// valid returns values that labels can have. Names that were declared in Go can be
// other than UTF-8.
func valid(labels []string) []string {
	for i, value := range labels {
		labels[i] = strings.ToValidUTF8(value, "\uFFFD")
	}
	return labels
}
