package gateway

import (
	"io"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestParseGRPCTimeout(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration
	}{
		{"1H", time.Hour}, {"2M", 2 * time.Minute}, {"3S", 3 * time.Second}, {"4m", 4 * time.Millisecond},
		{"5u", 5 * time.Microsecond}, {"6n", 6}, {"00000010S", 10 * time.Second}, {"99999999S", 99999999 * time.Second},
		{"99999999H", math.MaxInt64}, {"0S", 0},
		{"", 0}, {"S", 0}, {"1", 0}, {"1s", 0}, {"1h", 0}, {"-1S", 0}, {"+1S", 0}, {"1.5S", 0}, {" 1S", 0}, {"123456789S", 0},
	} {
		require.Equal(t, row.want, parseGRPCTimeout(row.text), row.text)
	}
}

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
		{"the route's alone", 3 * time.Second, "application/grpc", "", 3 * time.Second, "14", timeoutBody},
		{"the route's is shorter", 3 * time.Second, "application/grpc+proto", "1M", 3 * time.Second, "4", expired},
		{"malformed", 3 * time.Second, "application/grpc", "soon", 3 * time.Second, "14", timeoutBody},
		{"not gRPC", 3 * time.Second, "text/plain", "1S", 3 * time.Second, "", ""},
		{"neither", 0, "application/grpc", "", time.Hour, "", ""},
		{"not gRPC, alone", 0, "text/plain", "1S", time.Hour, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw, spy := routed(t, Envoy, spec.Route{Timeout: row.timeout, Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"X-Set": "1"}}}})
				spy.then = func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }
				r := request(t, "GET", "/", "Content-Type: "+row.contentType, "Grpc-Timeout: "+row.grpcTimeout)
				w, took, panicked := outcomeOf(gw, r)
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
		gw, spy := routed(t, Native, spec.Route{})
		spy.then = func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }
		r := request(t, "POST", "/", "Content-Type: application/grpc", "Grpc-Timeout: 2S")
		r.Body = io.NopCloser(&slowBody{parts: []string{"a", "b"}, each: time.Second, err: io.EOF})
		_, took, _ := outcomeOf(gw, r)
		require.Equal(t, 2*time.Second, took, "while the body still arrives")
		time.Sleep(2 * time.Hour)
	})
}
