// Package bookinfo tests two configurations with case files: those of a bookshop, after
// the shape of Istio's Bookinfo sample, and of an online shop.
package bookinfo

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/gatewaytest"
	"github.com/lateengo/gateway/spec/istio"
)

func TestBookinfo(t *testing.T) {
	gatewaytest.Suite{
		Source:      istio.Files("bookinfo"),
		Semantics:   gateway.Envoy, // as in the cluster
		MinCoverage: 0.9,
	}.RunFiles(t, "bookinfo.cases.yaml")
}

func TestShop(t *testing.T) {
	gatewaytest.Suite{
		Source:      istio.Files("shop"),
		Semantics:   gateway.Envoy,
		MinCoverage: 0.9,
	}.RunFiles(t, "shop.cases.yaml")
}

// Cases can be in Go too.
func TestReviews(t *testing.T) {
	gatewaytest.Run(t, istio.Files("bookinfo"),
		gatewaytest.Case{
			Name: "Jason sees black stars",
			Request: gatewaytest.Request{
				URL:    "http://books.example.com/reviews/7",
				Header: http.Header{"end-user": {"jason"}},
			},
			Expect: gatewaytest.Expect{Destination: "reviews/v2"},
		},
		gatewaytest.Case{
			Name:    "the others are split",
			Request: gatewaytest.Request{URL: "http://books.example.com/reviews/7"},
			Expect:  gatewaytest.Expect{Destinations: map[string]float64{"reviews/v1": 90, "reviews/v3": 10}},
		},
	)
}

// A Server has the gateway on real connections.
func TestRealTraffic(t *testing.T) {
	s := gatewaytest.NewServer(t, istio.Files("bookinfo"))
	s.Answer("productpage", gatewaytest.Answer{Body: "two stars"})

	response, err := s.Client().Get("http://books.example.com/productpage")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)

	received := s.Received()
	require.Len(t, received, 1)
	require.Equal(t, "productpage:9080", received[0].Destination)
	require.Equal(t, "/productpage", received[0].Request.URL.Path)
}
