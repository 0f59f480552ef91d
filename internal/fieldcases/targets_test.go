package fieldcases

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

// Every form of a request target gets the right answer, and a backend gets only
// paths.
func TestTargetsThatAreNoPath(t *testing.T) {
	// The backend reports the target of the request.
	backend := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		for {
			words := strings.Fields(headOf(in))
			if len(words) < 2 {
				return
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(words[1]), words[1])
		}
	})
	for _, host := range []string{"*", "a.test"} {
		gw := testgateway.Built(t, gateway.New().BackendURL("app", "http://"+backend).VirtualService(spec.VirtualService{
			Name: "app", Hosts: []string{host}, Gateways: []string{"*"}, Routes: []spec.Route{toApp(spec.Route{})},
		}).Server(spec.Server{Port: 80, Hosts: []string{"*"}}))
		address := serve(t, gw)
		for _, row := range []struct {
			line   string
			status int
			target string // at the backend
		}{
			{"OPTIONS *", 404, ""},
			{"GET *", 404, ""},
			{"CONNECT a.test:443", 404, ""},
			{"CONNECT /", 404, ""},
			{"GET http://a.test", 200, "/"},
			{"GET http://a.test?q=1", 200, "/?q=1"},
			{"GET http://a.test/x", 200, "/x"},
			{"OPTIONS http://a.test", 200, "/"},
			{"GET https://a.test/x", 403, ""},
			{"GET ftp://a.test/x", 400, ""},
			{"GET //a.test/x", 200, "//a.test/x"},
			{"GET ?q=1", 400, ""},
			{"GET x", 400, ""},
			{`GET /\x`, 200, "//x"},
		} {
			t.Run(host+" "+row.line, func(t *testing.T) {
				conn, in := dial(t, address)
				send(t, conn, row.line+" HTTP/1.1\r\nHost: a.test\r\n\r\n")
				response, body := answered(t, in)
				require.Equal(t, row.status, response.StatusCode)
				if row.status == http.StatusOK {
					require.Equal(t, row.target, body)
				}
			})
		}
	}
}

// A gateway can answer, and decide about, any request that a program passes to it.
// A destination gets a path, or nothing.
func TestOddRequestsOfPrograms(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().Route(toApp(spec.Route{})).Backend("app", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RequestURI)
	})))
	for name, row := range map[string]struct {
		request http.Request
		target  string // "" means no answer of the destination
	}{
		"no path":           {http.Request{Method: "GET", URL: &url.URL{}}, "/"},
		"no slash":          {http.Request{Method: "GET", URL: &url.URL{Path: "x"}}, ""},
		"one dot":           {http.Request{Method: "GET", URL: &url.URL{Path: "."}}, ""},
		"two dots":          {http.Request{Method: "GET", URL: &url.URL{Path: ".."}}, ""},
		"two dots and more": {http.Request{Method: "GET", URL: &url.URL{Path: "../x"}}, ""},
		"a star":            {http.Request{Method: "OPTIONS", URL: &url.URL{Path: "*"}}, ""},
		"no path, opaque":   {http.Request{Method: "GET", URL: &url.URL{Opaque: "mailto:x"}}, "/"},
		"a tunnel":          {http.Request{Method: "CONNECT", URL: &url.URL{Host: "a.test:443"}}, ""},
		"no method":         {http.Request{URL: &url.URL{Path: "/x"}}, "/x"},
		"a path, no header": {http.Request{Method: "GET", URL: &url.URL{Path: "/x"}, ProtoMajor: 1, ProtoMinor: 1}, "/x"},
		"no body":           {http.Request{Method: "POST", URL: &url.URL{Path: "/x"}, Header: http.Header{}}, "/x"},
		"two paths":         {http.Request{Method: "GET", URL: &url.URL{Path: "/x", RawPath: "/y%2F"}}, "/x"},
		"a raw path alone":  {http.Request{Method: "GET", URL: &url.URL{RawPath: "/y%2F"}}, "/"},
	} {
		for _, host := range []string{"a.test", ""} {
			for entry, h := range map[string]http.Handler{
				"served":          gw,
				"in place":        gw.InPlace(),
				"as a middleware": gw.Middleware(http.NotFoundHandler()),
			} {
				name := fmt.Sprintf("%s, host %q, %s", name, host, entry)
				r := row.request.Clone(t.Context())
				r.Host = host
				w := httptest.NewRecorder()
				require.NotPanics(t, func() { h.ServeHTTP(w, r) }, name)
				if row.target == "" {
					require.Equal(t, 404, w.Code, name)
					continue
				}
				require.Equal(t, 200, w.Code, name)
				require.Equal(t, row.target, w.Body.String(), name)
			}
			r := row.request.Clone(t.Context())
			r.Host = host
			require.NotPanics(t, func() {
				require.Equal(t, row.target != "", gw.Decide(r).Kind == gateway.DecisionForward, name)
			}, name)
		}
	}
}
