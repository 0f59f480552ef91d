package otel_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/otel"
	"github.com/lateengo/gateway/spec"
)

// declaring returns a gateway whose traces are those that a Telemetry declares, and a
// function that replaces the Telemetry.
func declaring(t *testing.T, c otel.Config, cart http.Handler, declared spec.Tracing) (*traced, func(spec.Tracing)) {
	t.Helper()
	gw := new(gateway.Gateway)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	spans := tracetest.NewInMemoryExporter()
	c.TracerProvider = sdk.NewTracerProvider(sdk.WithSyncer(spans))
	c.Gateway = gw.Tracing
	tracing := otel.New(c)
	route := toCart()
	route.Headers.Request.Remove = []string{"x-removed"}
	declare := func(d spec.Tracing) {
		require.NoError(t, gw.Replace(gateway.New().Observe(tracing).Backend("cart", cart).Route(route).
			Telemetry(spec.Telemetry{Name: "mesh", Namespace: "istio-system", Tracing: []spec.Tracing{d}})))
	}
	declare(declared)
	return &traced{tracing.Wrap(gw), gw, spans}, declare
}

const (
	sampledParent   = "00-" + traceID + "-" + parentID + "-01"
	unsampledParent = "00-" + traceID + "-" + parentID + "-00"
)

// A request without a parent is sampled at the declared percentage, in steps of 0.01. The
// decision of a parent holds.
func TestDeclaredSampling(t *testing.T) {
	percent := func(p float64) spec.Tracing { return spec.Tracing{RandomSamplingPercentage: &p} }
	for _, row := range []struct {
		name     string
		declared spec.Tracing
		parent   string
		drawn    uint64
		sampled  bool
	}{
		{"nothing declared", spec.Tracing{}, "", 9999, true},
		{"all requests", percent(100), "", 9999, true},
		{"no request", percent(0), "", 0, false},
		{"1 percent, drawn", percent(1), "", 99, true},
		{"1 percent, just not drawn", percent(1), "", 100, false},
		{"the smallest share, drawn", percent(0.01), "", 0, true},
		{"the smallest share, just not drawn", percent(0.01), "", 1, false},
		{"less than the smallest share", percent(0.004), "", 0, false},
		{"numbers beyond the steps begin anew", percent(1), "", 20000, true},
		{"a sampled parent, no request", percent(0), sampledParent, 9999, true},
		{"a parent that is not sampled, all requests", percent(100), unsampledParent, 0, false},
		{"a parent that cannot be read, not drawn", percent(1), "00-" + traceID + "-zz-01", 100, false},
		{"a parent that cannot be read, drawn", percent(1), "00-" + traceID + "-zz-01", 99, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			upstream := &spy{}
			g, _ := declaring(t, otel.Config{Random: func() uint64 { return row.drawn }}, upstream, row.declared)
			r := requestWith()
			if row.parent != "" {
				r = requestWith("Traceparent", row.parent, "Tracestate", "vendor=1")
			}
			w, spans := g.serve(r)
			require.Equal(t, 200, w.Code)
			require.Equal(t, row.sampled, len(spans) > 0)
			flags := "00"
			if row.sampled {
				flags = "01"
			}
			got := upstream.got()
			require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-"+flags+"$", got.Get("Traceparent"), "destinations learn of the decision")
			require.NotContains(t, got.Get("Traceparent"), parentID)
			if row.parent == sampledParent || row.parent == unsampledParent {
				require.Contains(t, got.Get("Traceparent"), traceID)
				require.Equal(t, "vendor=1", got.Get("Tracestate"))
			} else {
				require.NotContains(t, got, "Tracestate")
			}
		})
	}
}

// Among requests that are drawn, the provider decides as before.
func TestProviderDecidesAboutDrawnRequests(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracing := otel.New(otel.Config{
		TracerProvider: sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sdk.NeverSample())),
		Gateway:        func() observe.Tracing { return observe.Tracing{SamplingSet: true, SamplingPercent: 100} },
	})
	upstream := &spy{}
	tracing.Wrap(upstream).ServeHTTP(nopWriter{}, requestWith())
	require.Empty(t, spans.GetSpans())
	require.True(t, strings.HasSuffix(upstream.got().Get("Traceparent"), "-00"))
}

type nopWriter struct{}

func (nopWriter) Header() http.Header         { return http.Header{} }
func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }
func (nopWriter) WriteHeader(int)             {}

// Without spans the headers of a request pass as they are.
func TestDisabledSpans(t *testing.T) {
	for name, headers := range map[string][]string{
		"no parent": nil, "a parent": {"Traceparent", sampledParent, "Tracestate", "vendor=1", "Baggage", "a=b"}, "a broken parent": {"Traceparent", "00-zz"},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := &spy{}
			g, _ := declaring(t, otel.Config{}, upstream, spec.Tracing{DisableSpanReporting: new(true), RandomSamplingPercentage: new(100.0)})
			r := requestWith(headers...)
			sent := r.Header.Clone()
			_, spans := g.serve(r)
			require.Empty(t, spans)
			for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
				require.Equal(t, sent[name], upstream.got()[name])
			}
		})
	}
}

// Without propagation, destinations learn neither of the gateway's span nor of the
// client's. Spans are made all the same.
func TestDisabledPropagation(t *testing.T) {
	for name, percent := range map[string]float64{"sampled": 100, "not sampled": 0} {
		for _, parent := range []string{"", sampledParent, unsampledParent} {
			t.Run(name+" "+parent, func(t *testing.T) {
				upstream := &spy{}
				g, _ := declaring(t, otel.Config{}, upstream, spec.Tracing{DisableContextPropagation: new(true), RandomSamplingPercentage: &percent})
				r := requestWith("Baggage", "a=b")
				if parent != "" {
					r = requestWith("Traceparent", parent, "Tracestate", "vendor=1", "Baggage", "a=b")
				}
				_, spans := g.serve(r)
				require.Equal(t, parent == sampledParent || parent == "" && percent == 100, len(spans) > 0)
				require.NotContains(t, upstream.got(), "Traceparent")
				require.NotContains(t, upstream.got(), "Tracestate")
				require.Equal(t, "a=b", upstream.got().Get("Baggage"))
			})
		}
	}
}

// Custom tags are attributes of the server's span.
func TestCustomTags(t *testing.T) {
	t.Setenv("LATEEN_TEST_ZONE", "z1")
	t.Setenv("LATEEN_TEST_EMPTY", "")
	literal := func(v string) spec.TracingTag { return spec.TracingTag{Literal: v} }
	header := func(name, otherwise string) spec.TracingTag {
		return spec.TracingTag{Header: &spec.TracingTagSource{Name: name, Default: otherwise}}
	}
	environment := func(name, otherwise string) spec.TracingTag {
		return spec.TracingTag{Environment: &spec.TracingTagSource{Name: name, Default: otherwise}}
	}
	for _, row := range []struct {
		name string
		tag  spec.TracingTag
		want string // "" is no tag
	}{
		{"a literal", literal("a"), "a"},
		{"a variable", environment("LATEEN_TEST_ZONE", "none"), "z1"},
		{"a missing variable", environment("LATEEN_TEST_NO_SUCH_VARIABLE", "none"), "none"},
		{"a missing variable without a default", environment("LATEEN_TEST_NO_SUCH_VARIABLE", ""), ""},
		{"an empty variable is there", environment("LATEEN_TEST_EMPTY", "none"), ""},
		{"a header", header("x-tenant", "none"), "blue"},
		{"a header in capitals", header("X-TENANT", ""), "blue"},
		{"a header with two lines", header("x-many", ""), "1"},
		{"a missing header", header("x-other", "none"), "none"},
		{"a missing header without a default", header("x-other", ""), ""},
		{"an empty header is there", header("x-empty", "none"), ""},
		{"a header that the route removes", header("x-removed", ""), "sent"},
		{"the path", header(":path", ""), "/a?b=c"},
		{"the authority", header(":authority", ""), "example.com"},
		{"the host is the authority", header("Host", ""), "example.com"},
		{"the method", header(":method", ""), "GET"},
		{"the scheme", header(":scheme", ""), "http"},
	} {
		t.Run(row.name, func(t *testing.T) {
			upstream := &spy{}
			g, _ := declaring(t, otel.Config{}, upstream, spec.Tracing{CustomTags: map[string]spec.TracingTag{"own": row.tag}})
			_, spans := g.serve(requestWith("X-Tenant", "blue", "X-Many", "1", "X-Many", "2", "X-Empty", "", "X-Removed", "sent"))
			server, client := ofKind(spans, trace.SpanKindServer), ofKind(spans, trace.SpanKindClient)
			require.Len(t, server, 1)
			got, ok := kept(server[0].Attributes)["own"]
			require.Equal(t, row.want, got)
			require.Equal(t, row.want != "", ok)
			require.NotContains(t, kept(client[0].Attributes), "own")
			require.NotContains(t, upstream.got(), "X-Removed")
		})
	}

	t.Run("a tag wins over the gateway's own attribute", func(t *testing.T) {
		g, _ := declaring(t, otel.Config{}, &spy{}, spec.Tracing{CustomTags: map[string]spec.TracingTag{"response_flags": literal("mine"), "url.path": literal("hidden")}})
		_, spans := g.serve(requestWith())
		require.Subset(t, kept(ofKind(spans, trace.SpanKindServer)[0].Attributes), map[string]string{"response_flags": "mine", "url.path": "hidden"})
	})
}

// A replaced configuration counts for the next request.
func TestTracesFollowReplace(t *testing.T) {
	g, declare := declaring(t, otel.Config{}, &spy{}, spec.Tracing{DisableSpanReporting: new(true)})
	_, spans := g.serve(requestWith())
	require.Empty(t, spans)
	declare(spec.Tracing{CustomTags: map[string]spec.TracingTag{"a": {Literal: "b"}}})
	_, spans = g.serve(requestWith())
	require.Equal(t, "b", kept(ofKind(spans, trace.SpanKindServer)[0].Attributes)["a"])
}
