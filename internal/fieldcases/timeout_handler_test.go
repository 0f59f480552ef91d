package fieldcases

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// http.TimeoutHandler around a gateway, whose writer supports neither Flush nor
// Hijack, breaks nothing: streams, redirects, informational responses and trailers.
func TestResponsesInATimeoutHandler(t *testing.T) {
	answers := map[string]string{
		"/stream":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"/redirect": "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok",
		"/hints":    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"/trailers": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
	}
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for {
			words := strings.Fields(headOf(in))
			if len(words) < 2 {
				return
			}
			_, _ = io.WriteString(conn, answers[words[1]])
		}
	})
	for _, w := range ways(t, backend) {
		address := front(t, http.TimeoutHandler(w.gw, patience, ""))
		for path := range answers {
			t.Run(w.name+", "+path, func(t *testing.T) {
				conn, in := dial(t, address)
				send(t, conn, "GET "+path+" HTTP/1.1\r\nHost: a.test\r\n\r\n")
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				if response.StatusCode == http.StatusEarlyHints { // a writer may pass it on
					response, err = http.ReadResponse(in, nil)
					require.NoError(t, err)
				}
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Equal(t, "ok", string(body))
				if path == "/redirect" {
					require.Equal(t, 302, response.StatusCode)
					require.Equal(t, "/x", response.Header.Get("Location"))
					return
				}
				require.Equal(t, 200, response.StatusCode)
			})
		}
	}
}

// When http.TimeoutHandler has answered instead of a gateway, the gateway ends its
// exchange with a backend that never answers.
func TestTimeoutHandlerEndsTheExchange(t *testing.T) {
	backend := testwire.Backend(t, func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
	for _, w := range ways(t, backend) {
		t.Run(w.name, func(t *testing.T) {
			returned := make(chan struct{})
			address := front(t, http.TimeoutHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				defer close(returned)
				w.gw.ServeHTTP(rw, r)
			}), 10*time.Millisecond, "too slow"))
			conn, in := dial(t, address)
			send(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
			response, body := answered(t, in)
			require.Equal(t, 503, response.StatusCode)
			require.Equal(t, "too slow", body)
			testwire.Within(t, returned)
		})
	}
}
