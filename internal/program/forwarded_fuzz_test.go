package program_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/spec"
)

// FuzzForwarded checks that a destination gets the request that was decided on:
// a second gateway in its place would choose the same route, and forward the
// same bytes.
func FuzzForwarded(f *testing.F) {
	for _, path := range []string{
		"/admin", "/a/../admin", "/a/%2e%2e/admin", `/a\..\admin`, "//admin", "/admin%2F..", "/%61dmin", "/admin/", "/x?y=/admin",
		"/a/b;c=d", "/%2561dmin", "/é", "/a%00", "/a#b", "/.", "/%2%65/admin",
	} {
		for mode := range uint8(4) {
			f.Add(path, mode)
		}
	}
	var received *http.Request
	gateways := [4]*gateway.Gateway{}
	for mode := range gateways {
		gw, err := gateway.New().PathNormalization(spec.PathNormalization(mode)).
			Backend("*", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received = r })).
			Route(spec.Route{Name: "admin", Match: []spec.Match{{URI: spec.Prefix("/admin")}}, Destinations: []spec.Destination{{Host: "admin"}}}).
			Route(spec.Route{Name: "slash", Match: []spec.Match{{URI: spec.Regex(".*/.*/.*")}}, Destinations: []spec.Destination{{Host: "slash"}}}).
			Route(spec.Route{Name: "folded", Match: []spec.Match{{URI: spec.Exact("/Exact"), IgnoreURICase: true}}, Destinations: []spec.Destination{{Host: "folded"}}}).
			Route(spec.Route{Name: "rest", Destinations: []spec.Destination{{Host: "rest"}}}).
			Build()
		require.NoError(f, err)
		gateways[mode] = gw
	}
	f.Fuzz(func(t *testing.T, target string, mode uint8) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			t.Skip()
		}
		gw := gateways[mode%4]
		r := &http.Request{
			Method: http.MethodGet, Host: "a.test", URL: u, RequestURI: target, Header: http.Header{},
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
		first := gw.Decide(r)
		received = nil
		gw.ServeHTTP(httptest.NewRecorder(), r)
		if first.Kind != gateway.DecisionForward {
			require.Equal(t, gateway.DecisionBadRequest, first.Kind)
			require.Nil(t, received)
			return
		}
		require.NotNil(t, received)
		path, _, _ := strings.Cut(first.Path, "?")
		require.Equal(t, path, rawpath.Of(received.URL), "what was decided on is what is forwarded")

		again := gw.Decide(received)
		require.Equal(t, gateway.DecisionForward, again.Kind)
		require.Equal(t, first.Route.Name, again.Route.Name, "%q was forwarded as %q", target, received.RequestURI)
		require.Equal(t, first.Path, again.Path)
	})
}
