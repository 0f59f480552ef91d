// Embed declares a gateway in Go: no YAML, no cluster.
//
//	go run ./examples/embed
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8082", "`address` to listen on")
	flag.Parse()
	gw, err := newGateway()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%[1]s\ntry: curl http://%[1]s/reviews/7\n", listener.Addr())
	log.Fatal(http.Serve(listener, gw))
}

// newGateway declares three routes. A request is taken by the first that
// matches, so the more particular ones come first.
func newGateway() (*gateway.Gateway, error) {
	return gateway.New().
		// Requests of testers go to the new version, all of them.
		Route(spec.Route{
			Name: "testers",
			Match: []spec.Match{{
				URI:     spec.Prefix("/reviews"),
				Headers: map[string]spec.StringMatch{"X-Tester": spec.Exact("yes")},
			}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Destinations: []spec.Destination{{Host: "reviews-v2"}},
		}).
		// Of everybody else's, one in ten. The backends see /reviews/7 as /7.
		Route(spec.Route{
			Name:    "reviews",
			Match:   []spec.Match{{URI: spec.Prefix("/reviews")}},
			Rewrite: &spec.Rewrite{URI: "/"},
			Headers: spec.Headers{
				Request: spec.HeaderOperations{
					Set:    map[string]string{"X-Route": "reviews"},
					Remove: []string{"Cookie"},
				},
				Response: spec.HeaderOperations{
					Add: map[string]string{"Cache-Control": "no-store"},
				},
			},
			Destinations: []spec.Destination{
				{Host: "reviews", Weight: 90},
				{Host: "reviews-v2", Weight: 10},
			},
		}).
		// Each client may try to log in five times a minute.
		Route(spec.Route{
			Name: "login",
			Match: []spec.Match{{
				URI:    spec.Exact("/login"),
				Method: spec.Exact(http.MethodPost),
			}},
			RateLimits: []spec.RateLimit{{
				Requests: 5,
				Unit:     time.Minute,
				Per:      []spec.LimitKey{{RemoteAddress: true}},
			}},
			Destinations: []spec.Destination{{Host: "accounts"}},
		}).
		// Destinations are names. This is what stands behind them; a server
		// somewhere else would be BackendURL("reviews", "http://10.0.0.7:8080").
		Backend("reviews", service("reviews v1")).
		Backend("reviews-v2", service("reviews v2")).
		Backend("accounts", service("accounts")).
		Build()
}

// service is any handler of yours.
func service(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s: %s %s\n", name, r.Method, r.URL.RequestURI())
	})
}
