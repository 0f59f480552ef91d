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
	// values are those of the labels.
	values func(*T) []string
}

func newFigureCollector[T any](figures []metrics.Figure[T], list func() []T, labels []string, values func(*T) []string) client.Collector {
	c := figureCollector[T]{figures: figures, list: list, values: values}
	for _, f := range figures {
		c.descs = append(c.descs, desc(f.Name, f.Help, labels...))
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
				ch <- client.MustNewConstMetric(c.descs[i], kind, n, valid(c.values(&list[j]))...)
			}
		}
	}
}

// named returns the value of the only label.
func named[T any](name func(*T) string) func(*T) []string {
	return func(t *T) []string { return []string{name(t)} }
}

// collectors are several collectors as one.
type collectors []client.Collector

func (list collectors) Describe(ch chan<- *client.Desc) {
	for _, c := range list {
		c.Describe(ch)
	}
}

func (list collectors) Collect(ch chan<- client.Metric) {
	for _, c := range list {
		c.Collect(ch)
	}
}
