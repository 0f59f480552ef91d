package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
)

// A figureCollector collects the figures of a list. Each scrape asks for the list anew.
type figureCollector[T any] struct {
	figures []metrics.Figure[T]
	// descs are those of figures.
	descs []*client.Desc
	list  func() []T
	// name is the value of the label.
	name func(*T) string
}

func newFigureCollector[T any](figures []metrics.Figure[T], list func() []T, label string, name func(*T) string) client.Collector {
	c := figureCollector[T]{figures: figures, list: list, name: name}
	for _, f := range figures {
		c.descs = append(c.descs, desc(f.Name, f.Help, label))
	}
	return c
}

// Describe sends what all metrics are called.
func (c figureCollector[T]) Describe(ch chan<- *client.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the present figures.
func (c figureCollector[T]) Collect(ch chan<- client.Metric) {
	list := c.list()
	for i, f := range c.figures {
		kind := client.GaugeValue
		if f.Counter {
			kind = client.CounterValue
		}
		for j := range list {
			if n, ok := f.Of(&list[j]); ok {
				ch <- client.MustNewConstMetric(c.descs[i], kind, n, valid([]string{c.name(&list[j])})...)
			}
		}
	}
}
