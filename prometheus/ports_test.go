package prometheus

import (
	"bytes"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// The collectors have what the text has.
func TestPortCollector(t *testing.T) {
	list := []observe.Port{
		{Listener: "0.0.0.0_80", Open: 1, Accepted: 3, Refused: 5, Unread: []observe.StatusCount{{Status: 400, Count: 10}, {Status: 431, Count: 11}}},
		{Listener: "0.0.0.0_443"},
	}
	registry := client.NewPedanticRegistry()
	registry.MustRegister(NewPortCollector(func() []observe.Port { return list }))
	var text bytes.Buffer
	require.NoError(t, metrics.WritePorts(&text, list))
	require.NoError(t, testutil.GatherAndCompare(registry, &text))
}

func TestLoadCollector(t *testing.T) {
	loads := observe.Loads{
		Gateway: observe.Load{Most: 10, Active: 2, Shed: 3},
		Routes:  []observe.RouteLoad{{Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Load: observe.Load{Most: 4}}},
	}
	registry := client.NewPedanticRegistry()
	registry.MustRegister(NewLoadCollector(func() observe.Loads { return loads }), NewCollector(new(metrics.Metrics)))
	var text bytes.Buffer
	require.NoError(t, metrics.WriteLoads(&text, loads))
	require.NoError(t, testutil.GatherAndCompare(registry, &text,
		"lateen_gateway_requests_active", "lateen_gateway_requests_max", "lateen_gateway_requests_shed_total",
		"lateen_route_requests_active", "lateen_route_requests_max", "lateen_route_requests_shed_total"))
}
