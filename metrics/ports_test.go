package metrics

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

func TestWritePorts(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WritePorts(&out, nil))
	require.Empty(t, out.String())
	require.NoError(t, WritePorts(&out, []observe.Port{
		{
			Listener: "0.0.0.0_80", Open: 1, Active: 2, Accepted: 3, Refused: 5, RefusedPerAddress: 4, FailedHandshakes: 6, SlowBodies: 7, SlowReaders: 8, Panics: 9,
			Unread: []observe.StatusCount{{Status: 400, Count: 10}, {Status: 431, Count: 11}},
		},
		{Listener: "0.0.0.0_443"},
	}))
	for _, line := range []string{
		"# TYPE lateen_listener_connections_active gauge",
		`lateen_listener_connections_active{listener="0.0.0.0_80"} 1`,
		`lateen_listener_requests_active{listener="0.0.0.0_80"} 2`,
		"# TYPE lateen_listener_connections_total counter",
		`lateen_listener_connections_total{listener="0.0.0.0_80"} 3`,
		`lateen_listener_connections_refused_total{listener="0.0.0.0_80"} 5`,
		`lateen_listener_connections_refused_per_address_total{listener="0.0.0.0_80"} 4`,
		`lateen_listener_handshakes_failed_total{listener="0.0.0.0_80"} 6`,
		`lateen_listener_slow_bodies_total{listener="0.0.0.0_80"} 7`,
		`lateen_listener_slow_readers_total{listener="0.0.0.0_80"} 8`,
		`lateen_listener_panics_total{listener="0.0.0.0_80"} 9`,
		`lateen_listener_panics_total{listener="0.0.0.0_443"} 0`,
		"# TYPE lateen_listener_requests_refused_total counter",
		`lateen_listener_requests_refused_total{listener="0.0.0.0_80",status="400"} 10`,
		`lateen_listener_requests_refused_total{listener="0.0.0.0_80",status="431"} 11`,
	} {
		require.Contains(t, out.String(), line+"\n")
	}
	require.NotContains(t, out.String(), `listener="0.0.0.0_443",status`)
}

func TestWriteLoads(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteLoads(&out, observe.Loads{}))
	require.Empty(t, out.String())
	require.NoError(t, WriteLoads(&out, observe.Loads{
		Gateway: observe.Load{Most: 10, Active: 2, Shed: 3},
		Routes:  []observe.RouteLoad{{Listener: "0.0.0.0_80", VirtualService: "default/shop", Route: "cart", Load: observe.Load{Most: 4, Active: 1, Shed: 5}}},
	}))
	for _, line := range []string{
		"# TYPE lateen_gateway_requests_active gauge",
		"lateen_gateway_requests_active 2",
		"lateen_gateway_requests_max 10",
		"# TYPE lateen_gateway_requests_shed_total counter",
		"lateen_gateway_requests_shed_total 3",
		`lateen_route_requests_active{listener="0.0.0.0_80",route="cart",virtual_service="default/shop"} 1`,
		`lateen_route_requests_max{listener="0.0.0.0_80",route="cart",virtual_service="default/shop"} 4`,
		`lateen_route_requests_shed_total{listener="0.0.0.0_80",route="cart",virtual_service="default/shop"} 5`,
	} {
		require.Contains(t, out.String(), line+"\n")
	}
}
