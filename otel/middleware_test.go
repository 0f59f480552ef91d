package otel_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/lateengo/gateway/otel"
)

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	parentID    = "b7ad6b7169203331"
	traceparent = "00-" + traceID + "-" + parentID + "-01"
)

// requestWith returns a request with headers, as pairs of name and value.
func requestWith(headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/a?b=c", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// The span of a request has the client's span as its parent, and is the parent of what
// the destination does.
func TestParent(t *testing.T) {
	upstream := &spy{}
	g := traceRoute(t, otel.Config{}, upstream, toCart())
	r := requestWith("Traceparent", traceparent, "Tracestate", "vendor=1", "Baggage", "user=a%20b", "Baggage", "tier=gold;ttl=1")
	before := r.Header.Clone()
	_, spans := g.serve(r)
	require.Equal(t, before, r.Header, "the caller's request stays as it is")

	server := spans[1]
	require.Equal(t, traceID, server.SpanContext.TraceID().String())
	require.Equal(t, parentID, server.Parent.SpanID().String())
	require.True(t, server.Parent.IsRemote())
	got := upstream.got()
	require.Equal(t, []string{"00-" + traceID + "-" + server.SpanContext.SpanID().String() + "-01"}, got["Traceparent"])
	require.Equal(t, []string{"vendor=1"}, got["Tracestate"])
	require.Equal(t, before["Baggage"], got["Baggage"])
}

// A request without a parent, or with one that cannot be read, begins a trace. A
// tracestate belongs to its traceparent.
func TestNoParent(t *testing.T) {
	for _, headers := range [][]string{
		nil,
		{"Traceparent", "00-zz", "Tracestate", "vendor=1", "Baggage", "no baggage"},
		{"Tracestate", "vendor=1"},
	} {
		upstream := &spy{}
		g := traceRoute(t, otel.Config{}, upstream, toCart())
		r := requestWith(headers...)
		_, spans := g.serve(r)
		require.False(t, spans[1].Parent.IsValid())
		got := upstream.got()
		require.Equal(t, "00-"+spans[1].SpanContext.TraceID().String()+"-"+spans[1].SpanContext.SpanID().String()+"-01", got.Get("Traceparent"))
		require.NotContains(t, got, "Tracestate")
		require.Equal(t, r.Header["Baggage"], got["Baggage"], "not ours to judge")
	}
}

// Zipkin's headers are read and written if its propagator is given. What was read does
// not stay beside what is written.
func TestB3(t *testing.T) {
	single := []string{"B3", traceID + "-" + parentID + "-1"}
	several := []string{"X-B3-Traceid", traceID, "X-B3-Spanid", parentID, "X-B3-Sampled", "1"}
	for name, in := range map[string][]string{"single": single, "several": several} {
		for _, out := range []b3.Encoding{b3.B3SingleHeader, b3.B3MultipleHeader} {
			t.Run(name, func(t *testing.T) {
				upstream := &spy{}
				g := traceRoute(t, otel.Config{Propagator: b3.New(b3.WithInjectEncoding(out))}, upstream, toCart())
				_, spans := g.serve(requestWith(in...))
				server := spans[1]
				require.Equal(t, traceID, server.SpanContext.TraceID().String())
				require.Equal(t, parentID, server.Parent.SpanID().String())
				id := server.SpanContext.SpanID().String()
				got := upstream.got()
				require.NotContains(t, got, "Traceparent")
				if out == b3.B3SingleHeader {
					require.Equal(t, []string{traceID + "-" + id + "-1"}, got["B3"])
					require.NotContains(t, got, "X-B3-Traceid")
					require.NotContains(t, got, "X-B3-Spanid")
					require.NotContains(t, got, "X-B3-Sampled")
					return
				}
				require.NotContains(t, got, "B3")
				require.Equal(t, []string{traceID}, got["X-B3-Traceid"])
				require.Equal(t, []string{id}, got["X-B3-Spanid"])
				require.Equal(t, []string{"1"}, got["X-B3-Sampled"])
			})
		}
	}
}

// Without a provider, or with one that makes no spans, the very request passes.
func TestNoTracer(t *testing.T) {
	for name, c := range map[string]otel.Config{"none": {}, "noop": {TracerProvider: noop.NewTracerProvider()}} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []*http.Request{
				requestWith(), requestWith("Traceparent", traceparent, "Tracestate", "vendor=1", "B3", "0"), requestWith("Traceparent", "00-zz", "Tracestate", "a=1"),
			} {
				before := r.Header.Clone()
				var got *http.Request
				otel.New(c).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).ServeHTTP(httptest.NewRecorder(), r)
				require.Same(t, r, got)
				require.Equal(t, before, got.Header)
			}
		})
	}
}

// Destinations learn that a request is not sampled.
func TestUnsampled(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())))
	upstream := &spy{}
	g := traceRoute(t, otel.Config{TracerProvider: provider}, upstream, toCart())
	g.serve(requestWith("Traceparent", "00-"+traceID+"-"+parentID+"-00"))
	require.Empty(t, spans.GetSpans())
	got := upstream.got().Get("Traceparent")
	require.Regexp(t, "^00-"+traceID+"-[0-9a-f]{16}-00$", got)
	require.NotContains(t, got, parentID)
}

// The span of a middleware around this one is the parent, and its baggage is written.
func TestSpanAround(t *testing.T) {
	upstream := &spy{}
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	g := traceRoute(t, otel.Config{TracerProvider: provider}, upstream, toCart())
	ctx, outer := provider.Tracer("test").Start(t.Context(), "outer")
	member, err := baggage.NewMember("user", "a")
	require.NoError(t, err)
	bag, err := baggage.New(member)
	require.NoError(t, err)
	g.serve(requestWith("Traceparent", traceparent).WithContext(baggage.ContextWithBaggage(ctx, bag)))
	outer.End()
	got := spans.GetSpans()
	require.Len(t, got, 3)
	require.Equal(t, outer.SpanContext().SpanID(), got[1].Parent.SpanID())
	require.Equal(t, "user=a", upstream.got().Get("Baggage"))
	require.Empty(t, got[2].Attributes, "only spans of Wrap are filled")
}

// A sampler sees what the request tells, and the query only if that is wanted.
func TestSamplerSeesTheRequest(t *testing.T) {
	seen := &sampler{}
	provider := sdk.NewTracerProvider(sdk.WithSampler(seen))
	g := traceRoute(t, otel.Config{TracerProvider: provider, Query: true}, &spy{}, toCart())
	r := requestWith()
	r.Method = "BREW"
	g.serve(r)
	require.Subset(t, kept(seen.got.Attributes), map[string]string{
		"http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.path": "/a", "url.query": "b=c", "server.address": "example.com",
	})
	require.Equal(t, "HTTP", seen.got.Name)
}

type sampler struct{ got sdk.SamplingParameters }

func (s *sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	s.got = p
	return sdk.SamplingResult{Decision: sdk.Drop}
}

func (*sampler) Description() string { return "sampler" }

// A propagator of several works like one.
func TestSeveralPropagators(t *testing.T) {
	upstream := &spy{}
	both := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)))
	g := traceRoute(t, otel.Config{Propagator: both}, upstream, toCart())
	_, spans := g.serve(requestWith("B3", traceID+"-"+parentID+"-1"))
	got := upstream.got()
	id := spans[1].SpanContext.SpanID().String()
	require.Equal(t, "00-"+traceID+"-"+id+"-01", got.Get("Traceparent"))
	require.Equal(t, id, got.Get("X-B3-Spanid"))
	require.NotContains(t, got, "B3")
}
