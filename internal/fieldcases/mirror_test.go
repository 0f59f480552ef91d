package fieldcases

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

// A mirror that fails, hangs or is down has no effect on the client, and its
// responses do not reach the client. It gets the same request as the destination,
// with the whole body and the host unchanged. (The tests of package program cover
// shares and limits.)
func TestMirrorsDoNotMatterToClients(t *testing.T) {
	// A copied request, as received.
	type wire struct{ head, body string }
	copied := make(chan wire, 1)
	read := func(in *bufio.Reader) (wire, bool) {
		head := headOf(in)
		if head == "" {
			return wire{}, false
		}
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), in)))
		if err != nil {
			return wire{}, false
		}
		body, err := io.ReadAll(r.Body)
		return wire{head, string(body)}, err == nil
	}
	app := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		if got, ok := read(in); ok {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(got.body), got.body)
		}
	})
	failing := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		if got, ok := read(in); ok {
			copied <- got
			_, _ = io.WriteString(conn, "HTTP/1.1 500 No\r\nConnection: close\r\nSet-Cookie: shadow=1\r\nContent-Length: 0\r\n\r\n")
		}
	})
	hanging := testwire.Backend(t, func(_ net.Conn, in *bufio.Reader) { _, _ = io.Copy(io.Discard, in) })
	for name, to := range map[string]string{"fails": "http://" + failing, "hangs": "http://" + hanging, "is down": testhttp.RefusingURL} {
		t.Run(name, func(t *testing.T) {
			gw := testgateway.Built(t, gateway.New().BackendURL("app", "http://"+app).BackendURL("shadow", to).Route(toApp(spec.Route{
				Match:   []spec.Match{{URI: spec.Prefix("/old")}},
				Rewrite: &spec.Rewrite{URI: "/new", Authority: "other.test"},
				Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-set": "1"}}},
				Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "shadow"}}},
			})))
			sent := strings.Repeat("b", 200<<10)
			conn, in := dial(t, serve(t, gw))
			send(t, conn, fmt.Sprintf("POST /old/x HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: %d\r\n\r\n%s", len(sent), sent))
			response, body := answered(t, in)
			require.Equal(t, 200, response.StatusCode)
			require.Equal(t, sent, body)
			require.NotContains(t, response.Header, "Set-Cookie")
			if name != "fails" {
				return
			}
			got := testwire.Within(t, copied)
			require.True(t, strings.HasPrefix(got.head, "POST /new/x HTTP/1.1\r\nHost: other.test\r\n"), got.head)
			require.Contains(t, got.head, "X-Set: 1\r\n")
			require.NotContains(t, got.head, "-shadow")
			require.Equal(t, sent, got.body)
		})
	}
}
