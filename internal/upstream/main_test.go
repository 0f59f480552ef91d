package upstream

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway/internal/testwire"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(benchProxy); name != "" {
		runBenchProxy(name)
		return
	}
	goleak.VerifyTestMain(closing{m})
}

// closing are tests after which what lingers is closed.
type closing struct{ *testing.M }

func (m closing) Run() int {
	code := m.M.Run()
	for _, end := range slices.Backward(ends) {
		end()
	}
	return code
}

// ends are the cleanups of all that lingers.
var ends []func()

// A lingering test has its cleanups at the end of all tests. It is for those whose
// server closes a connection with a body that it did not read: net/http waits half
// a second before that, and the next tests need not.
type lingering struct{ testing.TB }

func (lingering) Cleanup(end func()) { ends = append(ends, end) }

// patience limits the wait for an expected event; a good run never waits that
// long.
const patience = testwire.Patience

// transports are the implementations that pass the same tests.
var transports = []struct {
	name      string
	transport Transport
}{{"direct", Direct}, {"net-http", NetHTTP}}

// each runs test with each transport.
func each(t *testing.T, test func(t *testing.T, transport Transport)) {
	for _, row := range transports {
		t.Run(row.name, func(t *testing.T) { test(t, row.transport) })
	}
}

// answer is a backend's script: it reads one request, with its body, and writes
// text; then it closes the connection.
func answer(text string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, text)
	}
}

// httpBackend serves handler over HTTP/1.1, and over h2c.
func httpBackend(t testing.TB, handler http.HandlerFunc) string {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// newUpstream returns an Upstream for c that the test closes.
func newUpstream(t testing.TB, c Config) *Upstream {
	u, err := New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, u.Close()) })
	return u
}

// to returns the Config of one endpoint.
func to(transport Transport, address string) Config {
	return Config{Name: t0, Transport: transport, Endpoints: []Endpoint{{Address: address}}}
}

const t0 = "outbound|80||backend.test"

// A front is a gateway with only a handler.
type front struct {
	t       testing.TB
	server  *httptest.Server
	address string
}

// serveFront serves handler as the gateway would.
func serveFront(t testing.TB, handler http.Handler) *front {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.ErrorLog = quiet
	server.Start()
	t.Cleanup(server.Close)
	return &front{t: t, server: server, address: server.Listener.Addr().String()}
}

// proxy serves an Upstream for the address.
func proxy(t testing.TB, transport Transport, address string) *front {
	return serveFront(t, newUpstream(t, to(transport, address)))
}

// dial opens a connection to the front.
func (f *front) dial() (net.Conn, *bufio.Reader) {
	conn, err := net.Dial("tcp", f.address)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { conn.Close() })
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

// raw sends text on a separate connection, and returns everything that comes
// back until the front closes it. The text should ask for that.
func (f *front) raw(text string) string {
	conn, in := f.dial()
	_, err := io.WriteString(conn, text)
	require.NoError(f.t, err)
	all, _ := io.ReadAll(in)
	return string(all)
}

// get sends a GET request on a separate connection.
func (f *front) get(path string) (*http.Response, string) {
	return f.do("GET", path, nil)
}

// do sends a request, and reads the response.
func (f *front) do(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, f.server.URL+path, body)
	require.NoError(f.t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header[http.CanonicalHeaderKey(name)] = append(r.Header[http.CanonicalHeaderKey(name)], value)
	}
	response, err := f.server.Client().Do(r)
	require.NoError(f.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return response, string(text)
}

// quiet drops the log messages of a server under test.
var quiet = log.New(io.Discard, "", 0)
