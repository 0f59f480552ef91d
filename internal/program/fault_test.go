package program_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// drawing returns a source that yields these numbers in turn.
func drawing(numbers ...uint64) func() uint64 {
	i := -1
	return func() uint64 {
		i++
		return numbers[i%len(numbers)]
	}
}

func TestFault(t *testing.T) {
	delay := func(percent float64) *spec.FaultDelay { return &spec.FaultDelay{Fixed: time.Second, Percent: percent} }
	abort := func(percent float64) *spec.FaultAbort { return &spec.FaultAbort{HTTPStatus: 418, Percent: percent} }
	for _, row := range []struct {
		name   string
		fault  spec.Fault
		drawn  []uint64
		took   time.Duration
		status int
	}{
		{"always aborted", spec.Fault{Abort: abort(100)}, []uint64{999_999}, 0, 418},
		{"never aborted", spec.Fault{Abort: abort(0)}, []uint64{0}, 0, 200},
		{"half aborted: the last", spec.Fault{Abort: abort(50)}, []uint64{499_999}, 0, 418},
		{"half aborted: beyond", spec.Fault{Abort: abort(50)}, []uint64{500_000}, 0, 200},
		{"the least aborted: one", spec.Fault{Abort: abort(0.0001)}, []uint64{0}, 0, 418},
		{"the least aborted: another", spec.Fault{Abort: abort(0.0001)}, []uint64{1}, 0, 200},
		{"a third aborted: the last", spec.Fault{Abort: abort(33.3333)}, []uint64{333_332}, 0, 418},
		{"a third aborted: beyond", spec.Fault{Abort: abort(33.3333)}, []uint64{333_333}, 0, 200},
		{"always delayed", spec.Fault{Delay: delay(100)}, []uint64{999_999}, time.Second, 200},
		{"never delayed", spec.Fault{Delay: delay(0), Abort: abort(50)}, []uint64{999_999}, 0, 200},
		{"half delayed: the last", spec.Fault{Delay: delay(50)}, []uint64{499_999}, time.Second, 200},
		{"half delayed: beyond", spec.Fault{Delay: delay(50)}, []uint64{500_000}, 0, 200},
		{"delayed, then aborted", spec.Fault{Delay: delay(100), Abort: abort(100)}, []uint64{0}, time.Second, 418},
		{"drawn apart: delayed", spec.Fault{Delay: delay(50), Abort: abort(50)}, []uint64{0, 999_999}, time.Second, 200},
		{"drawn apart: aborted", spec.Fault{Delay: delay(50), Abort: abort(50)}, []uint64{999_999, 0}, 0, 418},
		{"drawn apart: both", spec.Fault{Delay: delay(50), Abort: abort(50)}, []uint64{1, 2}, time.Second, 418},
		{"an abort with nothing", spec.Fault{Abort: &spec.FaultAbort{Percent: 100}}, []uint64{0}, 0, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := testgateway.Built(t, gateway.New().Random(drawing(row.drawn...)).Backend("*", testhttp.AnswerOK).
					Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Fault: &row.fault}))
				w, took, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
				require.Nil(t, panicked)
				require.Equal(t, row.status, w.Code)
				require.Equal(t, row.took, took)
			})
		})
	}
}

func TestFaultAborts(t *testing.T) {
	for _, row := range []struct {
		name        string
		abort       spec.FaultAbort
		contentType string
		status      int
		grpc, body  string
		grpcMessage string
	}{
		{"a status", spec.FaultAbort{HTTPStatus: 503}, "", 503, "", program.AbortBody, ""},
		{"a status, for gRPC", spec.FaultAbort{HTTPStatus: 503}, "application/grpc", 200, "14", "", program.AbortBody},
		{"a gRPC status", spec.FaultAbort{GRPCStatus: "NOT_FOUND"}, "application/grpc", 200, "5", "", program.AbortBody},
		{"a gRPC status, for others", spec.FaultAbort{GRPCStatus: "NOT_FOUND"}, "", 200, "", program.AbortBody, ""},
		{"a gRPC status, for gRPC-Web", spec.FaultAbort{GRPCStatus: "NOT_FOUND"}, "application/grpc-web", 200, "", program.AbortBody, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.abort.Percent = 100
			gw, _ := testgateway.Routed(t, gateway.Envoy, spec.Route{
				Fault:   &spec.Fault{Abort: &row.abort},
				CORS:    &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}},
				Headers: spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"X-Set": "1"}}},
			})
			w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/", "Origin: https://a.com", "Content-Type: "+row.contentType))
			require.Equal(t, row.status, w.Code)
			require.Equal(t, row.grpc, w.Header().Get("Grpc-Status"))
			require.Equal(t, row.grpcMessage, w.Header().Get("Grpc-Message"))
			require.Equal(t, row.body, w.Body.String())
			require.Equal(t, "istio-envoy", w.Header().Get("Server"))
			require.NotContains(t, w.Header(), "Access-Control-Allow-Origin")
			require.NotContains(t, w.Header(), "X-Set")
		})
	}
}

func TestDelayEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Fault: &spec.Fault{Delay: &spec.FaultDelay{Fixed: time.Hour, Percent: 100}}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		_, took, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/").WithContext(ctx))
		require.Nil(t, panicked)
		require.Equal(t, time.Second, took)
		require.Nil(t, spy.Got)
	})
}

// A delay is not part of the route's timeout, and occurs only once for all
// tries.
func TestDelayIsBeforeTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Status(503), testhttp.Status(503), testhttp.Status(200)}}
		gw := testgateway.Built(t, gateway.New().Random(func() uint64 { return 0 }).Backend("*", s).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "a"}}, Timeout: 10 * time.Millisecond, Retry: &spec.Retry{Attempts: 2, On: []string{"503"}},
			Fault: &spec.Fault{Delay: &spec.FaultDelay{Fixed: time.Second, Percent: 100}},
		}))
		w, took, _ := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
		require.Equal(t, 200, w.Code)
		require.Equal(t, time.Second, took)
	})
}

func TestFaultMiddleware(t *testing.T) {
	middleware, err := gateway.Fault(spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 418, Percent: 100}})
	require.NoError(t, err)
	w := testgateway.Serve(middleware(testhttp.AnswerOK), httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 418, w.Code)
	require.Equal(t, program.AbortBody, w.Body.String())
	_, err = gateway.Fault(spec.Fault{})
	require.Error(t, err)
}
