package otel_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/otel"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A sink is a collector of OTLP over HTTP.
type sink struct {
	mu    sync.Mutex
	spans []*otlp.Span
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in = unzipped
	}
	body, err := io.ReadAll(in)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "no export of traces", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range request.ResourceSpans {
		for _, in := range of.ScopeSpans {
			if in.Scope.Name == "github.com/lateengo/gateway/otel" {
				s.spans = append(s.spans, in.Spans...)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	_, _ = w.Write(answer)
}

// All together: a client, the ports of package server, a destination over the network,
// and a collector that gets the spans by OTLP.
func TestOTLP(t *testing.T) {
	var got sink
	collecting := httptest.NewServer(&got)
	defer collecting.Close()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(collecting.URL+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	require.NoError(t, err)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.Empty()))
	tracing := otel.New(otel.Config{TracerProvider: provider})

	upstream := &spy{statuses: []int{200, 503}}
	destination := httptest.NewServer(upstream)
	defer destination.Close()
	gw, err := gateway.New().Observe(tracing).BackendURL("cart", destination.URL).
		Server(spec.Server{Port: 80, Hosts: []string{"*"}}).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{toCart()}}).Build()
	require.NoError(t, err)
	listeners := server.New(gw, server.Config{
		Addresses: map[int]string{80: "127.0.0.1:0"},
		Wrap:      func(_ *gateway.Listener, next http.Handler) http.Handler { return tracing.Wrap(next) },
	})
	require.NoError(t, listeners.Start())

	client := &http.Client{Transport: &http.Transport{}}
	for _, want := range []int{200, 503} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+listeners.Addr(80).String()+"/a?b", nil)
		require.NoError(t, err)
		request.Header.Set("Traceparent", traceparent)
		response, err := client.Do(request)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		require.Equal(t, want, response.StatusCode)
	}
	client.CloseIdleConnections()
	require.NoError(t, listeners.Shutdown(context.Background()))
	require.NoError(t, gw.Close())
	require.NoError(t, provider.Shutdown(context.Background())) // sends what waits

	require.Len(t, got.spans, 4)
	for i, status := range []string{"200", "503"} {
		client, server := got.spans[2*i], got.spans[2*i+1]
		require.Equal(t, otlp.Span_SPAN_KIND_CLIENT, client.Kind)
		require.Equal(t, otlp.Span_SPAN_KIND_SERVER, server.Kind)
		require.Equal(t, cartCluster, client.Name)
		require.Equal(t, cartName, server.Name)
		require.Equal(t, server.SpanId, client.ParentSpanId)
		require.Equal(t, traceID, hex(server.TraceId))
		require.Equal(t, parentID, hex(server.ParentSpanId))
		require.Equal(t, "00-"+traceID+"-"+hex(server.SpanId)+"-01", upstream.headers[i].Get("Traceparent"))
		want := otlp.Status_STATUS_CODE_UNSET
		if status == "503" {
			want = otlp.Status_STATUS_CODE_ERROR
		}
		require.Equal(t, want, server.Status.GetCode())
		attributes := texts(server)
		require.Equal(t, status, attributes["http.response.status_code"])
		require.Equal(t, "127.0.0.1", attributes["server.address"])
		require.Equal(t, "127.0.0.1", attributes["client.address"])
		require.Equal(t, "/a", attributes["url.path"])
		require.Equal(t, cartCluster, attributes["upstream_cluster"])
		require.Equal(t, "-", attributes["response_flags"])
		require.NotEmpty(t, attributes["guid:x-request-id"])
		host, port, err := net.SplitHostPort(destination.Listener.Addr().String())
		require.NoError(t, err)
		require.Equal(t, host, texts(client)["network.peer.address"])
		require.Equal(t, port, texts(client)["network.peer.port"])
		require.LessOrEqual(t, server.StartTimeUnixNano, client.StartTimeUnixNano)
		require.LessOrEqual(t, client.EndTimeUnixNano, server.EndTimeUnixNano)
	}
}

func hex(id []byte) string { return fmt.Sprintf("%x", id) }

// texts returns the attributes of a span, as text.
func texts(s *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		if text, ok := a.Value.Value.(*common.AnyValue_StringValue); ok {
			out[a.Key] = text.StringValue
		} else {
			out[a.Key] = fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return out
}
