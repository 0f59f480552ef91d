package metrics

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

func TestWriteClusters(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteClusters(&out, []observe.Cluster{
		{
			Name: "outbound|80||cart", Ejections: 3, Limited: true,
			Endpoints:   []observe.Endpoint{{Address: "10.0.0.1:80", Active: 2}, {Address: "10.0.0.2:80", Ejected: true, Active: 1}},
			Connections: observe.Usage{Active: 3, Max: 3}, Pending: observe.Usage{Active: 1, Max: 2}, Requests: observe.Usage{Active: 3, Max: 100}, Retries: observe.Usage{Max: 0},
		},
		{Name: `a"b`},
	}))
	for _, line := range []string{
		"# TYPE envoy_cluster_membership_total gauge",
		`envoy_cluster_membership_total{envoy_cluster_name="outbound|80||cart"} 2`,
		`envoy_cluster_membership_total{envoy_cluster_name="a\"b"} 0`,
		`envoy_cluster_membership_healthy{envoy_cluster_name="outbound|80||cart"} 1`,
		`envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="outbound|80||cart"} 1`,
		"# TYPE envoy_cluster_outlier_detection_ejections_enforced_total counter",
		`envoy_cluster_outlier_detection_ejections_enforced_total{envoy_cluster_name="outbound|80||cart"} 3`,
		`envoy_cluster_upstream_rq_active{envoy_cluster_name="outbound|80||cart"} 3`,
		`envoy_cluster_upstream_cx_active{envoy_cluster_name="outbound|80||cart"} 3`,
		`envoy_cluster_upstream_rq_pending_active{envoy_cluster_name="outbound|80||cart"} 1`,
		`envoy_cluster_circuit_breakers_default_cx_open{envoy_cluster_name="outbound|80||cart"} 1`,
		`envoy_cluster_circuit_breakers_default_rq_pending_open{envoy_cluster_name="outbound|80||cart"} 0`,
		`envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name="outbound|80||cart"} 0`,
		`envoy_cluster_circuit_breakers_default_rq_retry_open{envoy_cluster_name="outbound|80||cart"} 0`,
	} {
		require.Contains(t, out.String(), line+"\n")
	}
	require.NotContains(t, out.String(), `envoy_cluster_upstream_cx_active{envoy_cluster_name="a\"b"}`, "no limits, no figures")
}
