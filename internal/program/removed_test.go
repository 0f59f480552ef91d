package program_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// The server does not add a header again that the configuration removes. A guessed
// Content-Type could be text/html for a body that a client chose.
func TestRemovedHeadersStayAway(t *testing.T) {
	html := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte("<html><script>alert(1)</script></html>"))
	})
	behind := httptest.NewServer(html)
	defer behind.Close()
	removed := spec.Headers{Response: spec.HeaderOperations{Remove: []string{"content-type", "date"}}}
	alone, err := gateway.Headers(removed)
	require.NoError(t, err)
	route := func(b *gateway.Builder) http.Handler {
		return testgateway.Built(t, b.Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, Headers: removed}))
	}
	set := removed
	set.Response.Set = map[string]string{"content-type": "text/plain"}
	for name, tt := range map[string]struct {
		handler http.Handler
		want    []string
	}{
		"a handler":            {route(gateway.New().Backend("app", html)), nil},
		"an upstream":          {route(gateway.New().BackendURL("app", behind.URL)), nil},
		"an upstream, Envoy":   {route(gateway.New().Semantics(gateway.Envoy).BackendURL("app", behind.URL)), nil},
		"a middleware":         {alone(html), nil},
		"of a destination":     {destinationRemoves(t, removed, html), nil},
		"removed and then set": {testgateway.Built(t, gateway.New().Backend("app", html).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, Headers: set})), []string{"text/plain"}},
	} {
		for _, http2 := range []bool{false, true} {
			s := httptest.NewUnstartedServer(tt.handler)
			s.EnableHTTP2 = http2
			s.StartTLS()
			response, body := testhttp.Fetch(t, s.Client(), "GET", s.URL)
			require.Equal(t, http2, response.ProtoMajor == 2)
			require.Contains(t, body, "<script>", name)
			require.Equal(t, tt.want, response.Header["Content-Type"], name)
			require.NotContains(t, response.Header, "Date", name)
			s.Close()
		}
	}
}

func destinationRemoves(t *testing.T, removed spec.Headers, h http.Handler) http.Handler {
	d := spec.Destination{Host: "app", Weight: 1, Headers: removed}
	return testgateway.Built(t, gateway.New().Backend("app", h).Route(spec.Route{Destinations: []spec.Destination{d, d}}))
}

// A cookie that a DestinationRule creates is sent whatever stands behind the
// destination.
func TestHashCookieOfHandlers(t *testing.T) {
	rule := func(h spec.ConsistentHash) spec.DestinationRule {
		return spec.DestinationRule{Name: "app", Host: "app", TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &h}}}
	}
	cookie := spec.HashCookie{Name: "sticky", TTL: new(time.Minute), Path: "/"}
	app := testhttp.Saying("app")
	behind := httptest.NewServer(app)
	defer behind.Close()
	var sent []string
	for _, b := range []*gateway.Builder{gateway.New().Backend("app", app), gateway.New().BackendURL("app", behind.URL)} {
		gw := testgateway.Built(t, b.DestinationRule(rule(spec.ConsistentHash{HTTPCookie: &cookie})).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}))
		s := httptest.NewServer(gw)
		response, _ := testhttp.Fetch(t, s.Client(), "GET", s.URL)
		require.Regexp(t, `^sticky="[0-9a-f]{16}"; Max-Age=60; Path=/; HttpOnly$`, response.Header.Get("Set-Cookie"))
		sent = append(sent, response.Header.Get("Set-Cookie"))

		r, err := http.NewRequest("GET", s.URL, nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "sticky=x")
		response, err = s.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Empty(t, response.Header["Set-Cookie"])
		s.Close()
	}
	require.Len(t, sent, 2)
}

// A fragment is cut off, and what follows it with it.
func TestFragments(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"/a#b", "/a"},
		{"/a?x=1#b", "/a?x=1"},
		{"/a?#b", "/a?"},
		{"/a#b?x=1", "/a"},
		{"/a%2Fb#c", "/a%2Fb"},
		{"/a%23b", "/a%23b"},
		{"/#", "/"},
		{"/a/../b#/../c", "/b"},
	} {
		for _, semantics := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
			gw, spy := testgateway.Routed(t, semantics, spec.Route{Match: []spec.Match{{URI: spec.Regex("[^#]*")}}})
			s := httptest.NewServer(gw)
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", tt.target)
			require.NoError(t, err)
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Contains(t, string(answer), " 200 OK", tt.target)
			require.Equal(t, tt.want, spy.Got.RequestURI, tt.target)
			require.Equal(t, tt.want, spy.Got.URL.RequestURI(), tt.target)
			s.Close()
		}
	}
}
