package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// NewLimiterCollector returns a collector of the figures of shared rate limiters, with
// the names and values that metrics.WriteLimiters writes. Each scrape calls limiters,
// which is gateway.Gateway.Limiters.
func NewLimiterCollector(limiters func() []observe.Limiter) client.Collector {
	c := limiterCollector{limiters: limiters}
	for _, f := range metrics.LimiterFigures {
		c.descs = append(c.descs, desc(f.Name, f.Help, "provider"))
	}
	return c
}

type limiterCollector struct {
	limiters func() []observe.Limiter
	// descs are those of metrics.LimiterFigures.
	descs []*client.Desc
}

// Describe sends what all metrics are called.
func (c limiterCollector) Describe(ch chan<- *client.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the present figures.
func (c limiterCollector) Collect(ch chan<- client.Metric) {
	list := c.limiters()
	for i, f := range metrics.LimiterFigures {
		kind := client.GaugeValue
		if f.Counter {
			kind = client.CounterValue
		}
		for j := range list {
			ch <- client.MustNewConstMetric(c.descs[i], kind, f.Of(&list[j]), valid([]string{list[j].Provider})...)
		}
	}
}
