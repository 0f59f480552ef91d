package fieldcases

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// A backend's 103 reaches the client before the rest of the response, with its Link
// and without headers about the backend's connection. Its headers are not those of
// the response.
func TestEarlyHintsAreOneConnectionsOwn(t *testing.T) {
	more := make(gate)
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for headOf(in) != "" {
			_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"+
				"Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\n")
			more.wait()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	everyWay(t, backend, func(t *testing.T, address string) {
		conn, in := dial(t, address)
		send(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		hints := headOf(in)
		more.open(t)
		status, fields, _ := strings.Cut(hints, "\r\n")
		require.Equal(t, "HTTP/1.1 103 Early Hints", status)
		require.Equal(t, "Link: </a.css>; rel=preload\r\n\r\n", fields)
		response, body := answered(t, in)
		require.Equal(t, 200, response.StatusCode)
		require.Equal(t, "ok", body)
		require.NotContains(t, response.Header, "Link")
	})
}
