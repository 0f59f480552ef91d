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

// A response whose body contradicts its header never looks complete to the client.
// One that ends with its connection, or is followed by more, is complete.
func TestBodiesThatDoNotFitTheirHead(t *testing.T) {
	for _, row := range []struct {
		name, answer string
		status       int
		body         string
	}{
		{"too short", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", 0, ""},
		{"a chunk too short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", 0, ""},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 0, ""},
		{"too long", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA", 200, "ok"},
		{"to the end", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok"},
		{"to the end, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", 200, "ok"},
		{"a 204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 204, ""},
		{"a 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", 304, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
				headOf(in)
				_, _ = io.WriteString(conn, row.answer)
			})
			client := speaking(t, http1)
			everyWay(t, backend, func(t *testing.T, address string) {
				r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address, nil)
				require.NoError(t, err)
				response, err := client.RoundTrip(r)
				var body []byte
				if err == nil {
					body, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				if row.status == 0 {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
					return
				}
				require.NoError(t, err)
				require.Equal(t, row.status, response.StatusCode)
				require.Equal(t, row.body, string(body))
			})
		})
	}
}
