package otel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/otel"
)

func TestMetrics(t *testing.T) {
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	var m metrics.Metrics
	registration, err := otel.RegisterMetrics(provider.Meter("test"), &m)
	require.NoError(t, err)

	cart := &observe.Destination{Cluster: cartCluster, Host: "cart.default.svc.cluster.local", Port: 80, Weight: 1, Total: 1}
	o := &observe.Outcome{
		Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Destination: cart, Status: 200, RequestBytes: 10, ResponseBytes: 100,
	}
	m.Observe(o)
	m.Observe(o)
	failed := *o
	failed.Status, failed.Flags, failed.Tries = 503, "UF,URX", make([]observe.Try, 2)
	m.Observe(&failed)
	m.Observe(&observe.Outcome{Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Status: 429, Flags: "RL", Limit: "10 per 1s"})

	const route = "listener=0.0.0.0_80,route=cart,upstream_cluster=" + cartCluster + ",virtual_service=default/shop"
	const own = "listener=0.0.0.0_80,route=cart,upstream_cluster=,virtual_service=default/shop"
	require.Equal(t, []string{
		"lateen.route.limited " + own + " 1",
		"lateen.route.limited " + route + " 0",
		"lateen.route.request.size " + own + " 0",
		"lateen.route.request.size " + route + " 30",
		"lateen.route.requests grpc.status_code=,http.response.status_code=200,listener=0.0.0.0_80,response_flags=-,route=cart,upstream_cluster=" + cartCluster + ",virtual_service=default/shop 2",
		"lateen.route.requests grpc.status_code=,http.response.status_code=429,listener=0.0.0.0_80,response_flags=RL,route=cart,upstream_cluster=,virtual_service=default/shop 1",
		"lateen.route.requests grpc.status_code=,http.response.status_code=503,listener=0.0.0.0_80,response_flags=UF\\,URX,route=cart,upstream_cluster=" + cartCluster + ",virtual_service=default/shop 1",
		"lateen.route.response.size " + own + " 0",
		"lateen.route.response.size " + route + " 300",
		"lateen.route.retries " + own + " 0",
		"lateen.route.retries " + route + " 2",
	}, collected(t, reader))

	require.NoError(t, registration.Unregister())
	require.Empty(t, collected(t, reader))
}

// collected returns what a reader collects, in order.
func collected(t *testing.T, r *sdk.ManualReader) (out []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.Collect(t.Context(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			sum := m.Data.(metricdata.Sum[int64])
			require.True(t, sum.IsMonotonic)
			for _, point := range sum.DataPoints {
				out = append(out, fmt.Sprint(m.Name, " ", point.Attributes.Encoded(encoder), " ", point.Value))
			}
		}
	}
	slices.Sort(out)
	return out
}

var encoder = attribute.DefaultEncoder()
