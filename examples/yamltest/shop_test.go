// Package yamltest tests a cluster's routes without a cluster.
//
//	go test ./examples/yamltest
package yamltest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec/istio"
)

// TestDecisions asks what would happen. Nothing is served.
func TestDecisions(t *testing.T) {
	gw, err := gateway.New().
		Semantics(gateway.Envoy). // as in the cluster, byte for byte
		Load(istio.Files("shop.yaml")).
		Backend("*", http.NotFoundHandler()). // every destination exists
		Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ method, url, route, host, path string }{
		{"GET", "http://shop.example.com/cart/7?x=1", "cart", "cart.default.svc.cluster.local", "/7?x=1"},
		{"GET", "http://shop.example.com/cart", "storefront", "storefront.default.svc.cluster.local", "/cart"},
		{"POST", "http://shop.example.com/checkout", "checkout", "checkout.default.svc.cluster.local", "/checkout"},
		{"GET", "http://shop.example.com/checkout", "storefront", "storefront.default.svc.cluster.local", "/checkout"},
	} {
		d := gw.Decide(httptest.NewRequest(row.method, row.url, nil))
		if d.Kind != gateway.DecisionForward {
			t.Errorf("%s %s: %s, %s", row.method, row.url, d.Kind, d.Reason)
			continue
		}
		to := d.Destinations[0]
		if d.Route.Name != row.route || to.Host != row.host || to.Path != row.path {
			t.Errorf("%s %s: %s to %s %s", row.method, row.url, d.Route.Name, to.Host, to.Path)
		}
	}
}

// TestResponses sends a request all the way to a handler in this test.
func TestResponses(t *testing.T) {
	gw, err := gateway.New().
		Load(istio.Files("shop.yaml")).
		Backend("storefront", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "welcome")
		})).
		Build()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	gw.ServeHTTP(w, httptest.NewRequest("GET", "http://shop.example.com/", nil))
	if w.Code != 200 || w.Body.String() != "welcome" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
}
