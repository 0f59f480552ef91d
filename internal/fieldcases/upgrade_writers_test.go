package fieldcases

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// TestUpgradeBehindWriters of package program tests upgrades behind Go's own
// writers. These are chi's.

// hello is a backend that switches protocols and then sends hello.
func hello(conn net.Conn, in *bufio.Reader) {
	if headOf(in) != "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
	}
}

// Upgrades work behind chi's middlewares.
func TestUpgradeInChi(t *testing.T) {
	for _, w := range ways(t, testwire.Backend(t, hello)) {
		t.Run(w.name, func(t *testing.T) {
			conn, in := dial(t, front(t, chiStack(w.gw)))
			send(t, conn, asksUpgrade)
			response, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			require.Equal(t, 101, response.StatusCode)
			rest, err := io.ReadAll(in)
			require.NoError(t, err)
			require.Equal(t, "hello", string(rest))
		})
	}
}

// If a writer around chi's middlewares cannot hand over the connection, the client
// never gets a 101 with nothing after it. It gets an error, except behind chi's
// Compress, whose writer promises a connection that it does not have.
func TestUpgradeKeptBackAroundChi(t *testing.T) {
	for _, w := range ways(t, testwire.Backend(t, hello)) {
		for _, around := range []struct {
			name string
			wrap func(http.Handler) http.Handler
			told bool
		}{
			{"nothing", asIs, true},
			{"Logger", chiLogger, true},
			{"Compress", middleware.Compress(5), false},
			{"all", chiStack, false},
		} {
			t.Run(around.name+", "+w.name, func(t *testing.T) {
				conn, in := dial(t, front(t, http.TimeoutHandler(around.wrap(w.gw), patience, "")))
				send(t, conn, asksUpgrade)
				response, err := http.ReadResponse(in, nil)
				if around.told {
					require.NoError(t, err)
				}
				if err == nil {
					require.Equal(t, 502, response.StatusCode)
				}
			})
		}
	}
}
