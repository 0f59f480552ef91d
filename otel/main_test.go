package otel_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/otel"
	"github.com/lateengo/gateway/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// traced is a gateway with traces that are kept.
type traced struct {
	http.Handler
	gateway *gateway.Gateway
	spans   *tracetest.InMemoryExporter
}

// traceRoute returns a gateway with the VirtualService default/shop, whose destinations are
// the service "cart" behind cart.
func traceRoute(t *testing.T, c otel.Config, cart http.Handler, routes ...spec.Route) *traced {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	if c.TracerProvider == nil {
		c.TracerProvider = sdk.NewTracerProvider(sdk.WithSyncer(spans))
	}
	tracing := otel.New(c)
	gw, err := gateway.New().Observe(tracing).Backend("cart", cart).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"*"}, Routes: routes}).Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return &traced{tracing.Wrap(gw), gw, spans}
}

// toCart is a route to the service "cart".
func toCart() spec.Route {
	return spec.Route{Name: "cart", Destinations: []spec.Destination{{Host: "cart", Port: 80}}}
}

// serve returns the answer to a request, and its spans in the order of their ends.
func (g *traced) serve(r *http.Request) (*httptest.ResponseRecorder, tracetest.SpanStubs) {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w, g.spans.GetSpans()
}

// kept returns the attributes of a list by name, as text.
func kept(list []attribute.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

// ofKind returns the spans of a kind.
func ofKind(spans tracetest.SpanStubs, k trace.SpanKind) (out tracetest.SpanStubs) {
	for _, s := range spans {
		if s.SpanKind == k {
			out = append(out, s)
		}
	}
	return out
}

// A spy keeps the headers of the requests that it gets.
type spy struct {
	mu      sync.Mutex
	headers []http.Header
	// statuses are answered one after the other, and the last one from then on.
	statuses []int
}

func (s *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := 200
	if n := len(s.statuses); n > 0 {
		status = s.statuses[min(len(s.headers), n-1)]
	}
	s.headers = append(s.headers, r.Header.Clone())
	w.WriteHeader(status)
}

func (s *spy) got() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers[len(s.headers)-1]
}
