package memlimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/memlimit"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// Two gateways in one process share a limit.
func Example() {
	limiter := memlimit.New(memlimit.Options{MaxBytes: 16 << 20})
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	for range 2 {
		gw, err := gateway.New().
			Limiter("memory", limiter).
			Route(spec.Route{
				Name: "hello",
				RateLimits: []spec.RateLimit{{
					Requests: 3,
					Unit:     time.Hour,
					Per:      []spec.LimitKey{{RemoteAddress: true}},
					Provider: "memory",
				}},
				Destinations: []spec.Destination{{Host: "hello"}},
			}).
			Backend("hello", hello).
			Build()
		if err != nil {
			fmt.Println(err)
			return
		}
		defer gw.Close()

		for range 2 {
			w := httptest.NewRecorder()
			gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			fmt.Println(w.Code)
		}
	}
	// Output:
	// 200
	// 200
	// 200
	// 429
}

// A request may cost more than 1.
func ExampleLimiter_Limit() {
	limiter := memlimit.New(memlimit.Options{})
	request := ratelimit.Request{
		Domain: "shop",
		Descriptors: []ratelimit.Descriptor{{
			Entries:  []ratelimit.Entry{{Key: "x-user", Value: "bob"}},
			Requests: 10,
			Unit:     24 * time.Hour,
		}},
	}
	for _, hits := range []int{6, 5, 4} {
		request.Hits = hits
		response, err := limiter.Limit(context.Background(), request)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.Over, response.Statuses[0].Remaining)
	}
	// Output:
	// false 4
	// true 4
	// false 0
}
