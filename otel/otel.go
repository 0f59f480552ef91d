// Package otel makes traces of a gateway's requests with OpenTelemetry:
//
//	tracing := otel.New(otel.Config{TracerProvider: provider}) // of go.opentelemetry.io/otel/sdk/trace
//	gw, err := gateway.New().Observe(tracing). // …
//	s := server.New(gw, server.Config{Wrap: func(_ *gateway.Listener, next http.Handler) http.Handler {
//		return tracing.Wrap(next)
//	}})
//
// Both are needed: the middleware starts a span and puts it into the headers of the
// request, and the observer says what became of the request. A gateway without package
// server is served as tracing.Wrap(gw).
package otel

import (
	"math/rand/v2"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/lateengo/gateway/observe"
)

// scope is the name of the instrumentation.
const scope = "github.com/lateengo/gateway/otel"

// A Config configures traces. It reads nothing that is global: to use the provider and
// the propagator that are registered with OpenTelemetry, set them here.
type Config struct {
	// TracerProvider makes the spans. Which requests are sampled is its matter.
	// Without one there are no traces, and requests pass as they are.
	TracerProvider trace.TracerProvider
	// Propagator reads the parent of a request's span from the headers, and writes
	// the span into them. The default is W3C's Trace Context and Baggage:
	// traceparent, tracestate and baggage. For the headers of Zipkin use the one of
	// go.opentelemetry.io/contrib/propagators/b3.
	//
	// Clients can choose the trace that they are part of, and with some samplers
	// whether it is sampled, as in Istio.
	Propagator propagation.TextMapPropagator
	// Gateway returns what Telemetries declare about traces: it is the method
	// Tracing of a Gateway. It is called for each request, so a replaced
	// configuration counts at once. The TracerProvider then decides about those
	// requests only that the Telemetries let through, and needs a sampler that takes
	// them all, such as ParentBased(AlwaysSample()). Without it, or if no Telemetry
	// has a randomSamplingPercentage, the TracerProvider decides alone.
	Gateway func() observe.Tracing
	// Random replaces the source of random numbers for sampling. It is called
	// concurrently.
	Random func() uint64
	// Query adds the query of the URL to the spans, as url.query. It may have
	// secrets.
	Query bool
}

// Tracing makes a trace of each request: as a middleware with Wrap, and as an
// observe.ContextObserver of the Gateway. Its methods are safe for concurrent use.
//
// A request has a span of the kind server, from its arrival to the end of the response.
// It has the attributes of OpenTelemetry's conventions for HTTP, and those that Istio's
// proxies add: upstream_cluster, upstream_cluster.name, response_flags, request_size,
// response_size, guid:x-request-id, grpc.status_code. It has the status Error without a
// response, if the status is 500 or more, and if a status of gRPC says that the server
// failed.
//
// Its name is Istio's, "cart.default.svc.cluster.local:80/*" for a route with one
// destination. If the route has several destinations, or the gateway answered by
// itself, it is the name of the VirtualService and the port of the listener:
// "shop:80/*". Istio puts the path that the route matches in place of "/*", which
// observers do not get to know. A request without a route, or whose VirtualService has
// no name, has its method as the name, so that no client can make up names.
//
// Each try to send a request to a destination has a span below the first, of the kind
// client, with the name of the cluster: "outbound|80||cart.default.svc.cluster.local". A
// try that another one followed has the status Error. The pauses between them are in no
// span, and the last one ends with the request.
// Destinations get the server's span as their parent, as behind Istio's proxies: it is
// in the headers before a destination is chosen, and the same for all tries.
//
// With Config.Gateway, Telemetries count as in Istio. A request whose client sends no
// parent is sampled at the declared percentage. With a parent, its decision holds.
// Requests that are not sampled still tell their destinations so. With
// disableSpanReporting there are no spans, and requests pass as they are. Custom tags are
// attributes of the server's span. With disableContextPropagation no header tells of the
// trace, not even what the client sent, except for baggage.
//
// A copy of a request for a mirror has a client's span "mirror", as Envoy's, below the
// server's span of the request, which it may outlast.
type Tracing struct {
	tracer     trace.Tracer // nil without a TracerProvider
	propagator propagation.TextMapPropagator
	// fields are the canonical names of the headers that tell the parent.
	fields  []string
	query   bool
	gateway func() observe.Tracing
	random  func() uint64
}

// New returns the Tracing of a Config.
func New(c Config) *Tracing {
	t := &Tracing{propagator: c.Propagator, query: c.Query, gateway: c.Gateway, random: c.Random}
	if t.random == nil {
		t.random = rand.Uint64
	}
	if t.propagator == nil {
		t.propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if c.TracerProvider != nil {
		t.tracer = c.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	}
	for _, name := range slices.Concat(t.propagator.Fields(), read(t.propagator)) {
		if key := http.CanonicalHeaderKey(name); !slices.Contains(t.fields, key) {
			t.fields = append(t.fields, key)
		}
	}
	return t
}
