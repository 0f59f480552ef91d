package fieldcases

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// If a backend refuses an upload before its end, the client always gets the
// refusal, whether the backend closes the connection or continues to read. The
// client reads while it writes, and does not stop writing by itself.
func TestRefusedUploads(t *testing.T) {
	const refusal = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n"
	backends := map[string]func(net.Conn, *bufio.Reader){
		"closes": func(conn net.Conn, in *bufio.Reader) {
			headOf(in)
			_, _ = io.WriteString(conn, refusal+"Connection: close\r\n\r\nbig")
		},
		"reads on": func(conn net.Conn, in *bufio.Reader) {
			headOf(in)
			_, _ = io.WriteString(conn, refusal+"\r\nbig")
			_, _ = io.Copy(io.Discard, in)
		},
		"closes in the middle": func(conn net.Conn, in *bufio.Reader) {
			headOf(in)
			_, _ = io.CopyN(io.Discard, in, 100<<10)
			_, _ = io.WriteString(conn, refusal+"Connection: close\r\n\r\nbig")
		},
	}
	times := 2
	if testing.Short() {
		times = 1
	}
	// A server waits half a second if it has not read the body. All of them end
	// together, after the last subtest.
	for name, backend := range backends {
		for _, w := range ways(t, testwire.Backend(t, backend)) {
			address := serve(t, w.gw)
			for framing, head := range map[string]string{
				"fixed":   "Content-Length: 1000000000\r\n\r\n",
				"chunked": "Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
			} {
				t.Run(fmt.Sprintf("%s, %s, %s", name, w.name, framing), func(t *testing.T) {
					for range times {
						refusedUpload(t, address, head)
					}
				})
			}
		}
	}
}

func refusedUpload(t *testing.T, address, head string) {
	conn, in := dial(t, address)
	send(t, conn, "POST /up HTTP/1.1\r\nHost: a.test\r\n"+head)
	written := make(chan struct{})
	go func() {
		defer close(written)
		part := make([]byte, 64<<10)
		for {
			if _, err := conn.Write(part); err != nil {
				return
			}
		}
	}()
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 413, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "big", string(body))
	conn.Close()
	testwire.Within(t, written)
}
