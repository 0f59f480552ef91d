package gateway

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A Gateway works in the same positions as its features, as a middleware and as a
// handler.
func TestGatewayInEveryPosition(t *testing.T) {
	for _, p := range standpoints {
		t.Run(p.name, func(t *testing.T) {
			spy, next := new(testhttp.Spy), new(testhttp.Spy)
			gw := built(t, New().Backend("*", spy).
				Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/v2"}, Destinations: []spec.Destination{{Host: "spy"}}}).
				Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/old")}}, Redirect: &spec.Redirect{Scheme: "https"}}).
				Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/created")}}, DirectResponse: &spec.DirectResponse{Status: 201}}))

			handler := p.place(gw.Middleware, next)
			require.Equal(t, 200, serve(outer(t, handler), testhttp.Request(t, "GET", p.mount+"/products/a%2Fb?x=1")).Code)
			require.Equal(t, "/v2/a%2Fb?x=1", spy.Got.RequestURI, "the backend gets the path that was decided on")
			require.Equal(t, "/v2/a%2Fb", spy.Got.URL.EscapedPath())
			require.Nil(t, next.Got)

			require.Equal(t, "https://a.com"+p.mount+"/old/x?q=1", serve(handler, testhttp.Request(t, "GET", p.mount+"/old/x?q=1")).Header().Get("Location"))
			require.Equal(t, "http://a.com"+p.mount+"/created/x", serve(handler, testhttp.Request(t, "GET", p.mount+"/created/x")).Header().Get("Location"))

			require.Equal(t, 200, serve(outer(t, handler), testhttp.Request(t, "GET", p.mount+"/other/1")).Code)
			require.Equal(t, p.mount+"/other/1", next.Got.URL.Path, "as it came")

			alone := p.place(func(http.Handler) http.Handler { return gw }, next)
			require.Equal(t, 404, serve(alone, testhttp.Request(t, "GET", p.mount+"/other/1")).Code)
		})
	}
}

// Backends route by the request that they receive, whatever routers are in front.
func TestRoutersAsBackends(t *testing.T) {
	item := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.PathValue("id") + " " + r.URL.EscapedPath()))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", item)
	flat := chi.NewRouter()
	flat.Get("/items/{id}", item)
	mounted, items := chi.NewRouter(), chi.NewRouter()
	items.Get("/{id}", item)
	mounted.Mount("/items", items)
	for name, backend := range map[string]http.Handler{"ServeMux": mux, "chi": flat, "chi with a mount": mounted} {
		for _, p := range standpoints {
			t.Run(name+", "+p.name, func(t *testing.T) {
				for action, r := range map[string]spec.Route{
					"plain":   {},
					"timeout": {Timeout: time.Minute},
					"retried": {Retry: &spec.Retry{Attempts: 3, On: []string{"5xx"}, Backoff: time.Millisecond}},
				} {
					var calls int
					r.Match, r.Rewrite, r.Destinations = []spec.Match{{URI: spec.Prefix("/products")}}, &spec.Rewrite{URI: "/items"}, []spec.Destination{{Host: "items"}}
					gw := built(t, New().Random(func() uint64 { return 0 }).Route(r).Backend("items", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						calls++
						if calls < 3 && action == "retried" {
							backend.ServeHTTP(testhttp.NewDiscarding(), r)
							w.WriteHeader(503)
							return
						}
						backend.ServeHTTP(w, r)
					})))
					w := serve(p.place(gw.Middleware, http.NotFoundHandler()), testhttp.Request(t, "GET", p.mount+"/products/7"))
					require.Equal(t, 200, w.Code, action)
					require.Equal(t, "7 /items/7", w.Body.String(), action)
					if action == "retried" {
						require.Equal(t, 3, calls)
					}
				}
			})
		}
	}
}

// Mirrors run at the same time as the destination: their routers share no state
// with it.
func TestRouterAsAMirror(t *testing.T) {
	for _, p := range standpoints {
		t.Run(p.name, func(t *testing.T) {
			var mu sync.Mutex
			var seen []string
			var all sync.WaitGroup
			router := chi.NewRouter()
			router.Route("/items", func(r chi.Router) {
				r.Get("/{id}", func(_ http.ResponseWriter, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, chi.URLParam(r, "id"))
					all.Done()
				})
			})
			all.Add(4)
			gw := built(t, New().Backend("*", router).Route(spec.Route{
				Match: []spec.Match{{URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/items"}, Destinations: []spec.Destination{{Host: "items"}},
				Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "m1"}}, {Destination: spec.Destination{Host: "m2"}}, {Destination: spec.Destination{Host: "m3"}}},
			}))
			require.Equal(t, 200, serve(p.place(gw.Middleware, http.NotFoundHandler()), testhttp.Request(t, "GET", p.mount+"/products/7")).Code)
			all.Wait()
			require.Equal(t, []string{"7", "7", "7", "7"}, seen)
		})
	}
}

// Parameters of a router in front can be read behind a gateway.
func TestParametersOfTheRouterInFront(t *testing.T) {
	var tenant string
	gw := built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "spy"}}}).Backend("spy", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		tenant = chi.URLParam(r, "tenant")
	})))
	router := chi.NewRouter()
	router.Route("/tenants/{tenant}", func(r chi.Router) { r.Mount("/", gw) })
	serve(router, testhttp.Request(t, "GET", "/tenants/acme/x"))
	require.Equal(t, "acme", tenant)
}

func TestZeroGateway(t *testing.T) {
	var gw Gateway
	require.Equal(t, 404, serve(&gw, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 404, serve(gw.Listener(80), testhttp.Request(t, "GET", "/")).Code)
	next := new(testhttp.Spy)
	serve(gw.Middleware(next), testhttp.Request(t, "GET", "/"))
	require.NotNil(t, next.Got)
	d := gw.Decide(testhttp.Request(t, "GET", "/"))
	require.Equal(t, Decision{Kind: DecisionNoServer, Reason: "no listener", Status: 404, Path: "/", Header: http.Header{}}, d)
	require.Empty(t, gw.Warnings())
	require.NoError(t, gw.Close())
}
