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
	return newFigureCollector(metrics.ClusterFigures, clusters, []string{"envoy_cluster_name"}, named(func(c *observe.Cluster) string { return c.Name }))
}
