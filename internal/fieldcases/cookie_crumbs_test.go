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
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

// If an HTTP/2 client splits its cookies into several fields, they are one header
// for a backend that speaks HTTP/1.1, for a handler, and for a condition. Two lines
// of HTTP/1.1 are also one header for a condition.
func TestSplitCookiesAreOneHeader(t *testing.T) {
	heads := make(chan string, 1)
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for head := headOf(in); head != ""; head = headOf(in) {
			heads <- head
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	sees := func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%q, %d cookies", r.Header["Cookie"], len(r.Cookies()))
	}
	for _, by := range transports {
		gw := testgateway.Built(t, gateway.New().Transport(by.transport).BackendURL("app", "http://"+backend).Backend("handler", http.HandlerFunc(sees)).
			Route(spec.Route{
				Match:          []spec.Match{{URI: spec.Prefix("/condition"), Headers: map[string]spec.StringMatch{"cookie": spec.Regex(`(.*; )?b=2(;.*)?`)}}},
				DirectResponse: &spec.DirectResponse{Status: 200, Body: []byte("matched")},
			}).
			Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/handler")}}, Destinations: []spec.Destination{{Host: "handler"}}}).
			Route(toApp(spec.Route{})))
		address := serve(t, gw)
		client := speaking(t, h2c)
		get := func(path string) string {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+path, nil)
			require.NoError(t, err)
			// net/http's client sends one field for each.
			r.Header.Set("Cookie", "a=1; b=2; c=3")
			response, err := client.RoundTrip(r)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			return string(body)
		}
		get("/backend")
		head := testwire.Within(t, heads)
		require.Equal(t, 1, strings.Count(strings.ToLower(head), "\r\ncookie:"), head)
		require.Contains(t, head, "\r\nCookie: a=1; b=2; c=3\r\n")
		require.Equal(t, `["a=1; b=2; c=3"], 3 cookies`, get("/handler"))
		require.Equal(t, "matched", get("/condition"))

		conn, in := dial(t, address)
		send(t, conn, "GET /condition HTTP/1.1\r\nHost: a.test\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
		_, body := answered(t, in)
		require.Equal(t, "matched", body)
	}
}
