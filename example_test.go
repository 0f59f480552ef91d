package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// get returns the answer of a handler.
func get(h http.Handler, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w
}

// Routes are declared in Go, and served by handlers in the same process or at
// URLs.
func Example() {
	reviews := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "reviews got %s\n", r.URL)
	})

	gw, err := gateway.New().
		Route(spec.Route{
			Match:   []spec.Match{{URI: spec.Prefix("/reviews")}},
			Rewrite: &spec.Rewrite{URI: "/"},
			Headers: spec.Headers{
				Response: spec.HeaderOperations{Set: map[string]string{"Cache-Control": "no-store"}},
			},
			Destinations: []spec.Destination{{Host: "reviews", Weight: 90}, {Host: "reviews-v2", Weight: 10}},
		}).
		Backend("reviews", reviews).
		Backend("reviews-v2", reviews). // or BackendURL("reviews-v2", "http://10.0.0.7:8080")
		Build()
	if err != nil {
		fmt.Println(err) // every problem at once, each with its file and line
		return
	}
	defer gw.Close()

	// A Gateway is an http.Handler: http.ListenAndServe("127.0.0.1:8080", gw.InPlace()).
	fmt.Print(get(gw, "/reviews/7?stars=5").Body)
	fmt.Println(get(gw, "/other").Code)
	// Output:
	// reviews got /7?stars=5
	// 404
}

// Directly under net/http's server, a gateway may change the requests in place.
func ExampleGateway_InPlace() {
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the shop got", r.URL, "from", r.Header.Get("X-Forwarded-For"))
	})
	gw, err := gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/shop")}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Destinations: []spec.Destination{{Host: "shop"}},
		}).
		Backend("shop", shop).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	server := httptest.NewServer(gw.InPlace()) // or http.ListenAndServe("127.0.0.1:8080", gw.InPlace())
	defer server.Close()
	response, err := http.Get(server.URL + "/shop/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(body))
	// Output:
	// the shop got /7 from 127.0.0.1
}

// Unmatched requests go to the handler that was there before.
func ExampleGateway_Middleware() {
	mux := http.NewServeMux() // or a chi router
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the application")
	})
	catalog := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the catalog")
	})

	gw, err := gateway.New().
		Route(spec.Route{
			Match: []spec.Match{{
				URI:     spec.Prefix("/products/"),
				Headers: map[string]spec.StringMatch{"X-Tester": spec.Exact("yes")},
			}},
			Destinations: []spec.Destination{{Host: "catalog"}},
		}).
		Backend("catalog", catalog).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := gw.Middleware(mux) // inside of a chi router: router.Use(gw.Middleware)

	r := httptest.NewRequest(http.MethodGet, "/products/7", nil)
	r.Header.Set("X-Tester", "yes")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Print(w.Body)
	fmt.Print(get(handler, "/products/7").Body)
	// Output:
	// the catalog
	// the application
}

// A feature of a route also works alone, around any handler.
func ExampleRateLimit() {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello")
	})

	limit := spec.RateLimit{
		Requests: 2,
		Unit:     time.Minute,
		Per:      []spec.LimitKey{{RemoteAddress: true}},
	}
	limited, err := gateway.RateLimit(limit)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := limited(api)

	for range 3 {
		w := get(handler, "/")
		fmt.Println(w.Code, w.Header()["Retry-After"] != nil)
	}
	// Output:
	// 200 false
	// 200 false
	// 429 true
}

// A gateway loads the same file as a cluster, with handlers behind its
// destinations.
func ExampleBuilder_Load() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello got %s\n", r.URL)
	})

	gw, err := gateway.New().
		Load(istio.Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: hello}
spec:
  hosts: ["*"]
  http:
  - match: [{uri: {prefix: /greetings}}]
    rewrite: {uri: /}
    route: [{destination: {host: hello}}]
`)).
		Backend("hello", hello).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Print(get(gw, "/greetings/world").Body)
	// Output: hello got /world
}

// A replacement that does not build changes nothing.
func ExampleGateway_Replace() {
	version := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, name) })
	}
	describe := func(host string) *gateway.Builder {
		return gateway.New().
			Route(spec.Route{Destinations: []spec.Destination{{Host: host}}}).
			Backend("v1", version("one")).
			Backend("v2", version("two"))
	}

	gw, err := describe("v1").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	fmt.Print(get(gw, "/").Body)

	if err := gw.Replace(describe("v2")); err != nil {
		fmt.Println("still serving the one before:", err)
	}
	fmt.Print(get(gw, "/").Body)

	if err := gw.Replace(describe("")); err != nil {
		fmt.Println("still serving the one before")
	}
	fmt.Print(get(gw, "/").Body)
	// Output:
	// one
	// two
	// still serving the one before
	// two
}

// A decision describes what a request would get, without serving it.
func ExampleGateway_Decide() {
	gw, err := gateway.New().
		Route(spec.Route{
			Name:         "reviews",
			Match:        []spec.Match{{URI: spec.Prefix("/reviews")}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Destinations: []spec.Destination{{Host: "reviews", Weight: 90}, {Host: "reviews-v2", Weight: 10}},
		}).
		Backend("*", http.NotFoundHandler()).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}

	d := gw.Decide(httptest.NewRequest(http.MethodGet, "/reviews/7?stars=5", nil))
	fmt.Println(d.Kind, d.Route.Name)
	for _, to := range d.Destinations {
		host, _, _ := strings.Cut(to.Host, ".")
		fmt.Printf("%d/%d %s gets %s\n", to.Weight, to.Total, host, to.Path)
	}
	d = gw.Decide(httptest.NewRequest(http.MethodGet, "/other", nil))
	fmt.Println(d.Kind, d.Reason)
	// Output:
	// forward reviews
	// 90/100 reviews gets /7?stars=5
	// 10/100 reviews-v2 gets /7?stars=5
	// notFound no route
}

// Package server opens the ports that Gateways declare.
func Example_ports() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello got %s\n", r.URL)
	})

	gw, err := gateway.New().
		Load(istio.Files("examples/product/product.yaml")).
		Backend("*", hello).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}

	resp, err := http.Get("http://" + s.Addr(80).String() + "/products/7")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.Copy(os.Stdout, resp.Body)
	resp.Body.Close()

	// Requests have this long to finish.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(s.Shutdown(ctx), gw.Close()); err != nil {
		fmt.Println(err)
	}
	// Output: hello got /7
}

// What is declared in Go becomes Istio's resources, for a cluster.
func ExampleBuilder_Declare() {
	b := gateway.New().
		Server(spec.Server{Gateway: "edge", Port: 80, Hosts: []string{"*"}}).
		Route(spec.Route{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart/")}}, Destinations: []spec.Destination{{Host: "cart"}}})
	declared, err := b.Declare()
	if err != nil {
		log.Fatal(err)
	}
	warnings, err := istio.Write(os.Stdout, &declared, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(warnings), "warning:", warnings[0].Problem)
	// Output:
	// apiVersion: networking.istio.io/v1
	// kind: Gateway
	// metadata:
	//   name: edge
	//   namespace: default
	// spec:
	//   servers:
	//   - port:
	//       number: 80
	//       protocol: HTTP
	//       name: http-80
	//     hosts:
	//     - "*"
	// ---
	// # metadata.name: the VirtualService had no name
	// apiVersion: networking.istio.io/v1
	// kind: VirtualService
	// metadata:
	//   name: routes
	//   namespace: default
	// spec:
	//   hosts:
	//   - "*"
	//   gateways:
	//   - edge
	//   http:
	//   - name: cart
	//     match:
	//     - uri:
	//         prefix: /cart/
	//     route:
	//     - destination:
	//         host: cart
	// 1 warning: the VirtualService had no name
}
