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
	return newFigureCollector(metrics.LimiterFigures, limiters, []string{"provider"}, named(func(l *observe.Limiter) string { return l.Provider }))
}
