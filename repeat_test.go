package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// If a destination breaks every connection, only some requests are repeated, and no
// client waits for it.
func TestRepetitionsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Failing("UC")}}
		gw := remotely(built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", s)))
		const requests = 400
		for range requests {
			time.Sleep(7919) // on the test's own clock
			began := time.Now()
			require.Equal(t, 503, serve(gw, testhttp.Request(t, "GET", "/")).Code)
			require.Zero(t, time.Since(began))
		}
		require.Less(t, s.Calls, requests+requests/5)
		require.GreaterOrEqual(t, s.Calls, requests+forward.FirstRepeats)
	})
}

// A request without body is also one over HTTP/2, where net/http's server gives it
// an empty body.
func TestBrokenConnectionsOverEachProtocol(t *testing.T) {
	for _, p := range testhttp.Protocols {
		for method, want := range map[string]int{http.MethodGet: http.StatusOK, http.MethodDelete: http.StatusServiceUnavailable} {
			t.Run(p.Name+" "+method, func(t *testing.T) {
				var calls atomic.Int64
				backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if calls.Add(1) == 1 {
						panic(http.ErrAbortHandler)
					}
				}))
				defer backend.Close()
				gw := built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).BackendURL("a", backend.URL))
				for name, h := range map[string]http.Handler{"lent": gw, "owned": gw.InPlace()} {
					calls.Store(0)
					client, url := p.Client(t, h)
					r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
					require.NoError(t, err)
					response, err := client.Do(r)
					require.NoError(t, err, name)
					response.Body.Close()
					require.Equal(t, want, response.StatusCode, name)
				}
			})
		}
	}
}

// Backends that reset their connections cost no request that changes nothing, however
// many there are, while another endpoint answers.
func TestResettingBackends(t *testing.T) {
	reset := func(head string) func(net.Conn, *bufio.Reader) {
		return func(conn net.Conn, in *bufio.Reader) {
			if head != "" {
				_, _ = in.Peek(1)
				_, _ = io.WriteString(conn, head)
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
	}
	for name, backend := range map[string]func(net.Conn, *bufio.Reader){
		"after the connection":  reset(""),
		"in the middle of head": reset("HTTP/1.1 200 OK\r\nContent-Le"),
	} {
		t.Run(name, func(t *testing.T) {
			good := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer good.Close()
			service := spec.Service{Name: "a", Namespace: "default", Hosts: []string{"a.test"}, Ports: []spec.ServicePort{{Number: 80, Name: "http"}}, Resolution: spec.ResolveStatic}
			for _, address := range []string{testwire.Backend(t, backend), testwire.Backend(t, backend), good.Listener.Addr().String()} {
				at := netip.MustParseAddrPort(address)
				service.Endpoints = append(service.Endpoints, spec.Endpoint{Address: at.Addr().String(), Ports: map[string]int{"http": int(at.Port())}})
			}
			gw := built(t, New().Service(service).Route(spec.Route{Destinations: []spec.Destination{{Host: "a.test", Port: 80}}}))
			defer gw.Close()
			for range 300 {
				require.Equal(t, 200, serve(gw, testhttp.Request(t, "GET", "/")).Code)
			}
		})
	}
}

// A writer tells an upstream whether another try follows a failure to connect.
func TestRetriesConnect(t *testing.T) {
	for _, row := range []struct {
		name    string
		route   spec.Route
		want    []bool
		elapsed bool // there are waits between tries
	}{
		{"the default", spec.Route{}, []bool{true, true, false}, true},
		{"timed", spec.Route{Timeout: time.Minute}, []bool{true, true, false}, true},
		{"one retry", spec.Route{Retry: &spec.Retry{Attempts: 1}}, []bool{true, false}, true},
		{"none", spec.Route{Retry: &spec.Retry{}}, []bool{false}, false},
		{"other failures", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"503"}}}, []bool{false}, false},
		{"the same hosts", spec.Route{Retry: &spec.Retry{Attempts: 1, SameHosts: new(true)}}, []bool{false, false}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []bool
				var at []time.Duration
				began := time.Now()
				row.route.Destinations = []spec.Destination{{Host: "a"}}
				gw := remotely(built(t, New().Random(func() uint64 { return uint64(10 * time.Millisecond) }).Route(row.route).Backend("*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					retrier, ok := w.(upstream.ConnectRetrier)
					told = append(told, ok && retrier.RetriesConnect())
					at = append(at, time.Since(began))
					testhttp.Failing("UF")(w, r)
				}))))
				serve(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, row.want, told)
				if row.route.Retry == nil {
					// The next host is tried at once, and the one after it not.
					require.Equal(t, []time.Duration{0, 0, 10 * time.Millisecond}, at)
				}
				require.Equal(t, row.elapsed, at[len(at)-1] > 0)
			})
		})
	}
}
