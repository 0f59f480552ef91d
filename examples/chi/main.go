// Chi puts a gateway around an application that routes with chi: some paths get
// a gateway's treatment, the others stay as they are.
//
//	go run ./examples/chi
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "`address` to listen on")
	flag.Parse()
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%[1]s\ntry: curl 'http://%[1]s/products/7?catalog=new'\n", listener.Addr())
	log.Fatal(http.Serve(listener, handler))
}

// newApplication is the mux that is there already.
func newApplication() http.Handler {
	mux := chi.NewRouter()
	mux.Get("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "home")
	})
	mux.Get("/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "product %s\n", chi.URLParam(r, "id"))
	})
	return mux
}

// newCatalog is what will replace the application's products: a chi mux too,
// which knows nothing of the path at which the gateway exposes it.
func newCatalog() http.Handler {
	mux := chi.NewRouter()
	mux.Get("/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "product %s, out of the catalog\n", chi.URLParam(r, "id"))
	})
	return mux
}

// newHandler sends those who ask for it to the catalog.
func newHandler() (http.Handler, error) {
	gw, err := gateway.New().
		Route(spec.Route{
			Match: []spec.Match{{
				URI:         spec.Prefix("/products/"),
				QueryParams: map[string]spec.StringMatch{"catalog": spec.Exact("new")},
			}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Destinations: []spec.Destination{{Host: "catalog"}},
		}).
		Backend("catalog", newCatalog()).
		Build()
	if err != nil {
		return nil, err
	}
	// Unmatched requests reach the application unchanged. Inside of a chi mux, use
	// mux.Use(gw.Middleware).
	return gw.Middleware(newApplication()), nil
}
