package fieldcases

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// If a backend closes a connection that it promised to keep, no next request is
// lost. If its method must not be sent twice, it is sent on a connection that is
// open, with the gateway's own client: net/http's client notices too late.
func TestKeptConnectionsThatAreClosed(t *testing.T) {
	closed := make(gate)
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		conn.Close()
		closed.wait()
	})
	requests := map[string]string{
		"GET":    "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
		"POST":   "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
		"DELETE": "DELETE / HTTP/1.1\r\nHost: a.test\r\n\r\n",
	}
	for i, w := range ways(t, backend) {
		address := serve(t, w.gw)
		for method, request := range requests {
			if i >= len(routes) && method != "GET" {
				continue
			}
			t.Run(method+", "+w.name, func(t *testing.T) {
				conn, in := dial(t, address)
				for range 10 {
					send(t, conn, request)
					response, body := answered(t, in)
					closed.open(t)
					require.Equal(t, 200, response.StatusCode)
					require.Equal(t, "ok", body)
				}
			})
		}
	}
}
