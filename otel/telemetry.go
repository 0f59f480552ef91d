package otel

import (
	"context"
	"encoding/binary"
	"math"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/lateengo/gateway/observe"
)

// settings returns what the gateway's Telemetries declare.
func (t *Tracing) settings() observe.Tracing {
	if t.gateway == nil {
		return observe.Tracing{}
	}
	return t.gateway()
}

// samples reports whether a request may have a span. Without a declared share of
// requests, only the TracerProvider decides.
func (t *Tracing) samples(s *observe.Tracing, parent trace.SpanContext) bool {
	switch {
	case !s.SamplingSet:
		return true
	case parent.IsValid():
		return parent.IsSampled()
	}
	const steps = 100 * 100
	return t.random()%steps < uint64(math.Round(s.SamplingPercent*100))
}

// unsampled returns a context that tells others that the trace is not sampled. The span
// in it is never made.
func (t *Tracing) unsampled(ctx context.Context, parent trace.SpanContext) context.Context {
	var span trace.SpanID
	binary.BigEndian.PutUint64(span[:], t.random()|1) // an ID is not zero
	id := parent.TraceID()
	if !id.IsValid() {
		binary.BigEndian.PutUint64(id[:8], t.random())
		binary.BigEndian.PutUint64(id[8:], t.random()|1)
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: parent.TraceFlags().WithSampled(false), TraceState: parent.TraceState(),
	}))
}

// customTags returns the attributes that are declared as tags, as Envoy sets them: of a
// header with several lines the first one counts, and no tag is empty.
func customTags(tags []observe.Tag, r *http.Request) []attribute.KeyValue {
	var out []attribute.KeyValue
	for i := range tags {
		value := tags[i].Literal
		if name := tags[i].Header; name != "" {
			var ok bool
			if value, ok = requestHeader(r, name); !ok {
				value = tags[i].Default
			}
		}
		if value != "" {
			out = append(out, attribute.String(tags[i].Name, value))
		}
	}
	return out
}

// requestHeader returns the first line of a header or a pseudo-header.
func requestHeader(r *http.Request, name string) (string, bool) {
	switch strings.ToLower(name) {
	case ":authority", "host":
		return r.Host, r.Host != ""
	case ":method":
		return r.Method, true
	case ":path":
		return r.URL.RequestURI(), true
	case ":scheme":
		return scheme(r), true
	}
	lines := r.Header.Values(name)
	if len(lines) == 0 {
		return "", false
	}
	return lines[0], true
}

// scheme returns the scheme of a request's connection.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
