package redislimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/redislimit"
	"github.com/lateengo/gateway/spec"
)

// A gateway shares the limit of a route with its other replicas.
func Example() {
	server, err := miniredis.Run() // any Redis
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	client, err := redislimit.NewClient("redis://" + server.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	gw, err := gateway.New().
		Limiter("redis", redislimit.New(client, redislimit.Options{})).
		Route(spec.Route{
			RateLimits: []spec.RateLimit{{
				Requests: 100,
				Unit:     time.Minute,
				Per:      []spec.LimitKey{{RemoteAddress: true}},
				Provider: "redis",
			}},
			Destinations: []spec.Destination{{Host: "hello"}},
		}).
		Backend("hello", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "hello")
		})).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	w := httptest.NewRecorder()
	gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Print(w.Body)
	// Output:
	// hello
}

// Two limiters with the same server count together.
func ExampleLimiter_Limit() {
	server, err := miniredis.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	server.SetTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

	request := ratelimit.Request{
		Domain: "shop/limits",
		Descriptors: []ratelimit.Descriptor{{
			Entries:  []ratelimit.Entry{{Key: "x-user", Value: "bob"}},
			Requests: 2,
			Unit:     time.Minute,
		}},
		Hits: 1,
	}
	for _, replica := range []string{"first", "second", "third"} {
		client, err := redislimit.NewClient(server.Addr())
		if err != nil {
			fmt.Println(err)
			return
		}
		response, err := redislimit.New(client, redislimit.Options{}).Limit(context.Background(), request)
		client.Close()
		if err != nil {
			fmt.Println(err)
			return
		}
		s := response.Statuses[0]
		fmt.Println(replica, response.Over, s.Remaining, s.RetryAfter, s.Reset)
	}
	// Output:
	// first false 1 0s 30s
	// second false 0 0s 1m0s
	// third true 0 30s 1m0s
}
