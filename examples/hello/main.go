// Hello is a small gateway: two routes, and two handlers behind them.
//
//	go run ./examples/hello
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func newGateway() (*gateway.Gateway, error) {
	return gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/reviews")}},
			Rewrite:      &spec.Rewrite{URI: "/"}, // the backend gets /7 for /reviews/7
			Timeout:      5 * time.Second,
			Destinations: []spec.Destination{{Host: "reviews", Weight: 90}, {Host: "reviews-v2", Weight: 10}},
		}).
		Route(spec.Route{
			Match:    []spec.Match{{URI: spec.Exact("/")}},
			Redirect: &spec.Redirect{URI: "/reviews", Code: http.StatusFound},
		}).
		Backend("reviews", service("v1")). // or BackendURL("reviews", "http://10.0.0.7:8080")
		Backend("reviews-v2", service("v2")).
		Build()
}

// service is any http.Handler.
func service(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, version, "got", r.URL)
	})
}

func main() {
	gw, err := newGateway()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", gw.InPlace()))
}
