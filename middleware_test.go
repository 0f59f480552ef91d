package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

type wrapper = func(http.Handler) http.Handler

// A standpoint is the position of a middleware in a program.
type standpoint struct {
	name string
	// mount is the path above the paths that the middleware sees.
	mount string
	// place returns a handler with mw around inner.
	place func(mw wrapper, inner http.Handler) http.Handler
}

var standpoints = []standpoint{
	{"bare", "", func(mw wrapper, inner http.Handler) http.Handler { return mw(inner) }},
	{"under a ServeMux", "", func(mw wrapper, inner http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", mw(inner))
		return mux
	}},
	{"under a ServeMux's pattern", "", func(mw wrapper, inner http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /{first}/", mw(inner))
		mux.Handle("OPTIONS /{first}/", mw(inner))
		return mux
	}},
	{"in a chi router", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Handle("/*", mw(inner))
		return router
	}},
	{"in a chi router's With", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.With(mw).Handle("/{first}/*", inner)
		return router
	}},
	{"mounted in a chi router at its root", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Mount("/", mw(inner))
		return router
	}},
	{"mounted in a chi router", "/api", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Mount("/api", mw(inner))
		return router
	}},
	{"in a chi router's Route", "/api/v1", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Route("/api", func(r chi.Router) {
			r.Route("/v1", func(r chi.Router) { r.Handle("/*", mw(inner)) })
		})
		return router
	}},
	{"as chi's Use in a mounted router", "/api", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Route("/api", func(r chi.Router) {
			r.Use(mw)
			r.Handle("/*", inner)
		})
		return router
	}},
	{"as chi's Use", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Use(mw)
		router.Handle("/*", inner)
		return router
	}},
	{"as chi's Use behind a context with a nil state", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Use(mw)
		router.Handle("/*", inner)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			router.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, (*chi.Context)(nil))))
		})
	}},
	{"behind a StripPrefix in a chi mount", "", func(mw wrapper, inner http.Handler) http.Handler {
		router := chi.NewRouter()
		router.Mount("/api", http.StripPrefix("/api", mw(inner)))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			to := r.Clone(r.Context())
			to.URL.Path = "/api" + to.URL.Path
			if to.URL.RawPath != "" {
				to.URL.RawPath = "/api" + to.URL.RawPath
			}
			router.ServeHTTP(w, to)
		})
	}},
}

// An outer is a middleware in front that checks whether the request is unchanged
// when it returns.
func outer(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		url, header, host, target := *r.URL, r.Header.Clone(), r.Host, r.RequestURI
		next.ServeHTTP(w, r)
		require.Equal(t, url, *r.URL)
		require.Equal(t, header, r.Header)
		require.Equal(t, host, r.Host)
		require.Equal(t, target, r.RequestURI)
	})
}

func wrapping(t *testing.T) func(wrapper, error) wrapper {
	return func(mw wrapper, err error) wrapper {
		t.Helper()
		require.NoError(t, err)
		return mw
	}
}

func TestFeaturesAlone(t *testing.T) {
	must := wrapping(t)
	for _, p := range standpoints {
		t.Run(p.name, func(t *testing.T) {
			inner := new(testhttp.Spy)
			get := func(mw wrapper, target string, headers ...string) *httptest.ResponseRecorder {
				*inner = testhttp.Spy{Answer: inner.Answer, Then: inner.Then}
				return serve(outer(t, p.place(mw, inner)), testhttp.Request(t, "GET", p.mount+target, headers...))
			}

			t.Run("match", func(t *testing.T) {
				matched := new(testhttp.Spy)
				mw := must(Match(spec.Match{URI: spec.Prefix("/products"), Headers: map[string]spec.StringMatch{"x-tier": spec.Exact("gold")}}, matched))
				get(mw, "/products/1", "X-Tier: gold")
				require.Nil(t, inner.Got)
				require.Equal(t, p.mount+"/products/1", matched.Got.RequestURI[len(matched.Got.RequestURI)-len(p.mount+"/products/1"):])
				*matched = testhttp.Spy{}
				get(mw, "/products/1")
				require.Nil(t, matched.Got)
				require.NotNil(t, inner.Got)
				get(mw, "/other/1", "X-Tier: gold")
				require.Nil(t, matched.Got)
				require.NotNil(t, inner.Got)
			})
			t.Run("rewrite", func(t *testing.T) {
				mw := must(Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/v2", Authority: "b.com"}}))
				get(mw, "/products/a%2Fb?x=1")
				require.Equal(t, p.mount+"/v2/a%2Fb", inner.Got.URL.EscapedPath())
				require.Equal(t, p.mount+"/v2/a/b", inner.Got.URL.Path)
				require.Equal(t, p.mount+"/v2/a%2Fb?x=1", inner.Got.RequestURI)
				require.Equal(t, "b.com", inner.Got.Host)
				get(mw, "/other/1")
				require.Equal(t, p.mount+"/other/1", inner.Got.URL.Path)
				require.Equal(t, "a.com", inner.Got.Host)
			})
			t.Run("headers", func(t *testing.T) {
				mw := must(Headers(spec.Headers{
					Request:  spec.HeaderOperations{Set: map[string]string{"x-path": "%REQ(:PATH)%", "host": "b.com"}, Remove: []string{"x-gone"}},
					Response: spec.HeaderOperations{Set: map[string]string{"x-a": "%RESPONSE_CODE%"}},
				}))
				inner.Then = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }
				defer func() { inner.Then = nil }()
				w := get(mw, "/products/1?x=1", "X-Gone: 1", "X-Request-Id: mine", "X-Forwarded-For: 1.2.3.4")
				require.Equal(t, "202", w.Header().Get("X-A"))
				require.Equal(t, http.Header{"X-Path": {"/products/1?x=1"}, "X-Request-Id": {"mine"}, "X-Forwarded-For": {"1.2.3.4"}}, inner.Got.Header)
				require.Equal(t, "b.com", inner.Got.Host)
				require.Equal(t, p.mount+"/products/1", inner.Got.URL.Path)
			})
			t.Run("split", func(t *testing.T) {
				other := new(testhttp.Spy)
				mw := must(Split([]spec.Destination{{Weight: 0}, {Host: "other", Weight: 1}}, map[string]http.Handler{"other": other}))
				get(mw, "/products/1")
				require.Nil(t, inner.Got)
				require.NotNil(t, other.Got)
				*other = testhttp.Spy{}
				mw = must(Split([]spec.Destination{{Weight: 1}, {Host: "other"}}, map[string]http.Handler{"other": other}))
				get(mw, "/products/1")
				require.Nil(t, other.Got)
				require.NotNil(t, inner.Got)
			})
			t.Run("rate limit", func(t *testing.T) {
				mw := must(RateLimit(spec.RateLimit{Requests: 1, Unit: time.Hour, When: &spec.Match{URI: spec.Prefix("/products")}}))
				handler := p.place(mw, inner)
				require.Equal(t, 200, serve(handler, testhttp.Request(t, "GET", p.mount+"/products/1")).Code)
				w := serve(handler, testhttp.Request(t, "GET", p.mount+"/products/1"))
				require.Equal(t, 429, w.Code)
				require.Equal(t, "3600", w.Header().Get("Retry-After"))
				require.Equal(t, 200, serve(handler, testhttp.Request(t, "GET", p.mount+"/other/1")).Code)
			})
			t.Run("redirect", func(t *testing.T) {
				location := func(d spec.Redirect) string {
					return get(must(Redirect(d)), "/products/1?x=1").Header().Get("Location")
				}
				mount := p.mount
				require.Equal(t, "https://a.com"+mount+"/products/1?x=1", location(spec.Redirect{Scheme: "https"}))
				require.Equal(t, "http://a.com/new?x=1", location(spec.Redirect{URI: "/new"}))
				require.Equal(t, "http://a.com"+mount+"/v2/products/1?x=1", location(spec.Redirect{PrefixRewrite: "/v2"}))
				require.Nil(t, inner.Got)
			})
			t.Run("direct response", func(t *testing.T) {
				w := get(must(DirectResponse(spec.DirectResponse{Status: 418, Body: []byte("teapot")})), "/products/1")
				require.Equal(t, 418, w.Code)
				require.Equal(t, "teapot", w.Body.String())
				require.Nil(t, inner.Got)
			})
			t.Run("fault", func(t *testing.T) {
				w := get(must(Fault(spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 503, Percent: 100}})), "/products/1")
				require.Equal(t, 503, w.Code)
				require.Equal(t, "fault filter abort", w.Body.String())
				require.Nil(t, inner.Got)
			})
			t.Run("CORS", func(t *testing.T) {
				mw := must(CORS(spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://o.com")}}))
				w := get(mw, "/products/1", "Origin: https://o.com")
				require.Equal(t, "https://o.com", w.Header().Get("Access-Control-Allow-Origin"))
				require.NotNil(t, inner.Got)
				*inner = testhttp.Spy{}
				w = serve(p.place(mw, inner), testhttp.Request(t, "OPTIONS", p.mount+"/products/1", "Origin: https://o.com", "Access-Control-Request-Method: PUT"))
				require.Equal(t, 200, w.Code)
				require.Nil(t, inner.Got)
			})
			t.Run("zero values", func(t *testing.T) {
				for name, mw := range map[string]wrapper{
					"rewrite": must(Rewrite(spec.Rewrite{})), "headers": must(Headers(spec.Headers{})),
					"cors": must(CORS(spec.CORS{})), "split": must(Split([]spec.Destination{{}}, nil)),
				} {
					w := get(mw, "/products/%2F/1?x=1", "X-Envoy-Retry-On: 5xx", "Connection: X-Hop", "X-Hop: 1", "Te: gzip")
					require.Equal(t, 200, w.Code, name)
					require.Empty(t, w.Header(), name)
					require.Equal(t, p.mount+"/products/%2F/1", inner.Got.URL.EscapedPath(), name)
					require.Equal(t, "x=1", inner.Got.URL.RawQuery, name)
					require.Equal(t, http.Header{"X-Envoy-Retry-On": {"5xx"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "Te": {"gzip"}}, inner.Got.Header, name)
				}
				w := get(must(Match(spec.Match{}, http.NotFoundHandler())), "/products/1")
				require.Equal(t, 404, w.Code, "the zero Match takes every request")
			})
		})
	}
}

// Behind a rewrite every mux routes by the new path.
func TestRewriteInFrontOfRouters(t *testing.T) {
	must := wrapping(t)
	routers := map[string]http.Handler{}
	answer := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("item " + r.PathValue("id"))) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", answer)
	routers["ServeMux"] = mux
	flat := chi.NewRouter()
	flat.Get("/items/{id}", answer)
	routers["chi"] = flat
	mounted := chi.NewRouter()
	items := chi.NewRouter()
	items.Get("/{id}", answer)
	mounted.Mount("/items", items)
	routers["chi with a mount"] = mounted
	for name, router := range routers {
		for _, p := range standpoints {
			if p.mount != "" && name == "ServeMux" {
				continue // it routes by the URL, which includes the mount
			}
			t.Run(name+" "+p.name, func(t *testing.T) {
				mw := must(Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/items"}}))
				w := serve(outer(t, p.place(mw, router)), testhttp.Request(t, "GET", p.mount+"/products/7"))
				require.Equal(t, 200, w.Code)
				require.Equal(t, "item 7", w.Body.String())
				require.Equal(t, 404, serve(p.place(mw, router), testhttp.Request(t, "GET", p.mount+"/products/7/8")).Code)
			})
		}
	}
}

// A router in front still learns which pattern was matched, which metrics need.
func TestRewriteTellsTheRouterInFront(t *testing.T) {
	mw, err := Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/items"}})
	require.NoError(t, err)
	var pattern, id string
	router := chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			rctx := chi.RouteContext(r.Context())
			pattern, id = rctx.RoutePattern(), rctx.URLParam("id")
		})
	}, mw)
	router.Get("/items/{id}", func(http.ResponseWriter, *http.Request) {})
	require.Equal(t, 200, serve(router, testhttp.Request(t, "GET", "/products/7")).Code)
	require.Equal(t, "/items/{id}", pattern)
	require.Equal(t, "7", id)
}

// A middleware calls the handler once, whatever its answer is.
func TestFeaturesAloneTryOnce(t *testing.T) {
	calls := 0
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Grpc-Status", "14")
	})
	mw, err := Headers(spec.Headers{})
	require.NoError(t, err)
	serve(mw(next), testhttp.Request(t, "POST", "/", "Content-Type: application/grpc"))
	require.Equal(t, 1, calls)
}

func TestMatchAloneSeesTheClientsHeaders(t *testing.T) {
	matched, next := new(testhttp.Spy), new(testhttp.Spy)
	mw, err := Match(spec.Match{Headers: map[string]spec.StringMatch{
		"x-request-id": spec.Exact("mine"), "x-forwarded-proto": spec.Exact("https"), "x-envoy-retry-on": {},
	}}, matched)
	require.NoError(t, err)
	serve(mw(next), testhttp.Request(t, "GET", "/", "X-Request-Id: mine", "X-Forwarded-Proto: https", "X-Envoy-Retry-On: 5xx"))
	require.NotNil(t, matched.Got)
	require.Nil(t, next.Got)
	serve(mw(next), testhttp.Request(t, "GET", "/"))
	require.NotNil(t, next.Got)
}

func TestInvalidFeaturesAlone(t *testing.T) {
	errorOf := func(_ wrapper, err error) error { return err }
	for _, row := range []struct {
		err  error
		want string
	}{
		{errorOf(Match(spec.Match{URI: spec.Regex("(")}, http.NotFoundHandler())), `Match[0].URI.Value: "(" is not a valid RE2 expression: missing closing ): "("`},
		{errorOf(Match(spec.Match{}, nil)), "Match: the handler for matching requests is nil"},
		{errorOf(Match(spec.Match{Port: 80}, http.NotFoundHandler())), "Match.Port: a condition on the server or the workload needs a Gateway"},
		{errorOf(Match(spec.Match{Gateways: []string{"g"}}, http.NotFoundHandler())), "Match.Gateways: a condition on the server or the workload needs a Gateway"},
		{errorOf(Rewrite(spec.Rewrite{URI: "/a", URIRegex: &spec.RegexRewrite{Match: "a", Rewrite: "b"}})), "Rewrite"},
		{errorOf(Route(spec.Route{Match: []spec.Match{{URI: spec.Regex("(")}}, Rewrite: &spec.Rewrite{URI: "/a"}})), "Match[0].URI.Value"},
		{errorOf(Headers(spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-a": "100%"}}})), `Headers.Request.Set["x-a"]`},
		{errorOf(Headers(spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"x-a": "%PROTOCL%"}}})), `there is no operator %PROTOCL%; did you mean "PROTOCOL"?`},
		{errorOf(Split([]spec.Destination{}, nil)), "Destinations: there is no destination"},
		{errorOf(Split([]spec.Destination{{Host: "nowhere"}}, nil)), `Destinations[0].Host: no backend is registered for "nowhere"`},
		{errorOf(Split([]spec.Destination{{}, {Weight: -1}}, nil)), "Destinations[1].Weight"},
		{errorOf(Split([]spec.Destination{{}, {}}, nil)), "Destinations"},
		{errorOf(Split([]spec.Destination{{Host: "a"}}, map[string]http.Handler{"a": nil})), `backend "a": the handler is nil`},
		{errorOf(Split([]spec.Destination{{}}, map[string]http.Handler{"a:x": http.NotFoundHandler()})), `backend "a:x": "x" is not a port`},
		{errorOf(RateLimit(spec.RateLimit{})), "RateLimits[0]"},
		{errorOf(RateLimit(spec.RateLimit{Requests: 1, Unit: time.Second, Provider: "redis"})), "RateLimits[0].Provider: a limit with a provider needs a Gateway"},
		{errorOf(Redirect(spec.Redirect{Code: 200})), "Redirect.Code"},
		{errorOf(DirectResponse(spec.DirectResponse{Status: 42})), "DirectResponse.Status"},
		{errorOf(Fault(spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 99, Percent: 1}})), "Fault.Abort.HTTPStatus"},
		{errorOf(Fault(spec.Fault{})), "Fault: the fault does nothing"},
		{errorOf(CORS(spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex("(")}})), "CORS.AllowOrigins[0]"},
	} {
		require.Error(t, row.err, row.want)
		require.Contains(t, row.err.Error(), row.want)
		require.Regexp(t, `^middleware_test\.go:\d+: Middleware: `, row.err.Error())
		var one *spec.Error
		require.ErrorAs(t, row.err, &one)
		require.Positive(t, one.Line)
	}
}
