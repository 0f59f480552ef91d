package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestDecisionAllocatesNothing(t *testing.T) {
	for shape := range shapes {
		for _, n := range []int{1, 10, 1000} {
			t.Run(fmt.Sprintf("%s/%d", shapes[shape].name, n), func(t *testing.T) {
				d := newDecider(t, shape, n)
				require.Zero(t, testing.AllocsPerRun(10, func() { d.route(requestCount) }))
			})
		}
	}
}

func TestChainAllocatesLittle(t *testing.T) {
	backend := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gw := built(t, New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/products")}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Headers:      spec.Headers{Request: spec.HeaderOperations{Add: map[string]string{"X-Forwarded-Proto": "https"}}},
			Destinations: []spec.Destination{{Host: "product-service", Weight: 90}, {Host: "product-service-v2", Weight: 10}},
		}).
		Backend("product-service", backend).
		Backend("product-service-v2", backend))
	for _, row := range []struct {
		name    string
		handler http.Handler
		most    float64
	}{
		{"lent", gw, 4}, // of which two are the header map
		{"owned", gw.InPlace(), 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := testhttp.NewDiscarding()
			came := clientRequest("shop.example.com", "/products/1?x=1")
			r, u, h := new(http.Request), new(url.URL), http.Header{}
			require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
				*r, *u = *came, *came.URL
				clear(h)
				maps.Copy(h, came.Header)
				r.URL, r.Header = u, h
				row.handler.ServeHTTP(w, r)
			}), row.most)
		})
	}
}
