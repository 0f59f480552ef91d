package program_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A plainWriter has only the methods of an http.ResponseWriter.
type plainWriter struct{ w http.ResponseWriter }

func (p plainWriter) Header() http.Header         { return p.w.Header() }
func (p plainWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plainWriter) WriteHeader(status int)      { p.w.WriteHeader(status) }

// An unwrapWriter is a plainWriter that shows what it wraps.
type unwrapWriter struct{ plainWriter }

func (u unwrapWriter) Unwrap() http.ResponseWriter { return u.w }

func wrapped(h http.Handler, wrap func(http.ResponseWriter) http.ResponseWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrap(w), r) })
}

// around are what programs put around a gateway, and whether an upgrade is possible
// behind it.
var around = map[string]struct {
	wrap     func(http.Handler) http.Handler
	possible bool
	blamed   string
}{
	"nothing":                               {func(h http.Handler) http.Handler { return h }, true, ""},
	"a timeout":                             {func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }, false, "*http.timeoutWriter"},
	"a plain writer":                        {plainly, false, "program_test.plainWriter"},
	"an open wrapper":                       {openly, true, ""},
	"an open wrapper around a plain writer": {func(h http.Handler) http.Handler { return plainly(openly(h)) }, false, "program_test.plainWriter"},
	"a plain writer around an open wrapper": {func(h http.Handler) http.Handler { return openly(plainly(h)) }, false, "program_test.plainWriter"},
}

func plainly(h http.Handler) http.Handler {
	return wrapped(h, func(w http.ResponseWriter) http.ResponseWriter { return plainWriter{w} })
}

func openly(h http.Handler) http.Handler {
	return wrapped(h, func(w http.ResponseWriter) http.ResponseWriter { return unwrapWriter{plainWriter{w}} })
}

// switching is a backend that switches to a protocol in which it says hello.
func switching(t *testing.T) (url string, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, "plain")
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
			conn.Close()
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

const asksUpgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n"

// said returns what a handler's server says to a GET request with headers.
func said(t *testing.T, h http.Handler, headers string) (*http.Response, string) {
	s := httptest.NewServer(h)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /chat HTTP/1.1\r\nHost: a.test\r\n%s\r\n", headers)
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	var from io.Reader = response.Body
	if response.StatusCode == http.StatusSwitchingProtocols {
		from = in
	}
	body, err := io.ReadAll(from)
	require.NoError(t, err)
	return response, string(body)
}

// A client behind whose writer the connection cannot be had is told so, and the
// backend is not asked for an upgrade that nobody can use.
func TestUpgradeBehindWriters(t *testing.T) {
	routes := map[string]spec.Route{
		"":             {},
		"a timeout":    {Timeout: time.Minute},
		"a try's time": {Retry: &spec.Retry{Attempts: 1, PerTryTimeout: time.Minute}},
		"retries":      {Retry: &spec.Retry{Attempts: 3, On: []string{"5xx", "gateway-error", "reset", "connect-failure"}}},
		"a header":     {Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"x-a": "1"}}}},
	}
	for _, transport := range []gateway.Transport{gateway.TransportDirect, gateway.TransportNetHTTP} {
		for named, route := range routes {
			for name, tt := range around {
				url, asked := switching(t)
				var log bytes.Buffer
				route.Destinations = []spec.Destination{{Host: "app"}}
				gw := testgateway.Built(t, gateway.New().Logger(slog.New(slog.NewTextHandler(&log, nil))).
					Transport(transport).BackendURL("app", url).Route(route))
				name := name + ", " + named
				response, body := said(t, tt.wrap(gw), asksUpgrade)
				if tt.possible {
					require.Equal(t, 101, response.StatusCode, name)
					require.Equal(t, "hello", body, name)
					require.EqualValues(t, 1, asked.Load(), name)
					require.Empty(t, log.String(), name)
					continue
				}
				require.Equal(t, 502, response.StatusCode, name)
				require.Equal(t, "upgrade not possible", body, name)
				require.Empty(t, response.Header["X-A"], name)
				require.Zero(t, asked.Load(), name)
				require.Contains(t, log.String(), `level=WARN msg="upgrade refused: the ResponseWriter can neither be hijacked nor unwrapped" destination=app.default.svc.cluster.local writer=`+tt.blamed+"\n", name)

				response, body = said(t, tt.wrap(gw), "")
				require.Equal(t, 200, response.StatusCode, name)
				require.Equal(t, "plain", body, name)
			}
		}
	}
}

// A writer that only promises to be hijackable is found out too late for an answer,
// but not silently.
func TestUpgradeWithABrokenPromise(t *testing.T) {
	url, asked := switching(t)
	for _, route := range []spec.Route{{}, {Timeout: time.Minute}} {
		var log bytes.Buffer
		route.Destinations = []spec.Destination{{Host: "app"}}
		gw := testgateway.Built(t, gateway.New().Logger(slog.New(slog.NewTextHandler(&log, nil))).BackendURL("app", url).Route(route))
		s := httptest.NewServer(wrapped(gw, func(w http.ResponseWriter) http.ResponseWriter { return unhijackable{w} }))
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: a.test\r\n"+asksUpgrade+"\r\n")
		require.NoError(t, err)
		answer, _ := io.ReadAll(conn)
		require.Empty(t, answer)
		conn.Close()
		s.Close()
		require.Contains(t, log.String(), `level=ERROR msg="upgrade failed: the connection could not be hijacked" destination=app.default.svc.cluster.local error="not today"`)
	}
	require.EqualValues(t, 2, asked.Load())
}

// An unhijackable writer is an http.Hijacker in name.
type unhijackable struct{ http.ResponseWriter }

func (unhijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("not today")
}

// Handlers in this process answer upgrades themselves, and HTTP/2 backends never
// see that one was asked for.
func TestUpgradesThatTheGatewayDoesNotMake(t *testing.T) {
	h2c := httptest.NewUnstartedServer(testhttp.Saying("no upgrade"))
	h2c.Config.Protocols = new(http.Protocols)
	h2c.Config.Protocols.SetUnencryptedHTTP2(true)
	h2c.Start()
	defer h2c.Close()
	for name, b := range map[string]*gateway.Builder{
		"a handler": gateway.New().Backend("app", testhttp.Saying("no upgrade")),
		"h2c":       gateway.New().BackendURL("app", "h2c://"+h2c.Listener.Addr().String()),
	} {
		gw := testgateway.Built(t, b.Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}))
		response, body := said(t, plainly(gw), asksUpgrade+"X-A: 1\r\n")
		require.Equal(t, 200, response.StatusCode, name)
		require.Equal(t, "no upgrade", body, name)
	}
}

// A mirror gets its copy of a request for an upgrade.
func TestMirroredUpgrade(t *testing.T) {
	url, _ := switching(t)
	copied := make(chan string, 1)
	mirror := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { copied <- r.Header.Get("Upgrade") }))
	defer mirror.Close()
	gw := testgateway.Built(t, gateway.New().BackendURL("app", url).BackendURL("copy", mirror.URL).Route(spec.Route{
		Destinations: []spec.Destination{{Host: "app"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "copy"}}},
	}))
	response, _ := said(t, gw, asksUpgrade)
	require.Equal(t, 101, response.StatusCode)
	require.Equal(t, "websocket", <-copied)
}

// What follows the head of an upgrade is either a body or the WebSocket.
func TestUpgradeWithABody(t *testing.T) {
	url, asked := switching(t)
	gw := testgateway.Built(t, gateway.New().BackendURL("app", url).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}))
	for _, framing := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"} {
		response, _ := said(t, gw, asksUpgrade+framing)
		require.Equal(t, 400, response.StatusCode, framing)
		require.True(t, response.Close)
	}
	require.Zero(t, asked.Load())
	response, _ := said(t, gw, asksUpgrade+"Content-Length: 0\r\n")
	require.Equal(t, 101, response.StatusCode)
	response, _ = said(t, gw, "Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello")
	require.NotEqual(t, 400, response.StatusCode, "without the word in Connection it is no upgrade")
}
