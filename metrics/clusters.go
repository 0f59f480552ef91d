package metrics

import (
	"io"

	"github.com/lateengo/gateway/observe"
)

// ClusterFigures are Envoy's figures of a cluster, with Envoy's names, in the order in
// which WriteClusters writes them. Their label is envoy_cluster_name.
var ClusterFigures = []Figure[observe.Cluster]{
	{"envoy_cluster_membership_total", "Endpoints of the destination.", false, always(func(c *observe.Cluster) int64 { return int64(len(c.Endpoints)) })},
	{"envoy_cluster_membership_healthy", "Endpoints that are not ejected.", false, always(func(c *observe.Cluster) int64 { return int64(len(c.Endpoints)) - ejected(c) })},
	{"envoy_cluster_outlier_detection_ejections_active", "Endpoints that outlier detection has ejected.", false, always(ejected)},
	{"envoy_cluster_outlier_detection_ejections_enforced_total", "Ejections by outlier detection.", true, always(func(c *observe.Cluster) int64 { return int64(c.Ejections) })},
	{"envoy_cluster_upstream_rq_active", "Requests in progress.", false, always(active)},
	{"envoy_cluster_upstream_cx_active", "Connections, if they are limited.", false, limited(func(c *observe.Cluster) int64 { return c.Connections.Active })},
	{"envoy_cluster_upstream_rq_pending_active", "Requests that wait for a connection, if they are limited.", false, limited(func(c *observe.Cluster) int64 { return c.Pending.Active })},
	{"envoy_cluster_circuit_breakers_default_cx_open", "1 if no more connections are allowed.", false, limited(func(c *observe.Cluster) int64 { return open(c.Connections) })},
	{"envoy_cluster_circuit_breakers_default_rq_pending_open", "1 if no more requests may wait.", false, limited(func(c *observe.Cluster) int64 { return open(c.Pending) })},
	{"envoy_cluster_circuit_breakers_default_rq_open", "1 if no more requests are allowed.", false, limited(func(c *observe.Cluster) int64 { return open(c.Requests) })},
	{"envoy_cluster_circuit_breakers_default_rq_retry_open", "1 if no more retries are allowed.", false, limited(func(c *observe.Cluster) int64 { return open(c.Retries) })},
}

func limited(of func(*observe.Cluster) int64) func(*observe.Cluster) (float64, bool) {
	return func(c *observe.Cluster) (float64, bool) { return float64(of(c)), c.Limited }
}

func ejected(c *observe.Cluster) (n int64) {
	for i := range c.Endpoints {
		if c.Endpoints[i].Ejected {
			n++
		}
	}
	return n
}

func active(c *observe.Cluster) (n int64) {
	for i := range c.Endpoints {
		n += c.Endpoints[i].Active
	}
	return n
}

func open(u observe.Usage) int64 {
	if u.Open() {
		return 1
	}
	return 0
}

// WriteClusters writes Envoy's figures of clusters in the text format of Prometheus.
// gateway.Gateway.Clusters returns the clusters of a gateway.
func WriteClusters(w io.Writer, clusters []observe.Cluster) error {
	return writeFigures(w, ClusterFigures, clusters, []string{"envoy_cluster_name"}, named(func(c *observe.Cluster) string { return c.Name }))
}
