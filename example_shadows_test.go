package gateway_test

import (
	"fmt"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A route that gets no request is found, with a request that a person would expect there.
func ExampleGateway_Shadows() {
	ok := &spec.DirectResponse{Status: 200}
	gw, err := gateway.New().VirtualService(spec.VirtualService{
		Name: "shop", Hosts: []string{"shop.example.com"}, Gateways: []string{"*"},
		Routes: []spec.Route{
			{Name: "api", Match: []spec.Match{{URI: spec.Prefix("/api")}}, DirectResponse: ok},
			{Name: "orders", Match: []spec.Match{{URI: spec.Regex("/api/orders/[0-9]+")}}, DirectResponse: ok},
		},
	}).Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	for _, s := range gw.Shadows() {
		fmt.Println(s.Kind, s.Witness, "->", s.Takers[0].Name)
	}
	// Output: route GET http://shop.example.com/api/orders/1 -> Routes[0] "api"
}
