package otel

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
)

// read returns the headers that a propagator looks for in a request that has none of
// them. B3's reads more than it writes: a single header, and several.
func read(p propagation.TextMapPropagator) []string {
	var r reader
	p.Extract(context.Background(), &r)
	return r.names
}

// A reader is a carrier without values, which takes down what is looked for.
type reader struct{ names []string }

func (r *reader) Get(name string) string {
	r.names = append(r.names, name)
	return ""
}

func (*reader) Set(string, string) {}

func (*reader) Keys() []string { return nil }

// inject returns a copy of a request's headers with the span of a context. What the
// client sent about its own span must not stay beside it: a tracestate belongs to its
// traceparent. The client's baggage stays as it was written. If hidden, the headers have
// neither span.
func (t *Tracing) inject(ctx context.Context, sent http.Header, hidden bool) http.Header {
	written := http.Header{}
	if !hidden {
		t.propagator.Inject(ctx, propagation.HeaderCarrier(written))
	}
	h := sent.Clone()
	if h == nil {
		h = http.Header{}
	}
	for _, name := range t.fields {
		if name != baggage {
			delete(h, name)
		}
	}
	for name, lines := range written {
		if name != baggage || len(h[name]) == 0 {
			h[name] = lines
		}
	}
	return h
}

const baggage = "Baggage"
