package fieldcases

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bothEngines{m}) }

// engine is the server of HTTP/1.1 in front of the gateways.
var engine server.Engine

// bothEngines runs all tests with each of them, or with the default if time is short.
type bothEngines struct{ *testing.M }

func (m bothEngines) Run() int {
	status := m.M.Run()
	if !testing.Short() {
		engine = server.EngineNetHTTP
		status = max(status, m.M.Run())
	}
	return status
}

// patience limits the wait for an expected event; a good run never waits that long.
const patience = testwire.Patience

// transports are the gateway's HTTP/1.1 clients.
var transports = []struct {
	name      string
	transport gateway.Transport
}{{"direct", gateway.TransportDirect}, {"net/http", gateway.TransportNetHTTP}}

// routes are the kinds of exchanges through a gateway: unchanged, with a timeout,
// kept for a retry, and with an operation on the response's header.
var routes = []struct {
	name  string
	route spec.Route
}{
	{"plain", spec.Route{}},
	{"timed", spec.Route{Timeout: time.Minute}},
	{"retried", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}, Backoff: time.Millisecond}}},
	{"changed", spec.Route{Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"x-added": "1"}}}}},
}

// toApp is a route for all requests to the destination app.
func toApp(r spec.Route) spec.Route {
	r.Destinations = []spec.Destination{{Host: "app"}}
	return r
}

// A way is a gateway in front of a backend, with one of the transports and routes.
type way struct {
	name string
	gw   *gateway.Gateway
}

// ways are all gateways in front of a backend's address.
func ways(t *testing.T, address string) []way {
	var all []way
	for _, by := range transports {
		for _, r := range routes {
			gw := testgateway.Built(t, gateway.New().Transport(by.transport).BackendURL("app", "http://"+address).Route(toApp(r.route)))
			all = append(all, way{by.name + ", " + r.name, gw})
		}
	}
	return all
}

// everyWay runs test with the address of each gateway of a backend.
func everyWay(t *testing.T, backend string, test func(t *testing.T, address string)) {
	for _, w := range ways(t, backend) {
		address := serve(t, w.gw)
		t.Run(w.name, func(t *testing.T) { test(t, address) })
	}
}

// serve serves a gateway's port 80 until the end of the test, and returns its address.
func serve(t *testing.T, gw *gateway.Gateway) string {
	return listen(t, gw, 80, nil).Addr(80).String()
}

// listen serves a port of a gateway until the end of the test.
func listen(t *testing.T, gw *gateway.Gateway, port int, credentials map[string]gateway.Credential) *server.Listeners {
	s := server.New(gw, server.Config{Addresses: map[int]string{port: "127.0.0.1:0"}, Credentials: credentials, Engine: engine})
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	return s
}
