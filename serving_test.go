package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// built returns the gateway of a builder, which the test closes.
func built(t *testing.T, b *Builder) *Gateway {
	t.Helper()
	gw, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return gw
}

// routed returns a gateway with one route to a spy.
func routed(t *testing.T, s Semantics, r spec.Route) (*Gateway, *testhttp.Spy) {
	t.Helper()
	spy := new(testhttp.Spy)
	if r.Destinations == nil && r.Redirect == nil && r.DirectResponse == nil {
		r.Destinations = []spec.Destination{{Host: "spy"}}
	}
	return built(t, New().Semantics(s).Route(r).Backend("*", spy)), spy
}

// owned makes serve allow changes of its requests in place: see
// TestNothingDiffersWhenOwned.
var owned bool

// serve returns the recorded answer of a handler.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if gw, ok := h.(*Gateway); ok && owned {
		h = gw.InPlace()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
