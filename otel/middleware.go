package otel

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// key is the key of a Tracing's span in a context. Spans that others have put around a
// gateway are not filled.
type key struct{ *Tracing }

// Wrap returns a handler that starts the span of a request before next, and ends it
// afterwards. next gets a copy of the request with the span in its headers and its
// context. A span that is in the context already, such as one of a middleware around
// this one, is the parent in place of the one in the headers.
func (t *Tracing) Wrap(next http.Handler) http.Handler {
	if t.tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		settings := t.settings()
		if settings.Disabled {
			next.ServeHTTP(w, r)
			return
		}
		ctx := r.Context()
		parent := trace.SpanContextFromContext(ctx)
		if !parent.IsValid() || parent.IsRemote() {
			ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
			parent = trace.SpanContextFromContext(ctx)
		}
		pass := func(ctx context.Context) {
			copied := r.WithContext(ctx)
			copied.Header = t.inject(ctx, r.Header, settings.PropagationDisabled)
			next.ServeHTTP(w, copied)
		}
		if !t.samples(&settings, parent) {
			pass(t.unsampled(ctx, parent))
			return
		}
		ctx, span := t.tracer.Start(ctx, method(r.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(t.asked(r)...))
		defer span.End()
		if own := span.SpanContext(); !own.IsValid() || own.Equal(parent) {
			// The provider makes no spans.
			next.ServeHTTP(w, r)
			return
		}
		if span.IsRecording() {
			ctx = context.WithValue(ctx, key{t}, span)
			// They win over the gateway's own attributes, so they are set last. The
			// headers are read before anything can change them.
			tags := customTags(settings.CustomTags, r)
			defer func() { span.SetAttributes(tags...) }()
		}
		pass(ctx)
	})
}

// asked returns the attributes that the request tells: those that a sampler may want.
func (t *Tracing) asked(r *http.Request) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, 10)
	out = append(out, methods(r.Method)...)
	out = append(out, semconv.URLScheme(scheme(r)), semconv.URLPath(r.URL.EscapedPath()))
	if t.query && r.URL.RawQuery != "" {
		out = append(out, semconv.URLQuery(r.URL.RawQuery))
	}
	out = address(out, semconv.ServerAddressKey, semconv.ServerPortKey, r.Host)
	if agent := r.UserAgent(); agent != "" {
		out = append(out, semconv.UserAgentOriginal(agent))
	}
	return out
}
