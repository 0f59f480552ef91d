package istio_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

func Example() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello from %s", r.URL.Path) })
	gw, err := gateway.New().
		Load(istio.Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: hello}
spec:
  hosts: ["*"]
  http:
  - match: [{uri: {prefix: /greetings/}}]
    rewrite: {uri: /}
    route: [{destination: {host: hello}}]
`)).
		Backend("hello", hello).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := httptest.NewRecorder()
	gw.ServeHTTP(answer, httptest.NewRequest("GET", "/greetings/world", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output: 200 hello from /world
}

// All problems of all documents are reported at once, each with its place.
func ExampleSource_Declare() {
	_, err := istio.Bytes("shop.yaml", []byte(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http:
  - mtach: [{uri: {prefix: /cart}}]
    timeout: 5
    route: [{destination: {host: cart}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec:
  host: cart
  trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {enabled: true}}}
`)).Declare()
	fmt.Println(err)
	// Output:
	// shop.yaml:8:5: VirtualService default/shop: spec.http[0].mtach: unknown field; did you mean "match"?
	// shop.yaml:9:14: VirtualService default/shop: spec.http[0].timeout: expected a duration, found the number 5 without a unit; did you mean "5s"?
	// shop.yaml:17:34: DestinationRule default/cart: spec.trafficPolicy.loadBalancer.zoneAwareLbSetting: is not executed by Lateen: it compares the gateways with the endpoints in each zone, but Lateen knows only its own process; use localityLbSetting
}

// A gateway that was declared in Go becomes a file for a cluster.
func ExampleWrite() {
	b := gateway.New().
		Server(spec.Server{Gateway: "edge", Port: 80, Hosts: []string{"*"}}).
		VirtualService(spec.VirtualService{
			Name: "shop", Hosts: []string{"shop.example.com"}, Gateways: []string{"edge"},
			Routes: []spec.Route{{
				Match:        []spec.Match{{URI: spec.Prefix("/cart/")}},
				Rewrite:      &spec.Rewrite{URI: "/"},
				Destinations: []spec.Destination{{Host: "cart"}},
			}},
		})
	declared, err := b.Declare()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := istio.Write(os.Stdout, &declared, nil); err != nil {
		fmt.Println(err)
	}
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
	// apiVersion: networking.istio.io/v1
	// kind: VirtualService
	// metadata:
	//   name: shop
	//   namespace: default
	// spec:
	//   hosts:
	//   - shop.example.com
	//   gateways:
	//   - edge
	//   http:
	//   - match:
	//     - uri:
	//         prefix: /cart/
	//     route:
	//     - destination:
	//         host: cart
	//     rewrite:
	//       uri: /
}
