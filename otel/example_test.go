package otel_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/otel"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A program sends its spans with an exporter such as otlptracehttp. This one keeps them.
func ExampleNew() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	tracing := otel.New(otel.Config{TracerProvider: provider})

	gw, err := gateway.New().
		Observe(tracing).
		Backend("cart", http.NotFoundHandler()).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "cart", Port: 80}}}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	_ = server.New(gw, server.Config{Wrap: func(_ *gateway.Listener, next http.Handler) http.Handler {
		return tracing.Wrap(next)
	}})
	// Without package server:
	handler := tracing.Wrap(gw)

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	for _, span := range spans.GetSpans() {
		fmt.Println(span.SpanKind, span.Name)
	}
	// Output:
	// client outbound|80||cart.default.svc.cluster.local
	// server cart.default.svc.cluster.local:80/*
}

// A Telemetry decides which requests have spans, and what tags the spans have.
func ExampleConfig() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))

	gw := new(gateway.Gateway) // Replace builds it
	defer gw.Close()
	tracing := otel.New(otel.Config{TracerProvider: provider, Gateway: gw.Tracing})
	err := gw.Replace(gateway.New().
		Observe(tracing).
		Backend("cart", http.NotFoundHandler()).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "cart", Port: 80}}}).
		Telemetry(spec.Telemetry{Name: "mesh", Namespace: "istio-system", Tracing: []spec.Tracing{{
			RandomSamplingPercentage: new(100.0),
			CustomTags:               map[string]spec.TracingTag{"tenant": {Header: &spec.TracingTagSource{Name: "x-tenant"}}},
		}}}))
	if err != nil {
		fmt.Println(err)
		return
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Tenant", "blue")
	tracing.Wrap(gw).ServeHTTP(httptest.NewRecorder(), r)
	for _, attribute := range spans.GetSpans()[1].Attributes {
		if attribute.Key == "tenant" {
			fmt.Println(attribute.Key, attribute.Value.String())
		}
	}
	// Output:
	// tenant blue
}
