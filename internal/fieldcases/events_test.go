package fieldcases

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testwire"
)

// The header of an event stream, and each event, reaches the client before the next
// event exists, with any backend and any middleware around the gateway.
func TestEventsComeAtOnce(t *testing.T) {
	next := make(gate)
	raw := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for headOf(in) != "" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
			next.wait()
			_, _ = io.WriteString(conn, "9\r\ndata: 1\n\n\r\n")
			next.wait()
			_, _ = io.WriteString(conn, "0\r\n\r\n")
		}
	})
	events := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		next.wait()
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		next.wait()
	})
	http2 := httptest.NewUnstartedServer(events)
	http2.Config.Protocols = new(http.Protocols)
	http2.Config.Protocols.SetUnencryptedHTTP2(true)
	http2.Start()
	t.Cleanup(http2.Close)
	backends := []struct {
		name string
		add  func(*gateway.Builder) *gateway.Builder
	}{
		{"direct", func(b *gateway.Builder) *gateway.Builder { return b.BackendURL("app", "http://"+raw) }},
		{"net/http", func(b *gateway.Builder) *gateway.Builder {
			return b.BackendURL("app", "http://"+raw).Transport(gateway.TransportNetHTTP)
		}},
		{"h2c", func(b *gateway.Builder) *gateway.Builder {
			return b.BackendURL("app", "h2c://"+http2.Listener.Addr().String())
		}},
		{"a handler", func(b *gateway.Builder) *gateway.Builder { return b.Backend("app", events) }},
	}
	around := map[string]func(http.Handler) http.Handler{
		"nothing":      asIs,
		"a logger":     chiLogger,
		"a router":     inRouter,
		"what unwraps": openly,
	}
	for _, backend := range backends {
		for _, r := range routes {
			gw := testgateway.Built(t, backend.add(gateway.New()).Route(toApp(r.route)))
			for name, wrap := range around {
				t.Run(backend.name+", "+r.name+", in "+name, func(t *testing.T) {
					conn, in := dial(t, front(t, wrap(gw)))
					send(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
					response, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					require.Equal(t, 200, response.StatusCode)
					next.open(t)
					event := make([]byte, len("data: 1\n\n"))
					_, err = io.ReadFull(response.Body, event)
					require.NoError(t, err)
					require.Equal(t, "data: 1\n\n", string(event))
					next.open(t)
					_, err = response.Body.Read(event)
					require.ErrorIs(t, err, io.EOF)
				})
			}
		}
	}
}

// inRouter mounts a handler in chi's router, inside of Recoverer.
func inRouter(h http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	r.Mount("/", h)
	return r
}
