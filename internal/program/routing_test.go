package program_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec/istio"
)

const routingYAML = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: team}
spec:
  hosts: [shop.example.com]
  http:
  - name: cart
    match:
    - {name: exact, uri: {prefix: /cart}}
    - {uri: {prefix: /basket}}
    route:
    - {destination: {host: cart, subset: v2, port: {number: 80}}}
    mirror: {host: shadow}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: team}
spec:
  host: cart
  subsets: [{name: v2, labels: {version: v2}}]
`

// A handler behind a destination reads how its request was routed, if it is asked for.
func TestRoutingInContext(t *testing.T) {
	seen := make(chan observe.Routing, 2)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		routing, ok := observe.RoutingFrom(r.Context())
		if ok {
			seen <- routing
		} else {
			seen <- observe.Routing{Route: "none"}
		}
	})
	build := func(share bool) *gateway.Gateway {
		b := gateway.New().Load(istio.Text(routingYAML)).
			Backend("cart.team.svc.cluster.local", handler).Backend("shadow.team.svc.cluster.local", handler)
		if share {
			b.RoutingContext()
		}
		g, err := b.Build()
		require.NoError(t, err)
		return g
	}
	for _, row := range []struct {
		path, route string
	}{
		{"/cart/1", "cart.exact"},
		{"/basket", "cart"},
	} {
		g := build(true)
		r := httptest.NewRequest("GET", "http://shop.example.com"+row.path, nil)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code, "%s %v", w.Body, g.Warnings())
		require.NoError(t, g.Close())
		got := map[string]observe.Routing{}
		require.Len(t, seen, 2)
		for range 2 {
			routing := <-seen
			got[routing.Destination.Host] = routing
		}
		want := observe.Routing{
			Listener: "0.0.0.0_80", RouteConfig: "http.80", VirtualHost: "shop.example.com", VirtualService: "team/shop", Route: row.route,
			Destination: observe.Destination{
				Cluster: "outbound|80|v2|cart.team.svc.cluster.local", Host: "cart.team.svc.cluster.local", Port: 80, Subset: "v2", Weight: 1, Total: 1, InProcess: true,
			},
		}
		require.Equal(t, want, got["cart.team.svc.cluster.local"])
		require.Equal(t, "outbound|80||shadow.team.svc.cluster.local", got["shadow.team.svc.cluster.local"].Destination.Cluster, "the copy's own destination")
		_, ok := observe.RoutingFrom(r.Context())
		require.False(t, ok, "the caller's request is not changed")
	}

	g := build(false)
	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://shop.example.com/cart", nil))
	require.NoError(t, g.Close())
	require.Len(t, seen, 2)
	require.Equal(t, "none", (<-seen).Route, "nobody asked")
	<-seen
}
