package otel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/otel"
	"github.com/lateengo/gateway/spec"
)

const (
	cartName    = "cart.default.svc.cluster.local:80/*"
	cartCluster = "outbound|80||cart.default.svc.cluster.local"
)

// Each way in which a request can end has its spans.
func TestSpans(t *testing.T) {
	retry := &spec.Retry{Attempts: 2, On: []string{"5xx"}, Backoff: time.Millisecond}
	tests := []struct {
		name   string
		route  spec.Route
		status []int // of the destination

		span      string
		code      codes.Code
		server    map[string]string // some of the attributes
		client    map[string]string // nil if there is no span
		noClient  bool
		retries   []map[string]string
		errorType string
	}{
		{
			name: "ok", route: toCart(), status: []int{200}, span: cartName,
			server: map[string]string{
				"http.response.status_code": "200", "response_flags": "-", "upstream_cluster": cartCluster, "upstream_cluster.name": cartCluster,
				"request_size": "4", "response_size": "0",
			},
			client: map[string]string{"http.response.status_code": "200", "upstream_cluster": cartCluster, "server.address": "cart.default.svc.cluster.local", "server.port": "80"},
		},
		{
			name: "the destination's 404", route: toCart(), status: []int{404}, span: cartName,
			server: map[string]string{"http.response.status_code": "404"}, client: map[string]string{"http.response.status_code": "404"},
		},
		{
			name: "no route", route: spec.Route{Match: []spec.Match{{URI: spec.Prefix("/other")}}, Destinations: toCart().Destinations}, span: "POST",
			server: map[string]string{"http.response.status_code": "404", "response_flags": "NR"}, noClient: true,
		},
		{
			name: "503", route: toCart(), status: []int{503}, span: cartName, code: codes.Error, errorType: "503",
			server: map[string]string{"http.response.status_code": "503"}, client: map[string]string{"http.response.status_code": "503"},
		},
		{
			name: "nothing is there", route: spec.Route{Destinations: []spec.Destination{{Host: "none", Port: 80}}}, span: "none.default.svc.cluster.local:80/*",
			code: codes.Error, errorType: "503", server: map[string]string{"response_flags": "NC"}, noClient: true,
		},
		{
			name: "retried", route: spec.Route{Destinations: toCart().Destinations, Retry: retry}, status: []int{503, 502, 200}, span: cartName,
			server: map[string]string{"http.response.status_code": "200"}, client: map[string]string{"http.request.resend_count": "2"},
			retries: []map[string]string{
				{"http.response.status_code": "503", "response_flags": "-"}, {"http.response.status_code": "502", "response_flags": "-"},
			},
		},
		{
			name: "retries are used up", route: spec.Route{Destinations: toCart().Destinations, Retry: retry}, status: []int{503}, span: cartName,
			code: codes.Error, errorType: "503", server: map[string]string{"response_flags": "URX"}, client: map[string]string{"http.request.resend_count": "2"},
			retries: []map[string]string{
				{"http.response.status_code": "503", "response_flags": "-"}, {"http.response.status_code": "503", "response_flags": "-"},
			},
		},
		{
			name: "redirected", route: spec.Route{Redirect: &spec.Redirect{URI: "/new"}}, span: "shop:80/*",
			server: map[string]string{"http.response.status_code": "301"}, noClient: true,
		},
		{
			name: "a fault", route: spec.Route{Destinations: toCart().Destinations, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 555, Percent: 100}}},
			span: "shop:80/*", code: codes.Error, errorType: "555", server: map[string]string{"response_flags": "FI"}, noClient: true,
		},
		{
			name: "split", span: "shop:80/*", server: map[string]string{"upstream_cluster": cartCluster}, client: map[string]string{},
			route: spec.Route{Destinations: []spec.Destination{{Host: "cart", Port: 80, Weight: 1}, {Host: "cart", Port: 80, Weight: 1}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := traceRoute(t, otel.Config{}, reading{&spy{statuses: tt.status}}, tt.route)
			r := httptest.NewRequest("POST", "http://shop.test:8080/a%20b?secret=1", strings.NewReader("body"))
			r.RemoteAddr = "192.0.2.7:4711"
			r.Header.Set("User-Agent", "tester")
			_, spans := g.serve(r)

			require.Len(t, ofKind(spans, trace.SpanKindServer), 1)
			server := spans[len(spans)-1]
			require.Equal(t, tt.span, server.Name)
			require.Equal(t, tt.code, server.Status.Code)
			require.False(t, server.Parent.IsValid())
			got := kept(server.Attributes)
			require.Subset(t, got, tt.server)
			require.Subset(t, got, map[string]string{
				"http.request.method": "POST", "url.path": "/a%20b", "url.scheme": "http", "server.address": "shop.test", "server.port": "8080",
				"network.protocol.version": "1.1", "client.address": "192.0.2.7", "network.peer.address": "192.0.2.7", "network.peer.port": "4711",
				"user_agent.original": "tester",
			})
			require.Equal(t, tt.errorType, got["error.type"])
			require.NotContains(t, got, "url.query")
			require.NotContains(t, got, "node_id")

			clients := ofKind(spans, trace.SpanKindClient)
			if tt.noClient {
				require.Empty(t, clients)
				return
			}
			require.Len(t, clients, len(tt.retries)+1, "one for each try")
			began := server.StartTime
			for i, want := range tt.retries {
				try := clients[i]
				require.Equal(t, cartCluster, try.Name)
				require.Equal(t, server.SpanContext.SpanID(), try.Parent.SpanID())
				require.Equal(t, codes.Error, try.Status.Code)
				require.Subset(t, kept(try.Attributes), want)
				require.False(t, try.StartTime.Before(began), "after the try before")
				began = try.EndTime
			}
			client := clients[len(clients)-1]
			require.False(t, client.StartTime.Before(began), "after the try before")
			require.Equal(t, cartCluster, client.Name)
			require.Equal(t, tt.code, client.Status.Code)
			require.Equal(t, server.SpanContext.SpanID(), client.Parent.SpanID())
			require.Equal(t, server.SpanContext.TraceID(), client.SpanContext.TraceID())
			require.Subset(t, kept(client.Attributes), tt.client)
			require.NotEmpty(t, got["guid:x-request-id"])
			require.False(t, client.StartTime.Before(server.StartTime))
			require.False(t, client.EndTime.After(server.EndTime))
		})
	}
}

// reading reads the body of a request before its handler.
type reading struct{ http.Handler }

func (h reading) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h.Handler.ServeHTTP(w, r)
}

// Endpoints are in the spans of tries over the network.
func TestSpansOfAnEndpointThatRefuses(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	spans := tracetest.NewInMemoryExporter()
	tracing := otel.New(otel.Config{TracerProvider: sdk.NewTracerProvider(sdk.WithSyncer(spans))})
	gw, err := gateway.New().Observe(tracing).BackendURL("cart", closed.URL).Route(toCart()).Build()
	require.NoError(t, err)
	defer gw.Close()
	tracing.Wrap(gw).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))

	got := spans.GetSpans()
	require.Len(t, got, 4, "three tries")
	client, server := got[2], got[3]
	host, port, _ := strings.Cut(closed.Listener.Addr().String(), ":")
	peer := map[string]string{"network.peer.address": host, "network.peer.port": port}
	require.Subset(t, kept(client.Attributes), peer)
	require.NotContains(t, kept(client.Attributes), "http.response.status_code", "503 is the gateway's own")
	require.Equal(t, "UF,URX", kept(server.Attributes)["response_flags"])
	require.Equal(t, codes.Error, client.Status.Code)
	require.Contains(t, server.Status.Description, "remote_connection_failure")
	for _, try := range got[:2] {
		require.Equal(t, trace.SpanKindClient, try.SpanKind)
		require.Subset(t, kept(try.Attributes), peer)
		require.Equal(t, "UF", kept(try.Attributes)["response_flags"])
		require.Equal(t, "UF", kept(try.Attributes)["error.type"])
	}
}

// The server's failures are errors for gRPC too, and the client's are not.
func TestSpansOfGRPC(t *testing.T) {
	for status, want := range map[string]codes.Code{"0": codes.Unset, "5": codes.Unset, "14": codes.Error} {
		g := traceRoute(t, otel.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", status)
			w.WriteHeader(200)
		}), toCart())
		_, spans := g.serve(httptest.NewRequest("POST", "/a.B/C", nil))
		server := spans[len(spans)-1]
		require.Equal(t, want, server.Status.Code, status)
		require.Equal(t, status, kept(server.Attributes)["grpc.status_code"])
		if want == codes.Error {
			require.Equal(t, status, kept(server.Attributes)["error.type"])
		}
	}
}

// A handler that panics ends its spans without a response.
func TestSpansOfAPanic(t *testing.T) {
	g := traceRoute(t, otel.Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), toCart())
	require.Panics(t, func() { g.serve(httptest.NewRequest("GET", "/", nil)) })
	spans := g.spans.GetSpans()
	require.Len(t, spans, 2)
	server := spans[1]
	require.Equal(t, codes.Error, server.Status.Code)
	require.NotContains(t, kept(server.Attributes), "http.response.status_code")
	require.Equal(t, "UC", kept(server.Attributes)["error.type"])
}

// A mirror's span is below the one of the request, and so is what the mirror gets.
func TestSpansOfAMirror(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracing := otel.New(otel.Config{TracerProvider: sdk.NewTracerProvider(sdk.WithSyncer(spans))})
	release := make(chan struct{})
	copied := &spy{statuses: []int{503}}
	route := toCart()
	route.Mirrors = []spec.Mirror{{Destination: spec.Destination{Host: "shadow", Port: 80}}}
	gw, err := gateway.New().Observe(tracing).Backend("cart", &spy{}).
		Backend("shadow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release // so that it outlasts the request
			copied.ServeHTTP(w, r)
		})).Route(route).Build()
	require.NoError(t, err)
	tracing.Wrap(gw).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	require.Len(t, spans.GetSpans(), 2)
	close(release)
	require.NoError(t, gw.Close()) // waits for mirrors

	got := spans.GetSpans()
	require.Len(t, got, 3)
	server, mirror := got[1], got[2]
	require.Equal(t, cartName, server.Name)
	require.Equal(t, codes.Unset, server.Status.Code, "the mirror's failure is its own")
	require.Equal(t, "200", kept(server.Attributes)["http.response.status_code"])
	require.Equal(t, "mirror", mirror.Name)
	require.Equal(t, trace.SpanKindClient, mirror.SpanKind)
	require.Equal(t, codes.Error, mirror.Status.Code)
	require.Equal(t, server.SpanContext.SpanID(), mirror.Parent.SpanID())
	require.Equal(t, "outbound|80||shadow.default.svc.cluster.local", kept(mirror.Attributes)["upstream_cluster"])
	require.Contains(t, copied.got().Get("Traceparent"), server.SpanContext.SpanID().String())
}

// Nothing is done for requests that are not sampled, or were not wrapped.
func TestOutcomesWithoutASpanCostNothing(t *testing.T) {
	tracing := otel.New(otel.Config{TracerProvider: sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample()))})
	o := &observe.Outcome{Status: 200, Destination: &observe.Destination{Cluster: cartCluster}, Tries: make([]observe.Try, 2), Endpoint: "192.0.2.1:80"}
	var ctx context.Context
	tracing.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	require.True(t, trace.SpanContextFromContext(ctx).IsValid())
	for _, ctx := range []context.Context{ctx, t.Context()} {
		require.Zero(t, testing.AllocsPerRun(100, func() { tracing.ObserveContext(ctx, o) }))
	}
	tracing.Observe(o)
}
