package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

const delegating = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: shop}
spec:
  hosts: [shop.test]
  gateways: [any]
  http:
  - name: api
    match:
    - uri: {prefix: /api}
      headers:
        x-user: {}
    timeout: 3s
    delegate: {name: cart, namespace: team}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: team}
spec:
  http:
  - name: cart
    match:
    - uri: {prefix: /api/cart}
      method: {exact: GET}
    - headers:
        x-cart: {exact: "1"}
    directResponse: {status: 200}
  - directResponse: {status: 404}
`

// The conditions of a merged route have the places where each was declared.
func TestRoutesOfDelegates(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().Load(istio.Reader("shop.yaml", strings.NewReader(delegating))))
	table := gw.Routes()
	var got []string
	for id, r := range table.All() {
		got = append(got, id.String()+": "+r.Label()+" by "+r.Delegate+" at "+r.Place.String())
		for _, c := range r.Conditions {
			got = append(got, "  "+c.Text+" at "+c.Place.String())
		}
	}
	require.Equal(t, []string{
		`0.0.0.0_80 http.80 shop.test 0: shop/root api-cart by team/cart at shop.yaml:21:5`,
		`  path prefix "/api/cart" at shop.yaml:23:21`,
		`  method exact "GET" at shop.yaml:24:23`,
		`  header x-user present at shop.yaml:12:17`,
		`0.0.0.0_80 http.80 shop.test 1: shop/root api-cart by team/cart at shop.yaml:21:5`,
		`  path prefix "/api" at shop.yaml:10:21`,
		`  header x-cart exact "1" at shop.yaml:26:25`,
		`  header x-user present at shop.yaml:12:17`,
		`0.0.0.0_80 http.80 shop.test 2: shop/root api by team/cart at shop.yaml:28:5`,
		`  path prefix "/api" at shop.yaml:10:21`,
		`  header x-user present at shop.yaml:12:17`,
	}, got)
}

// Values in Go have the places of their fields in Go.
func TestRoutesOfGo(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().VirtualService(spec.VirtualService{
		Name: "shop", Hosts: []string{"*"}, Gateways: []string{"*"},
		Routes: []spec.Route{
			{DirectResponse: &spec.DirectResponse{Status: 204}, Match: []spec.Match{
				{URI: spec.Exact("/a")}, {QueryParams: map[string]spec.StringMatch{"q": spec.Prefix("x")}, WithoutHeaders: map[string]spec.StringMatch{"X-Off": {}}},
			}},
		},
	}))
	table := gw.Routes()
	var got []string
	for _, r := range table.All() {
		for _, c := range r.Conditions {
			f := c.Place.Finding()
			got = append(got, c.Text+" at "+f.File+" "+f.Field)
		}
	}
	require.Equal(t, []string{
		`path exact "/a" at inspect_test.go Routes[0].Match[0].URI.Value`,
		`path prefix "/" at inspect_test.go Routes[0].Match[1]`,
		`query q prefix "x" at inspect_test.go Routes[0].Match[1].QueryParams["q"].Value`,
		`header x-off absent at inspect_test.go Routes[0].Match[1].WithoutHeaders["X-Off"]`,
	}, got)
}

// The text has everything that a route does, and nothing that changes when routes move.
func TestRoutesAsText(t *testing.T) {
	percent := 12.5
	gw := testgateway.Built(t, gateway.New().VirtualService(spec.VirtualService{
		Name: "shop", Hosts: []string{"*.shop.test"}, Gateways: []string{"*"},
		Routes: []spec.Route{
			{
				Name: "all", Match: []spec.Match{{URI: spec.Prefix("/Cart"), IgnoreURICase: true, Method: spec.Exact("GET")}},
				Fault: &spec.Fault{
					Delay: &spec.FaultDelay{Fixed: time.Second, Percent: 5}, Abort: &spec.FaultAbort{GRPCStatus: "UNAVAILABLE", Percent: 1},
				},
				CORS:       &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test")}, AllowMethods: []string{"GET", "PUT"}, AllowCredentials: true},
				RateLimits: []spec.RateLimit{{Requests: 10, Unit: time.Minute}},
				Timeout:    2 * time.Second, Retry: &spec.Retry{Attempts: 3, On: []string{"5xx", "429"}, PerTryTimeout: time.Second},
				Rewrite: &spec.Rewrite{URI: "/", Authority: "cart.test"},
				Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "audit"}, Percent: &percent}},
				Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-a": "100%%"}, Remove: []string{"X-B"}}},
				Destinations: []spec.Destination{
					{Host: "cart", Weight: 90}, {Host: "cart", Subset: "v2", Weight: 10, Headers: spec.Headers{Response: spec.HeaderOperations{Add: map[string]string{"x-v": "2"}}}},
				},
			},
			{Redirect: &spec.Redirect{PrefixRewrite: "/new", Port: 8443, Scheme: "https"}, Match: []spec.Match{{URI: spec.Prefix("/old")}}},
			{Rewrite: &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: "^/(a|b)", Rewrite: `/\1/x`}}, Destinations: []spec.Destination{{Host: "cart"}}},
		},
	}).DestinationRule(spec.DestinationRule{Name: "cart", Host: "cart", TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{Simple: spec.BalanceRandom}}}))
	require.Equal(t, `listener 0.0.0.0_80
  routes http.80
    host *.shop.test
      route default/shop all
        when path prefix "/Cart" in any case
        when method exact "GET"
        delay 5% by 1s
        abort 1% with 200 (gRPC status 14)
        cors origins [exact "https://a.test"] methods [GET,PUT] with credentials
        limit 10 per 1m0s
        timeout 2s
        retry 3 times on 5xx,retriable-status-codes codes 429, each within 1s
        rewrite to "/"
        mirror 12.5% to outbound|80||audit.default.svc.cluster.local (no backend and no ServiceEntry has its name: 503)
        forward 90/100 to outbound|80||cart.default.svc.cluster.local (no backend and no ServiceEntry has its name: 503)
          authority "cart.test"
          balance RANDOM
          request remove x-b
          request set x-a: "100%%"
        forward 10/100 to outbound|80|v2|cart.default.svc.cluster.local (there is no subset v2: 503)
          authority "cart.test"
          request remove x-b
          request set x-a: "100%%"
          response add x-v: "2"
      route default/shop
        when path prefix "/old"
        redirect 301 scheme "https" prefix "/new" port 8443
      route default/shop
        when any path
        rewrite regex "^/(a|b)" to "/\\1/x"
        forward all to outbound|80||cart.default.svc.cluster.local (no backend and no ServiceEntry has its name: 503)
          balance RANDOM
`, gw.Routes().String())
}
