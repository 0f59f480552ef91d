package program_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestRewriteReplacesWhatMatched(t *testing.T) {
	for _, row := range []struct {
		match         spec.Match
		uri           string
		target        string
		envoy, native string
	}{
		{spec.Match{URI: spec.Prefix("/products")}, "/", "/products/1", "//1", "/1"},
		{spec.Match{URI: spec.Prefix("/products/")}, "/", "/products/1", "/1", "/1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2/products", "/products/1?x=1", "/v2/products/1?x=1", "/v2/products/1?x=1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2/", "/products/1", "/v2//1", "/v2/1"},
		{spec.Match{URI: spec.Prefix("/products/")}, "/v2", "/products/1", "/v21", "/v2/1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/productsfoo", "/v2foo", "/v2foo"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2/", "/productsfoo", "/v2/foo", "/v2/foo"},
		{spec.Match{URI: spec.Prefix("/products")}, "/", "/products", "/", "/"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/products", "/v2", "/v2"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2/", "/products", "/v2/", "/v2/"},
		{spec.Match{URI: spec.Prefix("/products")}, "/", "/products?x=1", "/?x=1", "/?x=1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/", "/products/?x=1", "//?x=1", "/?x=1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/", "/products//1", "///1", "/1"},
		{spec.Match{URI: spec.Exact("/a")}, "/b", "/a?x=1", "/b?x=1", "/b?x=1"},
		{spec.Match{URI: spec.Exact("/a")}, "/b/", "/a", "/b/", "/b/"},
		{spec.Match{URI: spec.Regex("/p/[0-9]+")}, "/item", "/p/77?x=1", "/item?x=1", "/item?x=1"},
		{spec.Match{}, "/v1", "/foo", "/v1foo", "/v1/foo"},
		{spec.Match{}, "/v1/", "/foo", "/v1/foo", "/v1/foo"},
		{spec.Match{}, "/v1", "/", "/v1", "/v1/"},
		{spec.Match{URI: spec.Prefix("/foo"), IgnoreURICase: true}, "/bar", "/FOO/x", "/bar/x", "/bar/x"},
		{spec.Match{URI: spec.Exact("/foo"), IgnoreURICase: true}, "/bar", "/FoO", "/bar", "/bar"},

		// The replacement is plain text: no operators, no groups, and its own
		// query.
		{spec.Match{URI: spec.Regex("/(p)/(.*)")}, `/\1/$1/%REQ(X)%`, "/p/1", `/\1/$1/%REQ(X)%`, `/\1/$1/%REQ(X)%`},
		{spec.Match{URI: spec.Exact("/a")}, "/b?z=9", "/a", "/b?z=9", "/b?z=9"},
		{spec.Match{URI: spec.Exact("/a")}, "/b?z=9", "/a?x=1", "/b?z=9?x=1", "/b?z=9?x=1"},

		// Escapes from the client stay unchanged.
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/products/a%2Fb%20c", "/v2/a%2Fb%20c", "/v2/a%2Fb%20c"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/products/a%2fb", "/v2/a%2fb", "/v2/a%2fb"},
		{spec.Match{URI: spec.Prefix("/a%2Fb")}, "/x", "/a%2Fb/c", "/x/c", "/x/c"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v%2F2", "/products/1", "/v%2F2/1", "/v%2F2/1"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/products/1?q=a%20b&c;d", "/v2/1?q=a%20b&c;d", "/v2/1?q=a%20b&c;d"},
		{spec.Match{URI: spec.Prefix("/products")}, "/v2", "/products/1?", "/v2/1?", "/v2/1?"},

		// Nothing to replace: the path is the one that was matched.
		{spec.Match{URI: spec.Prefix("/products")}, "", "/products/./1", "/products/1", "/products/1"},
	} {
		t.Run(row.match.URI.String()+" to "+row.uri+" at "+row.target, func(t *testing.T) {
			for s, want := range map[gateway.Semantics]string{gateway.Envoy: row.envoy, gateway.Native: row.native} {
				gw, spy := testgateway.Routed(t, s, spec.Route{Match: []spec.Match{row.match}, Rewrite: &spec.Rewrite{URI: row.uri, Authority: "b.com"}})
				r := testhttp.Request(t, "GET", row.target)
				before := r.URL.String()
				testgateway.Serve(gw, r)
				require.NotNil(t, spy.Got, "%v", s)
				require.Equal(t, want, spy.Got.RequestURI, "%v", s)
				require.Equal(t, want, rawpath.Target(spy.Got), "%v: URL and RequestURI agree", s)
				require.Equal(t, "b.com", spy.Got.Host)
				require.Equal(t, row.target, r.RequestURI, "the request itself is not changed")
				require.Equal(t, before, r.URL.String())
				require.Equal(t, "a.com", r.Host)
			}
		})
	}
}

func TestPrefixWithSlashTakesNoLess(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Match: []spec.Match{{URI: spec.Prefix("/products/")}}, Rewrite: &spec.Rewrite{URI: "/"}})
	require.Equal(t, 404, testgateway.Serve(gw, testhttp.Request(t, "GET", "/products")).Code)
	require.Nil(t, spy.Got)
}

func TestRegexRewrite(t *testing.T) {
	for _, row := range []struct{ name, match, rewrite, target, want string }{
		{"groups", `^/service/([^/]+)(/.*)$`, `\2/instance/\1`, "/service/foo/v1/api?x=1", "/v1/api/instance/foo?x=1"},
		{"every occurrence", "one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"},
		{"flags", "(?i)/x+/", "/y/", "/aaa/XxX/bbb", "/aaa/y/bbb"},
		{"occurrences do not overlap", "/a/", "/b/", "/a/a/a/", "/b/a/b/"},
		{"none", "nowhere", "x", "/z?x=1", "/z?x=1"},
		{"the query is not looked at", "z", "y", "/a?z=z", "/a?z=z"},
		{"whole match", "[0-9]+", `<\0>`, "/7/77", "/<7>/<77>"},
		{"a dollar is text", "a", "$1${1}", "/a", "/$1${1}"},
		{"a backslash", "a", `\\1`, "/a", `/\1`},
		{"a group that took no part", "(x)?a", `[\1]`, "/a", "/[]"},
		{"groups of two digits are one digit and text", "(a)", `\12`, "/a", "/a2"},
		{"escapes are text", "%2F", "-", "/a%2Fb", "/a-b"},
		{"nothing in its place", "(x)?/$", `\1`, "/a/b/", "/a/b"},
		{"a group that is not there", "a", `\1`, "/a", "/a"},
		{"between characters", "x*", "-", "/ab", "-/-a-b-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Rewrite: &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: row.match, Rewrite: row.rewrite}}})
			testgateway.Serve(gw, testhttp.Request(t, "GET", row.target))
			require.Equal(t, row.want, spy.Got.RequestURI)
			require.Equal(t, row.target, spy.Got.Header.Get("X-Envoy-Original-Path"), "also where nothing was replaced")
		})
	}
}

func TestOriginalPathAndHost(t *testing.T) {
	for _, row := range []struct {
		name       string
		rewrite    *spec.Rewrite
		headers    spec.HeaderOperations
		Path, host []string
	}{
		{"nothing rewritten", nil, spec.HeaderOperations{}, nil, nil},
		{"path", &spec.Rewrite{URI: "/b"}, spec.HeaderOperations{}, []string{"/a/x?q=1"}, nil},
		{"host", &spec.Rewrite{Authority: "b.com"}, spec.HeaderOperations{}, nil, []string{"a.com"}},
		{"host by an operation", nil, spec.HeaderOperations{Set: map[string]string{"host": "b.com"}}, nil, []string{"a.com"}},
		{"both, and no operation removes them", &spec.Rewrite{URI: "/b", Authority: "b.com"},
			spec.HeaderOperations{Remove: []string{"x-envoy-original-path", "x-envoy-original-host"}}, []string{"/a/x?q=1"}, []string{"a.com"}},
		{"to the same", &spec.Rewrite{URI: "/a", Authority: "a.com"}, spec.HeaderOperations{}, []string{"/a/x?q=1"}, []string{"a.com"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Envoy, gateway.Native} {
				gw, spy := testgateway.Routed(t, s, spec.Route{
					Match: []spec.Match{{URI: spec.Prefix("/a")}}, Rewrite: row.rewrite, Headers: spec.Headers{Request: row.headers},
				})
				testgateway.Serve(gw, testhttp.Request(t, "GET", "/a/x?q=1", "X-Envoy-Original-Path: /evil", "X-Envoy-Original-Host: evil.com"))
				path, host := row.Path, row.host
				if s == gateway.Native {
					path, host = nil, nil
				}
				require.Equal(t, path, spy.Got.Header["X-Envoy-Original-Path"])
				require.Equal(t, host, spy.Got.Header["X-Envoy-Original-Host"])
			}
		})
	}
}

func TestAuthorityPrecedence(t *testing.T) {
	set := func(host string) spec.Headers {
		return spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"Host": host}}}
	}
	add := func(host string) spec.Headers {
		return spec.Headers{Request: spec.HeaderOperations{Add: map[string]string{":authority": host}}}
	}
	for _, row := range []struct {
		name        string
		rewrite     *spec.Rewrite
		route, dest spec.Headers
		want        string
	}{
		{"none", nil, spec.Headers{}, spec.Headers{}, "a.com"},
		{"rewrite alone", &spec.Rewrite{Authority: "rewrite.com"}, spec.Headers{}, spec.Headers{}, "rewrite.com"},
		{"destination alone", nil, spec.Headers{}, set("dest.com"), "dest.com"},
		{"route before destination", nil, set("route.com"), set("dest.com"), "route.com"},
		{"an added one of the route before one set by the destination", nil, add("route.com"), set("dest.com"), "route.com"},
		{"rewrite before destination", &spec.Rewrite{Authority: "rewrite.com"}, spec.Headers{}, set("dest.com"), "rewrite.com"},
		{"the text is no format", nil, set("%%"), spec.Headers{}, "%%"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, split := range [][]spec.Destination{
				{{Host: "one", Headers: row.dest}},
				{{Host: "one", Headers: row.dest, Weight: 1}, {Host: "two", Weight: 0}},
			} {
				gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Destinations: split, Rewrite: row.rewrite, Headers: row.route})
				testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, row.want, spy.Got.Host)
				require.NotContains(t, spy.Got.Header, "Host")
				require.NotContains(t, spy.Got.Header, ":authority")
			}
		})
	}
	p := header.Compile(&spec.HeaderOperations{Set: map[string]string{"host": "set.com"}, Add: map[string]string{"host": "add.com"}})
	require.Equal(t, "set.com", p.Authority)
}

// net/http's own types stay usable after a rewrite to a path that no client
// could send.
func TestRewriteToWhatIsNoPath(t *testing.T) {
	for _, rewrite := range []string{`\1`, "relative", "*", "//host/x", "http://evil.com/"} {
		gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Rewrite: &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: "(x)?.*", Rewrite: rewrite}}})
		spy.Then = func(w http.ResponseWriter, r *http.Request) {
			mux := http.NewServeMux()
			mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
			mux.ServeHTTP(w, r)
		}
		require.NotPanics(t, func() { testgateway.Serve(gw, httptest.NewRequest("GET", "/a", nil)) }, rewrite)
		require.Empty(t, spy.Got.URL.Host, "a rewrite of the path never changes the host")
		require.Equal(t, "example.com", spy.Got.Host)
	}
}

// An absolute target has a scheme of HTTP, or no route sees it.
func TestSchemeOfAbsoluteTarget(t *testing.T) {
	for _, row := range []struct {
		target string
		want   int
	}{
		{"ftp://a.com/x", 400},
		{"ftp://a.com", 400},
		{"FTP://a.com/x", 400},
		{"ws://a.com/x", 400},
		{"httpx://a.com/x", 400},
		{"file:///x", 400},
		{"http://a.com/x", 200},
		{"HTTP://a.com/x", 200},
		{"https://a.com/x", 403},
		{"/ftp://a.com/x", 200},
		{"/x?ftp://a.com", 200},
		{"//ftp.a.com/x", 200},
	} {
		for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
			gw, spy := testgateway.Routed(t, s, spec.Route{})
			next := false
			for _, h := range []http.Handler{gw, gw.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { next = true }))} {
				spy.Got = nil
				w := testgateway.Serve(h, testhttp.Request(t, "GET", row.target))
				require.Equal(t, row.want, w.Code, row.target)
				require.False(t, next, row.target)
				require.Equal(t, row.want == 200, spy.Got != nil, row.target)
				if row.want == 400 {
					require.Equal(t, "Bad Request", w.Body.String(), row.target)
					require.Equal(t, "close", w.Header().Get("Connection"), row.target)
					d := gw.Decide(testhttp.Request(t, "GET", row.target))
					require.Equal(t, gateway.DecisionBadRequest, d.Kind)
					require.Equal(t, "scheme other than http and https", d.Reason)
				}
			}
		}
	}
}

// A target with scheme and host chooses the host, and is not forwarded.
func TestAbsoluteTarget(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Rewrite: &spec.Rewrite{URI: "/v2", Authority: "b.com"}})
	r := testhttp.Request(t, "GET", "http://shop.com/x?q=1")
	require.Equal(t, "shop.com", r.Host)
	testgateway.Serve(gw, r)
	require.Equal(t, "/v2/x?q=1", spy.Got.URL.String())
	require.Equal(t, "/v2/x?q=1", spy.Got.RequestURI)
	require.Equal(t, "b.com", spy.Got.Host)
	require.Equal(t, "http://shop.com/x?q=1", r.URL.String())
}
