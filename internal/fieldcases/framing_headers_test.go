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

// Messages stay well-formed and keep their bodies, whatever operations do to
// headers that frame a message or belong to one connection. An operation without
// effect causes a warning. (TestFramingHeadersStayWellFormed and
// TestFramingHeadersAreRefused of package program test the clients' side.)
func TestFramingHeadersByConfiguration(t *testing.T) {
	heads := make(chan string, 2)
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for head := headOf(in); head != ""; head = headOf(in) {
			if strings.Contains(head, "\r\nExpect:") {
				_, _ = io.WriteString(conn, continues)
			}
			r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), in)))
			if err != nil {
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "abc" {
				return
			}
			heads <- head
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world")
		}
	})
	set := func(name, value string) spec.HeaderOperations {
		return spec.HeaderOperations{Set: map[string]string{name: value}}
	}
	remove := func(name string) spec.HeaderOperations { return spec.HeaderOperations{Remove: []string{name}} }
	for _, row := range []struct {
		headers spec.Headers
		warned  bool
		// request is the value of a header at the backend, and response at the
		// client; empty means that the header is absent.
		request, response map[string]string
	}{
		{spec.Headers{Request: set("connection", "close")}, true, map[string]string{"Connection": ""}, nil},
		{spec.Headers{Request: set("upgrade", "websocket")}, true, map[string]string{"Upgrade": ""}, nil},
		{spec.Headers{Request: set("te", "gzip")}, true, map[string]string{"Te": ""}, nil},
		{spec.Headers{Request: set("trailer", "x")}, true, map[string]string{"Trailer": ""}, nil},
		{spec.Headers{Request: remove("content-length")}, true, nil, nil},
		{spec.Headers{Request: set("expect", "100-continue")}, false, map[string]string{"Expect": "100-continue"}, nil},
		{spec.Headers{Request: remove("user-agent")}, false, map[string]string{"User-Agent": ""}, nil},
		{spec.Headers{Response: set("connection", "close")}, true, nil, map[string]string{"Connection": ""}},
		{spec.Headers{Response: set("upgrade", "h2c")}, true, nil, map[string]string{"Upgrade": ""}},
		{spec.Headers{Response: remove("transfer-encoding")}, true, nil, nil},
		{spec.Headers{Response: remove("content-length")}, false, nil, nil},
		{spec.Headers{Response: remove("content-type")}, false, nil, map[string]string{"Content-Type": ""}},
		{spec.Headers{Response: set("date", "x")}, false, nil, map[string]string{"Date": "x"}},
		{spec.Headers{Response: remove("date")}, false, nil, map[string]string{"Date": ""}},
	} {
		for _, by := range transports {
			t.Run(fmt.Sprint(row.headers)+", "+by.name, func(t *testing.T) {
				gw := testgateway.Built(t, gateway.New().Transport(by.transport).BackendURL("app", "http://"+backend).Route(toApp(spec.Route{Headers: row.headers})))
				require.Equal(t, row.warned, len(gw.Warnings()) > 0, "%v", gw.Warnings())
				conn, in := dial(t, serve(t, gw))
				// A wrong length of the first would damage the second.
				for range 2 {
					send(t, conn, "POST / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: u\r\nContent-Length: 3\r\n\r\nabc")
					response, body := answered(t, in)
					for response.StatusCode == http.StatusContinue { // a client may get it at any time
						response, body = answered(t, in)
					}
					require.Equal(t, 200, response.StatusCode)
					require.Equal(t, "hello world", body)
					head := testwire.Within(t, heads)
					require.Equal(t, 1, strings.Count(head, "Content-Length: 3\r\n")+strings.Count(head, "Transfer-Encoding: chunked\r\n"), head)
					request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
					require.NoError(t, err)
					requireValues(t, row.request, request.Header)
					requireValues(t, row.response, response.Header)
				}
			})
		}
	}
}

func requireValues(t *testing.T, want map[string]string, got http.Header) {
	for name, value := range want {
		if value == "" {
			require.NotContains(t, got, name)
			continue
		}
		require.Equal(t, []string{value}, got[name])
	}
}

// A header that a message needs cannot be removed: the configuration is refused.
func TestHostIsNotRemoved(t *testing.T) {
	_, err := gateway.New().Backend("app", http.NotFoundHandler()).Route(toApp(spec.Route{
		Headers: spec.Headers{Request: spec.HeaderOperations{Remove: []string{"host"}}},
	})).Build()
	require.ErrorContains(t, err, "host")
}
