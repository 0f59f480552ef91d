package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// What is refused before a route, and what is above a bound, is on the page, in the JSON and in
// the metrics.
func TestRefused(t *testing.T) {
	gw, err := gateway.New().MaxRequests(10).Backend("a", http.NotFoundHandler()).
		Server(spec.Server{Port: 80, Hosts: []string{"*"}}).
		Route(spec.Route{Name: "cart", MaxRequests: 4, Destinations: []spec.Destination{{Host: "a"}}}).Build()
	require.NoError(t, err)
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	require.NoError(t, s.Start())
	defer func() {
		require.NoError(t, s.Shutdown(context.Background()))
		require.NoError(t, gw.Close())
	}()
	conn, err := net.Dial("tcp", s.Addr(80).String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, _ = io.ReadAll(conn)
	_ = conn.Close()

	p := New(gw, Config{Metrics: new(metrics.Metrics), Listeners: s})
	for path, wanted := range map[string][]string{
		"/":            {`1 <span class="soft">with 400</span>`, `<b>0 <span class="soft">of 10</span></b><span class="soft">in flight</span>`, `in flight: 0 of 4, <span class="">0 refused</span>`},
		"/status.json": {`"Status": 400`, `"RefusedPerAddress": 0`},
		"/metrics": {
			`lateen_listener_requests_refused_total{listener="0.0.0.0_80",status="400"} 1`, `lateen_listener_connections_total{listener="0.0.0.0_80"} 1`,
			"lateen_gateway_requests_max 10", `lateen_route_requests_max{listener="0.0.0.0_80",route="cart",virtual_service="default/"} 4`,
		},
	} {
		_, text := get(t, p, path)
		for _, each := range wanted {
			require.Contains(t, text, each)
		}
	}
}
