package rls_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"google.golang.org/grpc"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/memlimit"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/rls"
	"github.com/lateengo/gateway/spec"
)

// startService starts a rate limit service on a free port.
func startService() (address string, stop func(), err error) {
	config, err := rls.ParseConfig(rls.ConfigFile{Name: "limits.yaml", Text: []byte(`
domain: shop
descriptors:
  - key: x-user
    rate_limit: {unit: year, requests_per_unit: 1}
`)})
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := grpc.NewServer()
	// Package redislimit has a Limiter for several services that count together.
	limiter := memlimit.New(memlimit.Options{})
	rls.NewServer(limiter, config, rls.ServerOptions{}).Register(server)
	go server.Serve(listener)
	return listener.Addr().String(), server.Stop, nil
}

// A gateway asks a rate limit service, which has its own limits for the domain
// shop. While the service does not answer, the gateway counts by its own limit.
func Example() {
	address, stop, err := startService()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	conn, err := rls.Dial(address, rls.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	gw, err := gateway.New().
		Limiter("ratelimit", rls.New(conn, rls.Options{Domain: "shop"})).
		Route(spec.Route{
			RateLimits: []spec.RateLimit{{
				Requests: 1,
				Unit:     time.Minute,
				Per:      []spec.LimitKey{{Header: "X-User"}},
				Provider: "ratelimit",
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

	for range 2 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-User", "bob")
		gw.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 429
}

// A service finds limits in a configuration, and counts with a Limiter, here in its
// memory. Envoy and other gateways can ask it.
func ExampleServer() {
	address, stop, err := startService()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	conn, err := rls.Dial(address, rls.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	limiter := rls.New(conn, rls.Options{})
	for _, user := range []string{"bob", "bob", "alice"} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		response, err := limiter.Limit(ctx, ratelimit.Request{
			Domain:      "shop",
			Descriptors: []ratelimit.Descriptor{{Entries: []ratelimit.Entry{{Key: "x-user", Value: user}}}},
			Hits:        1,
		})
		cancel()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(user, response.Over)
	}
	// Output:
	// bob false
	// bob true
	// alice false
}
