package program_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A gRPC client's own timeout shortens the route's. It counts from the beginning
// of the request.
func TestGRPCTimeout(t *testing.T) {
	const expired = "downstream duration timeout"
	for _, row := range []struct {
		name          string
		timeout       time.Duration
		contentType   string
		grpcTimeout   string
		took          time.Duration
		code, message string
	}{
		{"the client's alone", 0, "application/grpc", "2S", 2 * time.Second, "4", expired},
		{"the client's is shorter", time.Minute, "application/grpc", "2S", 2 * time.Second, "4", expired},
		{"the route's alone", 3 * time.Second, "application/grpc", "", 3 * time.Second, "14", forward.TimeoutBody},
		{"the route's is shorter", 3 * time.Second, "application/grpc+proto", "1M", 3 * time.Second, "4", expired},
		{"malformed", 3 * time.Second, "application/grpc", "soon", 3 * time.Second, "14", forward.TimeoutBody},
		{"not gRPC", 3 * time.Second, "text/plain", "1S", 3 * time.Second, "", ""},
		{"neither", 0, "application/grpc", "", time.Hour, "", ""},
		{"not gRPC, alone", 0, "text/plain", "1S", time.Hour, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Timeout: row.timeout, Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"X-Set": "1"}}}})
				spy.Then = func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }
				r := testhttp.Request(t, "GET", "/", "Content-Type: "+row.contentType, "Grpc-Timeout: "+row.grpcTimeout)
				w, took, panicked := testhttp.OutcomeOf(gw, r)
				require.Nil(t, panicked)
				require.Equal(t, row.took, took)
				require.Equal(t, row.code, w.Header().Get("Grpc-Status"))
				require.Equal(t, row.message, w.Header().Get("Grpc-Message"))
				require.Equal(t, row.took < time.Hour, w.Header().Get("X-Set") == "")
				time.Sleep(2 * time.Hour)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{})
		spy.Then = func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }
		r := testhttp.Request(t, "POST", "/", "Content-Type: application/grpc", "Grpc-Timeout: 2S")
		r.Body = io.NopCloser(&testhttp.SlowBody{Parts: []string{"a", "b"}, Each: time.Second, Err: io.EOF})
		_, took, _ := testhttp.OutcomeOf(gw, r)
		require.Equal(t, 2*time.Second, took, "while the body still arrives")
		time.Sleep(2 * time.Hour)
	})
}
