package server

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bothEngines{m}) }

// bothEngines runs all tests with each server of HTTP/1.1.
type bothEngines struct{ *testing.M }

func (m bothEngines) Run() int {
	status := 0
	for _, e := range []Engine{EngineLateen, EngineNetHTTP} {
		defaultEngine = e
		status = max(status, m.M.Run())
	}
	return status
}

// patience limits the wait for an expected event; a good run never waits that
// long.
const patience = testwire.Patience

// toApp returns a Builder that sends every request to handler.
func toApp(handler http.HandlerFunc) *gateway.Builder {
	return gateway.New().Backend("app", handler).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}})
}

// plain is a plain-text server for every host.
func plain(port int) spec.Server {
	return spec.Server{Port: port, Hosts: []string{"*"}}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// local puts the ports of a configuration on this host, at any free port.
func local(c Config, ports ...int) Config {
	c.Addresses, c.AllowBrokenTLS = map[int]string{}, true
	c.GracePeriod = cmp.Or(c.GracePeriod, spec.NoLimit)
	for _, p := range ports {
		c.Addresses[p] = "127.0.0.1:0"
	}
	return c
}

// start serves what b builds until the end of the test.
func start(t *testing.T, b *gateway.Builder, c Config) (*Listeners, *gateway.Gateway) {
	t.Helper()
	gw, err := b.Build()
	require.NoError(t, err)
	s := New(gw, c)
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.NoError(t, gw.Close())
	})
	return s, gw
}

// dial opens a connection to a port.
func dial(t *testing.T, s *Listeners, port int) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr(port).String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

// ask sends a request exactly as written, and reads the response.
func ask(t *testing.T, conn net.Conn, in *bufio.Reader, text string) (*http.Response, string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// raw is ask on a separate connection.
func raw(t *testing.T, s *Listeners, text string) (*http.Response, string) {
	t.Helper()
	conn, in := dial(t, s, 80)
	return ask(t, conn, in, text)
}

// overH2C is an HTTP/2 client with prior knowledge.
func overH2C(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
