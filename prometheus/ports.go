package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// NewPortCollector returns a collector of the figures of ports, with the names and values
// that metrics.WritePorts writes. Each scrape calls ports, which is server.Listeners.Ports.
func NewPortCollector(ports func() []observe.Port) client.Collector {
	unread := func() []metrics.Unread { return metrics.UnreadOf(ports()) }
	return collectors{
		newFigureCollector(metrics.PortFigures, ports, []string{"listener"}, named(func(p *observe.Port) string { return p.Listener })),
		newFigureCollector(metrics.UnreadFigures, unread, metrics.UnreadLabels, (*metrics.Unread).LabelValues),
	}
}
