package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// transports are the clients of HTTP/1.1 that the gateway can use.
var transports = map[string]gateway.Transport{"Direct": gateway.TransportDirect, "NetHTTP": gateway.TransportNetHTTP}

func skipShort(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
}

// to returns a gateway in front of processes, with a route that change changes.
func to(t *testing.T, transport gateway.Transport, change func(*spec.Route), processes ...*process) string {
	t.Helper()
	route := everything("app.example.com")
	if change != nil {
		change(&route)
	}
	return serve(t, gateway.New().Transport(transport).Service(serviceOf(processes...)).Route(route))
}

// With the default policy, a request fails while all backends are down, and does
// not wait until they return.
func TestAllBackendsDown(t *testing.T) {
	skipShort(t)
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			backends := []*process{startProcess(t, childServes), startProcess(t, childServes)}
			address := to(t, transport, nil, backends...)
			for _, b := range backends {
				b.kill()
			}
			clients := startLoad(t, address, "/", 16, time.Millisecond)
			clients.progress(t, 20)
			clients.end()
			seen := clients.take(0)
			t.Logf("%v", &seen)
			require.Zero(t, seen.broken)
			require.Equal(t, map[int]int{http.StatusServiceUnavailable: seen.requests}, seen.statuses)

			for _, b := range backends {
				b.start()
			}
			clients = startLoad(t, address, "/", 16, time.Millisecond)
			seen = clients.take(200 * time.Millisecond)
			require.Zero(t, seen.failures(), "the backends are there again: %v", &seen)
		})
	}
}

// Requests that backends cannot serve are not repeated without limit: in total
// backends get at most 1.2 times the clients' requests.
func TestFailingBackendsGetNoMore(t *testing.T) {
	skipShort(t)
	const most = 1.2
	for name, transport := range transports {
		t.Run(name+"/503", func(t *testing.T) {
			backends := []*process{startProcess(t, childServes), startProcess(t, childServes)}
			clients := startLoad(t, to(t, transport, nil, backends...), "/unavailable", 16, time.Millisecond)
			time.Sleep(500 * time.Millisecond)
			clients.end()
			seen := clients.take(0)
			tries := number(t, backends[0].get("/refused")) + number(t, backends[1].get("/refused"))
			t.Logf("%v; %d tries", &seen, tries)
			require.Equal(t, map[int]int{http.StatusServiceUnavailable: seen.requests}, seen.statuses)
			require.LessOrEqual(t, float64(tries), most*float64(seen.requests))
		})
		t.Run(name+"/reset", func(t *testing.T) {
			backends := []*process{startProcess(t, childResets), startProcess(t, childResets)}
			clients := startLoad(t, to(t, transport, nil, backends...), "/", 16, time.Millisecond)
			time.Sleep(500 * time.Millisecond)
			clients.end()
			seen := clients.take(10 * time.Millisecond)
			tries := backends[0].reported() + backends[1].reported()
			t.Logf("%v; %d tries", &seen, tries)
			require.Equal(t, map[int]int{http.StatusServiceUnavailable: seen.requests}, seen.statuses)
			require.LessOrEqual(t, float64(tries), most*float64(seen.requests))
		})
	}
}
