package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// NewClusterCollector returns a collector of Envoy's figures of destinations outside
// this process, with the names and values that metrics.WriteClusters writes. Each
// scrape calls clusters, which is gateway.Gateway.Clusters.
func NewClusterCollector(clusters func() []observe.Cluster) client.Collector {
	c := clusterCollector{clusters: clusters}
	for _, f := range metrics.ClusterFigures {
		c.descs = append(c.descs, desc(f.Name, f.Help, "envoy_cluster_name"))
	}
	return c
}

type clusterCollector struct {
	clusters func() []observe.Cluster
	// descs are those of metrics.ClusterFigures.
	descs []*client.Desc
}

// Describe sends what all metrics are called.
func (c clusterCollector) Describe(ch chan<- *client.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the present figures.
func (c clusterCollector) Collect(ch chan<- client.Metric) {
	list := c.clusters()
	for i, f := range metrics.ClusterFigures {
		kind := client.GaugeValue
		if f.Counter {
			kind = client.CounterValue
		}
		for j := range list {
			if n, ok := f.Of(&list[j]); ok {
				ch <- client.MustNewConstMetric(c.descs[i], kind, n, valid([]string{list[j].Name})...)
			}
		}
	}
}
