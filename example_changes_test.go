package gateway_test

import (
	"fmt"
	"net/http"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
)

// A route for /cart is added in front of one for everything.
func ExampleGateway_Changes() {
	build := func(routes ...spec.Route) *gateway.Gateway {
		b := gateway.New().Backend("*", http.NotFoundHandler())
		for _, r := range routes {
			b.Route(r)
		}
		gw, err := b.Build()
		if err != nil {
			panic(err)
		}
		return gw
	}
	web := spec.Route{Destinations: []spec.Destination{{Host: "web", Port: 80}}}
	cart := spec.Route{Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "cart", Port: 80}}}
	before, after := build(web), build(cart, web)

	changes := before.Changes(after, inspect.Comparing{})
	fmt.Println(changes.Summary())
	for _, r := range changes.Requests {
		fmt.Println(r.Kind, r.Witness.String(), r.Differences[0])
	}
	// Output:
	// 1 kind of request gets another answer; nothing else changes: proved
	// changed GET http://example.com/cart {destination web.default.svc.cluster.local:80 cart.default.svc.cluster.local:80}
}
