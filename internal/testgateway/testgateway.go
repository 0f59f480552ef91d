// Package testgateway builds gateways for the tests of the packages that a gateway
// is made of.
package testgateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// Built returns the gateway of a builder, which the test closes.
func Built(t *testing.T, b *gateway.Builder) *gateway.Gateway {
	t.Helper()
	gw, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return gw
}

// Routed returns a gateway with one route to a spy.
func Routed(t *testing.T, s gateway.Semantics, r spec.Route) (*gateway.Gateway, *testhttp.Spy) {
	t.Helper()
	spy := new(testhttp.Spy)
	if r.Destinations == nil && r.Redirect == nil && r.DirectResponse == nil {
		r.Destinations = []spec.Destination{{Host: "spy"}}
	}
	return Built(t, gateway.New().Semantics(s).Route(r).Backend("*", spy)), spy
}

// Owned makes serve give its requests away: see TestNothingDiffersWhenOwned.
var Owned bool

// Serve returns the recorded answer of a handler.
func Serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if gw, ok := h.(*gateway.Gateway); ok && Owned {
		h = gw.InPlace()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
