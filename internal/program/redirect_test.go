package program_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestRedirect(t *testing.T) {
	for _, row := range []struct {
		name     string
		redirect spec.Redirect
		host     string
		target   string
		tls      bool
		want     string
	}{
		{"a path", spec.Redirect{URI: "/new"}, "a.com", "/old/x?q=1", false, "http://a.com/new?q=1"},
		{"a path with a query", spec.Redirect{URI: "/new?z=9"}, "a.com", "/old?q=1", false, "http://a.com/new?z=9"},
		{"a path with an empty query", spec.Redirect{URI: "/new?"}, "a.com", "/old?q=1", false, "http://a.com/new?"},
		{"an empty query is kept", spec.Redirect{URI: "/new"}, "a.com", "/old?", false, "http://a.com/new?"},
		{"a path without a slash", spec.Redirect{URI: "new"}, "a.com", "/x", false, "http://a.com/new"},
		{"an old marker is text", spec.Redirect{URI: "%PREFIX()%/x"}, "a.com", "/x", false, "http://a.com/%PREFIX()%/x"},
		{"an authority", spec.Redirect{Authority: "b.com"}, "a.com", "/x?q=1", false, "http://b.com/x?q=1"},
		{"an authority does not take the port over", spec.Redirect{Authority: "b.com"}, "a.com:8080", "/x", false, "http://b.com/x"},
		{"an authority with a port", spec.Redirect{Authority: "b.com:81"}, "a.com", "/x", false, "http://b.com:81/x"},
		{"an authority with a port and a port", spec.Redirect{Authority: "b.com:81", Port: 82}, "a.com", "/x", false, "http://b.com:81:82/x"},
		{"a scheme", spec.Redirect{Scheme: "https"}, "a.com", "/x", false, "https://a.com/x"},
		{"a scheme keeps the port", spec.Redirect{Scheme: "https"}, "a.com:8080", "/x", false, "https://a.com:8080/x"},
		{"a scheme drops the old one's default port", spec.Redirect{Scheme: "https"}, "a.com:80", "/x", false, "https://a.com/x"},
		{"and only that", spec.Redirect{Scheme: "https"}, "a.com:443", "/x", false, "https://a.com:443/x"},
		{"from https", spec.Redirect{Scheme: "http"}, "a.com:443", "/x", true, "http://a.com/x"},
		{"the same scheme keeps its default port", spec.Redirect{Scheme: "http", URI: "/y"}, "a.com:80", "/x", false, "http://a.com:80/y"},
		{"a port", spec.Redirect{Port: 8443}, "a.com", "/x", false, "http://a.com:8443/x"},
		{"a port in place of another", spec.Redirect{Port: 8443}, "a.com:8080", "/x", false, "http://a.com:8443/x"},
		{"the default port of http is not written", spec.Redirect{Port: 80}, "a.com", "/x", false, "http://a.com/x"},
		{"the default port of https", spec.Redirect{Scheme: "https", Port: 443}, "a.com:8080", "/x", false, "https://a.com:8080/x"},
		{"the default port of the other", spec.Redirect{Scheme: "https", Port: 80}, "a.com", "/x", false, "https://a.com:80/x"},
		{"the port of the server", spec.Redirect{Scheme: "https", DerivePort: spec.PortDerivationRequestPort}, "a.com:1234", "/x", false, "https://a.com:80/x"},
		{"the port of the protocol", spec.Redirect{Authority: "b.com", DerivePort: spec.PortDerivationProtocolDefault}, "a.com", "/x", false, "http://b.com/x"},
		{"which adds none", spec.Redirect{Scheme: "https", URI: "/y", DerivePort: spec.PortDerivationProtocolDefault}, "a.com", "/x", false, "https://a.com/y"},
		{"nor removes one", spec.Redirect{Scheme: "https", DerivePort: spec.PortDerivationProtocolDefault}, "a.com:8080", "/x", false, "https://a.com:8080/x"},
		{"but the old one's default", spec.Redirect{Scheme: "https", DerivePort: spec.PortDerivationProtocolDefault}, "a.com:80", "/x", false, "https://a.com/x"},
		{"an IPv6 host", spec.Redirect{URI: "/y"}, "[::1]:8080", "/x", false, "http://[::1]:8080/y"},
		{"an IPv6 host and a port", spec.Redirect{Port: 81}, "[::1]:8080", "/x", false, "http://[::1]:81/x"},
		{"an IPv6 host without a port", spec.Redirect{Port: 81}, "[::1]", "/x", false, "http://[::1]:81/x"},
		{"escapes stay", spec.Redirect{Authority: "b.com"}, "a.com", "/a%2Fb%20c?d=%2F", false, "http://b.com/a%2Fb%20c?d=%2F"},
		{"the letter case of the host stays", spec.Redirect{URI: "/y"}, "A.Com", "/x", false, "http://A.Com/y"},
		{"over TLS", spec.Redirect{URI: "/y"}, "a.com", "/x", true, "https://a.com/y"},
		{"from HTTP/1.0 without a host", spec.Redirect{URI: "/y"}, "", "/x?q", false, "/y?q"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				gw, _ := testgateway.Routed(t, s, spec.Route{Redirect: &row.redirect})
				r := testhttp.Request(t, "GET", row.target)
				r.Host = row.host
				if row.tls {
					testhttp.OverTLS(r)
				}
				w := testgateway.Serve(gw, r)
				require.Equal(t, 301, w.Code)
				require.Equal(t, row.want, w.Header().Get("Location"))
				require.Empty(t, w.Body.String())
				require.Equal(t, "0", w.Header().Get("Content-Length"))
				require.NotContains(t, w.Header(), "Content-Type")
			}
		})
	}
}

func TestRedirectOfAPrefix(t *testing.T) {
	for _, row := range []struct {
		match                 spec.StringMatch
		to, target            string
		wantEnvoy, wantNative string
	}{
		{spec.Prefix("/foo"), "/bar", "/foo/baz?q=1", "/bar/baz?q=1", "/bar/baz?q=1"},
		{spec.Prefix("/foo"), "/", "/foo/baz", "//baz", "/baz"},
		{spec.Prefix("/foo"), "/bar/", "/foo", "/bar/", "/bar/"},
		{spec.Prefix("/foo"), "/bar", "/foobaz", "/barbaz", "/barbaz"},
		{spec.StringMatch{}, "/bar", "/foo", "/barfoo", "/bar/foo"},
	} {
		for s, want := range map[gateway.Semantics]string{gateway.Envoy: row.wantEnvoy, gateway.Native: row.wantNative} {
			gw, _ := testgateway.Routed(t, s, spec.Route{Match: []spec.Match{{URI: row.match}}, Redirect: &spec.Redirect{PrefixRewrite: row.to}})
			require.Equal(t, "http://a.com"+want, testgateway.Serve(gw, testhttp.Request(t, "GET", row.target)).Header().Get("Location"), "%v %v", s, row)
		}
	}
}

func TestRedirectCodes(t *testing.T) {
	for code, want := range map[int]int{0: 301, 301: 301, 302: 302, 303: 303, 307: 307, 308: 308} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS"} {
			gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{Redirect: &spec.Redirect{URI: "/x", Code: code}})
			require.Equal(t, want, testgateway.Serve(gw, testhttp.Request(t, method, "/")).Code)
		}
	}
}

func TestRedirectPortOfItsServer(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().
		Server(spec.Server{Gateway: "gw", Port: 8080, Hosts: []string{"*"}}).
		Server(spec.Server{Gateway: "gw", Port: 8443, Hosts: []string{"*"}, Protocol: "HTTPS", TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c"}}).
		VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"*"}, Gateways: []string{"gw"}, Routes: []spec.Route{
			{Redirect: &spec.Redirect{URI: "/y", DerivePort: spec.PortDerivationRequestPort}},
		}}))
	require.Equal(t, "http://a.com:8080/y", testgateway.Serve(gw.Listener(8080), testhttp.Request(t, "GET", "/")).Header().Get("Location"))
	require.Equal(t, "https://a.com:8443/y", testgateway.Serve(gw.Listener(8443), testhttp.OverTLS(testhttp.Request(t, "GET", "/"))).Header().Get("Location"))
}

func TestRedirectToHTTPS(t *testing.T) {
	build := func(trusted int) *gateway.Gateway {
		return testgateway.Built(t, gateway.New().TrustedProxies(trusted).
			Server(spec.Server{Gateway: "gw", Port: 80, Hosts: []string{"a.com"}, TLS: &spec.ServerTLS{HTTPSRedirect: true}}).
			VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"*"}, Gateways: []string{"gw"}, Routes: []spec.Route{
				{DirectResponse: &spec.DirectResponse{Status: 200}},
			}}))
	}
	for _, row := range []struct {
		name    string
		trusted int
		method  string
		host    string
		came    []string
		status  int
		want    string
	}{
		{"it wins over every route", 0, "GET", "a.com", nil, 301, "https://a.com/a?b=1"},
		{"for every method", 0, "POST", "a.com", nil, 301, "https://a.com/a?b=1"},
		{"the port is kept", 0, "GET", "a.com:8080", nil, 301, "https://a.com:8080/a?b=1"},
		{"another host", 0, "GET", "b.com", nil, 404, ""},
		{"a stranger's word is not taken", 0, "GET", "a.com", []string{"X-Forwarded-Proto: https"}, 301, "https://a.com/a?b=1"},
		{"a trusted proxy's is", 1, "GET", "a.com", []string{"X-Forwarded-Proto: https"}, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := testhttp.Request(t, row.method, "/a?b=1", row.came...)
			r.Host = row.host
			w := testgateway.Serve(build(row.trusted), r)
			require.Equal(t, row.status, w.Code)
			require.Equal(t, row.want, w.Header().Get("Location"))
			require.Empty(t, w.Body.String())
		})
	}
}

func TestRedirectHasTheRoutesResponseOperations(t *testing.T) {
	gw, _ := testgateway.Routed(t, gateway.Envoy, spec.Route{
		Redirect: &spec.Redirect{URI: "/x"},
		Headers:  spec.Headers{Response: testhttp.Ops{Set: testhttp.Lines{"x-a": "1", "content-type": "text/html"}, Add: testhttp.Lines{"x-b": "%RESP(LOCATION)%"}}, Request: testhttp.Ops{Set: testhttp.Lines{"x-c": "1"}}},
		CORS:     &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://o.com")}},
	})
	r := testhttp.Request(t, "OPTIONS", "/", "Origin: https://o.com", "Access-Control-Request-Method: GET")
	w := testgateway.Serve(gw, r)
	require.Equal(t, 301, w.Code, "CORS has no effect on a redirect")
	require.Equal(t, http.Header{
		"Location": {"http://a.com/x"}, "Content-Length": {"0"}, "Server": {"istio-envoy"}, "X-A": {"1"}, "X-B": {"http://a.com/x"},
	}, w.Header())
}

func TestRedirectOfAGRPCClient(t *testing.T) {
	gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{Redirect: &spec.Redirect{URI: "/x"}})
	w := testgateway.Serve(gw, testhttp.Request(t, "POST", "/", "Content-Type: application/grpc"))
	require.Equal(t, 200, w.Code)
	require.Equal(t, http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"2"}, "Location": {"http://a.com/x"}}, w.Header())
}

// A redirect that keeps the path keeps what is above the gateway, whoever cut it
// off.
func TestRedirectKeepsTheMount(t *testing.T) {
	strip := func(prefix string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler { return http.StripPrefix(prefix, h) }
	}
	mount := func(at string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			router := chi.NewRouter()
			router.Mount(at, h)
			return router
		}
	}
	rewrites := func(to string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				own := r.Clone(r.Context())
				own.URL.Path, own.URL.RawPath = to, ""
				h.ServeHTTP(w, own)
			})
		}
	}
	for _, row := range []struct {
		name, target, want string
		wrap               []func(http.Handler) http.Handler // the outermost first
	}{
		{"nothing", "/x?q=1", "/x?q=1", nil},
		{"StripPrefix", "/api/x?q=1", "/api/x?q=1", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix twice", "/api/v1/x", "/api/v1/x", []func(http.Handler) http.Handler{strip("/api"), strip("/v1")}},
		{"StripPrefix at the mount", "/api?q=1", "/api?q=1", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix at the mount's slash", "/api/?q=1", "/api/?q=1", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix of an escaped path", "/api/a%2Fb%20c", "/api/a%2Fb%20c", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix of an escaped prefix", "/a%20b/x", "/a%20b/x", []func(http.Handler) http.Handler{strip("/a b")}},
		{"StripPrefix of a path to normalize", "/api/a/../x", "/api/x", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix of a path that leaves", "/api/../x", "/api/x", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix of an empty segment", "/api//x", "/api//x", []func(http.Handler) http.Handler{strip("/api")}},
		{"StripPrefix of an absolute target", "http://a.com/api/x", "/api/x", []func(http.Handler) http.Handler{strip("/api")}},
		{"chi", "/api/x?q=1", "/api/x?q=1", []func(http.Handler) http.Handler{mount("/api")}},
		{"chi with a parameter", "/tenants/7/x", "/tenants/7/x", []func(http.Handler) http.Handler{mount("/tenants/{id}")}},
		{"chi at the mount", "/api?q=1", "/api?q=1", []func(http.Handler) http.Handler{mount("/api")}},
		{"chi at the mount's slash", "/api/", "/api/", []func(http.Handler) http.Handler{mount("/api")}},
		{"chi in chi", "/api/v1/x", "/api/v1/x", []func(http.Handler) http.Handler{mount("/api"), mount("/v1")}},
		{"StripPrefix in chi", "/api/x", "/api/x", []func(http.Handler) http.Handler{mount("/api"), strip("/api")}},
		{"chi in StripPrefix", "/outer/api/x", "/outer/api/x", []func(http.Handler) http.Handler{strip("/outer"), mount("/api")}},
		{"another path", "/old", "/new", []func(http.Handler) http.Handler{rewrites("/new")}},
		{"a longer path", "/x", "/api/x", []func(http.Handler) http.Handler{rewrites("/api/x")}},
		{"a path in the middle", "/api/x/y", "/x", []func(http.Handler) http.Handler{rewrites("/x")}},
		{"an end of a segment", "/apix", "/x", []func(http.Handler) http.Handler{rewrites("/x")}},
		{"slashes merged", "//x", "/x", []func(http.Handler) http.Handler{rewrites("/x")}},
		{"slashes merged below", "/api//x", "/x", []func(http.Handler) http.Handler{rewrites("/x")}},
		{"dots taken away", "/a/../x", "/x", []func(http.Handler) http.Handler{rewrites("/x")}},
		{"the path is in the query", "/a?b=/x", "/x?b=/x", []func(http.Handler) http.Handler{rewrites("/x")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			alone, err := gateway.Redirect(spec.Redirect{Scheme: "https"})
			require.NoError(t, err)
			secure := gateway.New().Server(spec.Server{Gateway: "gw", Port: 80, Hosts: []string{"*"}, TLS: &spec.ServerTLS{HTTPSRedirect: true}})
			direct, _ := testgateway.Routed(t, gateway.Native, spec.Route{DirectResponse: &spec.DirectResponse{Status: 303}})
			scheme, _ := testgateway.Routed(t, gateway.Envoy, spec.Route{Redirect: &spec.Redirect{Scheme: "https"}})
			authority, _ := testgateway.Routed(t, gateway.Native, spec.Route{Redirect: &spec.Redirect{Authority: "b.com"}})
			uri, _ := testgateway.Routed(t, gateway.Native, spec.Route{Redirect: &spec.Redirect{URI: "/whole?"}})
			for _, kind := range []struct {
				name    string
				handler http.Handler
				want    string
			}{
				{"a scheme", scheme, "https://a.com" + row.want},
				{"an authority", authority, "http://b.com" + row.want},
				{"httpsRedirect", testgateway.Built(t, secure), "https://a.com" + row.want},
				{"a direct response", direct, "http://a.com" + row.want},
				{"a middleware", alone(http.NotFoundHandler()), "https://a.com" + row.want},
				{"a whole path", uri, "http://a.com/whole?"},
			} {
				if kind.name == "a middleware" && row.name != "StripPrefix" && row.name != "chi" {
					continue // it does not normalize
				}
				h := kind.handler
				for _, wrap := range slices.Backward(row.wrap) {
					h = wrap(h)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, testhttp.Request(t, "GET", row.target))
				require.Equal(t, kind.want, w.Header().Get("Location"), kind.name)
			}
		})
	}
}

// A prefix is replaced below the mount.
func TestRedirectOfAPrefixKeepsTheMount(t *testing.T) {
	gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{
		Match: []spec.Match{{URI: spec.Prefix("/v1")}}, Redirect: &spec.Redirect{PrefixRewrite: "/v2"},
	})
	w := httptest.NewRecorder()
	http.StripPrefix("/api", gw).ServeHTTP(w, testhttp.Request(t, "GET", "/api/v1/x?q=1"))
	require.Equal(t, "http://a.com/api/v2/x?q=1", w.Header().Get("Location"))
}
