package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A match sends some requests to another handler.
func ExampleMatch() {
	beta := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "beta") })
	stable := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "stable") })

	toBeta, err := gateway.Match(spec.Match{
		URI:     spec.Prefix("/products"),
		Headers: map[string]spec.StringMatch{"X-Tester": spec.Exact("yes")},
	}, beta)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := toBeta(stable)

	r := httptest.NewRequest(http.MethodGet, "/products/7", nil)
	r.Header.Set("X-Tester", "yes")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Print(w.Body)
	fmt.Print(get(handler, "/products/7").Body)
	// Output:
	// beta
	// stable
}

// A chi router behind a rewrite, or around it, routes by the rewritten path.
func ExampleRoute() {
	strip, err := gateway.Route(spec.Route{
		Match:   []spec.Match{{URI: spec.Prefix("/shop")}},
		Rewrite: &spec.Rewrite{URI: "/"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	router := chi.NewRouter()
	router.Use(strip)
	router.Get("/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "product", chi.URLParam(r, "id"), "at", r.URL)
	})

	fmt.Print(get(router, "/shop/products/7?stars=5").Body)
	// Output: product 7 at /products/7?stars=5
}

// Operations on a response are applied when the handler sends its header, in any
// way.
func ExampleHeaders() {
	withHeaders, err := gateway.Headers(spec.Headers{
		Request:  spec.HeaderOperations{Set: map[string]string{"X-Original": "%REQ(:METHOD)% %REQ(:PATH)%"}},
		Response: spec.HeaderOperations{Set: map[string]string{"Cache-Control": "no-store"}, Remove: []string{"X-Powered-By"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := withHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Powered-By", "magic")
		fmt.Fprintln(w, r.Header.Get("X-Original"))
	}))

	w := get(handler, "/products?sort=price")
	fmt.Print(w.Body)
	fmt.Println(w.Header()["Cache-Control"], w.Header()["X-Powered-By"])
	// Output:
	// GET /products?sort=price
	// [no-store] []
}

// A split gives each backend its share. The destination without a host is the
// wrapped handler.
func ExampleSplit() {
	version := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name) })
	}
	canary, err := gateway.Split([]spec.Destination{
		{Weight: 90},
		{Host: "products", Subset: "v2", Weight: 10},
	}, map[string]http.Handler{"products/v2": version("v2")})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := canary(version("v1"))

	got := map[string]int{}
	for range 10_000 {
		got[get(handler, "/").Body.String()]++
	}
	fmt.Println("v2 gets about a tenth:", got["v2"] > 800 && got["v2"] < 1200)
	// Output: v2 gets about a tenth: true
}

// A feature that cannot work returns an error, and never panics. Check the error.
func ExampleRewrite_invalid() {
	_, err := gateway.Rewrite(spec.Rewrite{
		URIRegex: &spec.RegexRewrite{Match: "/products/(.*", Rewrite: `/\1`},
	})
	var problem *spec.Error
	if errors.As(err, &problem) {
		fmt.Println(problem.Field)
		fmt.Println(problem.Problem)
	}
	// Output:
	// Rewrite.URIRegex.Match
	// "/products/(.*" is not a valid RE2 expression: missing closing ): "/products/(.*"
}
