package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// NewLoadCollector returns a collector of the figures of requests in flight, with the names
// and values that metrics.WriteLoads writes. Each scrape calls loads, which is
// gateway.Gateway.Loads.
func NewLoadCollector(loads func() observe.Loads) client.Collector {
	own := func() []observe.Load {
		if l := loads().Gateway; l.Most > 0 {
			return []observe.Load{l}
		}
		return nil
	}
	routes := func() []observe.RouteLoad { return loads().Routes }
	return collectors{
		newFigureCollector(metrics.GatewayLoadFigures, own, nil, func(*observe.Load) []string { return nil }),
		newFigureCollector(metrics.RouteLoadFigures, routes, metrics.RouteLoadLabels, metrics.RouteLoadValues),
	}
}
