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
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	gw, err := newGateway()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, gw))
}

// newGateway declares three routes. A request is taken by the first that
// matches, so the more particular ones come first.
func newGateway() (*gateway.Gateway, error) {
	return gateway.New().
		// Requests of testers go to the new version, all of them.
		Route(gateway.Route{
			Name: "testers",
			Match: []gateway.Match{{
				URI:     gateway.Prefix("/reviews"),
				Headers: map[string]gateway.StringMatch{"X-Tester": gateway.Exact("yes")},
			}},
			Rewrite: &gateway.Rewrite{URI: "/"},
			Split:   gateway.Split{{Host: "reviews-v2"}},
		}).
		// Of everybody else's, one in ten. The backends see /reviews/7 as /7.
		Route(gateway.Route{
			Name:    "reviews",
			Match:   []gateway.Match{{URI: gateway.Prefix("/reviews")}},
			Rewrite: &gateway.Rewrite{URI: "/"},
			Headers: gateway.Headers{
				Request: gateway.HeaderOperations{
					Set:    map[string]string{"X-Route": "reviews"},
					Remove: []string{"Cookie"},
				},
				Response: gateway.HeaderOperations{
					Add: map[string]string{"Cache-Control": "no-store"},
				},
			},
			Split: gateway.Split{
				{Host: "reviews", Weight: 90},
				{Host: "reviews-v2", Weight: 10},
			},
		}).
		// Each client may try to log in five times a minute.
		Route(gateway.Route{
			Name: "login",
			Match: []gateway.Match{{
				URI:    gateway.Exact("/login"),
				Method: gateway.Exact(http.MethodPost),
			}},
			RateLimits: []gateway.RateLimit{{
				Requests: 5,
				Unit:     time.Minute,
				Per:      []gateway.LimitKey{{RemoteAddress: true}},
			}},
			Split: gateway.Split{{Host: "accounts"}},
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
