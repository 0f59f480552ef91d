package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
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

// discarding is a response writer that keeps nothing.
type discarding struct{ header http.Header }

func (w discarding) Header() http.Header         { return w.header }
func (w discarding) Write(p []byte) (int, error) { return len(p), nil }
func (w discarding) WriteHeader(int)             {}

func TestChainAllocatesLittle(t *testing.T) {
	backend := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gw, err := New().
		Route(Route{
			Match:   []Match{{URI: Prefix("/products")}},
			Rewrite: &Rewrite{URI: "/"},
			Headers: Headers{Request: HeaderOperations{Add: map[string]string{"X-Forwarded-Proto": "https"}}},
			Split:   Split{{Host: "product-service", Weight: 90}, {Host: "product-service-v2", Weight: 10}},
		}).
		Backend("product-service", backend).
		Backend("product-service-v2", backend).
		Build()
	require.NoError(t, err)
	defer gw.Close()
	w, r := discarding{http.Header{}}, clientRequest("shop.example.com", "/products/1?x=1")
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { gw.ServeHTTP(w, r) }), 4.0)
}
