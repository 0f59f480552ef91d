package program_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec/istio"
)

// The figures of a destination follow its endpoints and its limits.
func TestClusters(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer broken.Close()
	address, port, _ := strings.Cut(strings.TrimPrefix(broken.URL, "http://"), ":")
	g, err := gateway.New().Load(istio.Text(strings.NewReplacer("ADDRESS", address, "PORT", port).Replace(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http: [{route: [{destination: {host: cart.example.com}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart}
spec:
  hosts: [cart.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: ADDRESS, ports: {http: PORT}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart.example.com
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 7}}
    outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}
`))).Build()
	require.NoError(t, err)
	defer g.Close()
	endpoint := strings.TrimPrefix(broken.URL, "http://")
	clusters := g.Clusters()
	require.Len(t, clusters, 1)
	c := clusters[0]
	require.Equal(t, "outbound|80||cart.example.com", c.Name)
	require.Equal(t, []observe.Endpoint{{Address: endpoint}}, c.Endpoints)
	require.True(t, c.Limited)
	require.Equal(t, observe.Usage{Max: 7}, c.Connections)
	require.Zero(t, c.Ejections)

	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://shop.example.com/", nil))
	c = g.Clusters()[0]
	require.Equal(t, []observe.Endpoint{{Address: endpoint, Ejected: true}}, c.Endpoints)
	require.Equal(t, uint64(1), c.Ejections)
	require.Equal(t, int64(1), c.Connections.Active, "an idle connection")
}
