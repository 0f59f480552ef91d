package fieldcases

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience limits the wait for an expected event; a good run never waits that long.
const patience = 10 * time.Second

// transports are the gateway's HTTP/1.1 clients.
var transports = []struct {
	name      string
	transport gateway.Transport
}{{"direct", gateway.TransportDirect}, {"net/http", gateway.TransportNetHTTP}}

// routes are ways that an exchange can take through a gateway: as it comes, under a
// clock, kept for another try, and with an operation on the response's header.
var routes = []struct {
	name  string
	route spec.Route
}{
	{"plain", spec.Route{}},
	{"timed", spec.Route{Timeout: time.Minute}},
	{"retried", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}, Backoff: time.Millisecond}}},
	{"changed", spec.Route{Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"x-added": "1"}}}}},
}

// toApp is a route of every request to the destination app.
func toApp(r spec.Route) spec.Route {
	r.Destinations = []spec.Destination{{Host: "app"}}
	return r
}

// A way is a gateway in front of a backend, by one of the transports and routes.
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

// everyWay runs test with the address of each of a backend's gateways.
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
	s := server.New(gw, server.Config{Addresses: map[int]string{port: "127.0.0.1:0"}, Credentials: credentials})
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	return s
}

// within waits for a value from c.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came in time")
		panic("unreachable")
	}
}

// A gate holds a backend until the test has seen what came before.
type gate chan struct{}

// open lets the backend that waits at the gate go on.
func (g gate) open(t *testing.T) {
	t.Helper()
	select {
	case g <- struct{}{}:
	case <-time.After(patience):
		require.FailNow(t, "no backend waits")
	}
}

// wait waits until the gate is open. After a failure it may stay closed: wait gives up.
func (g gate) wait() {
	select {
	case <-g:
	case <-time.After(patience):
	}
}

// tcpBackend runs a script for each connection to the address that it returns. The
// connection is closed at the script's end.
func tcpBackend(t *testing.T, script func(conn net.Conn, in *bufio.Reader)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				script(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// answering is a script that says the same to each request. The requests have no
// body.
func answering(text string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		for headOf(in) != "" {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// headOf reads a message's head, with the empty line at its end. It returns "" if
// there is none.
func headOf(in *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}

// dial opens a connection.
func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

// send writes text.
func send(t *testing.T, conn net.Conn, text string) {
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// said sends text on a connection of its own and returns all that comes, to the end
// of the connection. The text should ask for that.
func said(t *testing.T, address, text string) string {
	conn, in := dial(t, address)
	send(t, conn, text)
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	return string(all)
}

// answered reads a response, with its whole body.
func answered(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// front serves what stands around a gateway with net/http alone.
func front(t *testing.T, h http.Handler) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// speaking returns a client of one protocol, which takes responses as they come.
func speaking(t *testing.T, set func(*http.Protocols)) *http.Transport {
	c := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	set(c.Protocols)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }

func h2c(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }

// A bareWriter has the three methods of a ResponseWriter.
type bareWriter struct{ w http.ResponseWriter }

func (b bareWriter) Header() http.Header         { return b.w.Header() }
func (b bareWriter) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b bareWriter) WriteHeader(status int)      { b.w.WriteHeader(status) }

// An openWriter is a bareWriter that http.ResponseController sees through.
type openWriter struct{ bareWriter }

func (o openWriter) Unwrap() http.ResponseWriter { return o.w }

// openly is a middleware whose writer shows what it wraps.
func openly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(openWriter{bareWriter{w}}, r) })
}

// stacked are middlewares around a handler, the first outside.
func stacked(around ...func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		for _, wrap := range slices.Backward(around) {
			h = wrap(h)
		}
		return h
	}
}

// chiLogger is chi's logger, which logs nothing.
var chiLogger = middleware.RequestLogger(silent{})

type silent struct{}

func (silent) NewLogEntry(*http.Request) middleware.LogEntry   { return silent{} }
func (silent) Write(int, int, http.Header, time.Duration, any) {}
func (silent) Panic(any, []byte)                               {}
