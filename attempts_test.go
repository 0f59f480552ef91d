package gateway

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestPerTryTimeout(t *testing.T) {
	const ms = time.Millisecond
	slow := func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }
	late := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		time.Sleep(time.Second)
		_, _ = io.WriteString(w, "late")
	}
	for _, row := range []struct {
		name   string
		route  spec.Route
		steps  []testhttp.Step
		took   time.Duration
		calls  int
		status int
		body   string
	}{
		{"not retried by default", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms}}, []testhttp.Step{slow}, 100 * ms, 1, 504, forward.TimeoutBody},
		{"not retried on connect-failure", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"connect-failure", "503"}}},
			[]testhttp.Step{slow}, 100 * ms, 1, 504, forward.TimeoutBody},
		{"not retried on reset-before-request", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"reset-before-request"}}},
			[]testhttp.Step{slow}, 100 * ms, 1, 504, forward.TimeoutBody},
		{"retried on 5xx", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"5xx"}}}, []testhttp.Step{slow, testhttp.Status(200)}, 100 * ms, 2, 200, "body of 200"},
		{"retried on gateway-error", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"gateway-error"}}}, []testhttp.Step{slow, testhttp.Status(200)}, 100 * ms, 2, 200, "body of 200"},
		{"retried on reset", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"reset"}}}, []testhttp.Step{slow, testhttp.Status(200)}, 100 * ms, 2, 200, "body of 200"},
		{"all of them", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"5xx"}}}, []testhttp.Step{slow}, 300 * ms, 3, 504, forward.TimeoutBody},
		{"until the timeout", spec.Route{Timeout: 250 * ms, Retry: &spec.Retry{Attempts: 5, PerTryTimeout: 100 * ms, On: []string{"5xx"}}}, []testhttp.Step{slow}, 250 * ms, 3, 504, forward.TimeoutBody},
		{"longer than the timeout", spec.Route{Timeout: 50 * ms, Retry: &spec.Retry{Attempts: 5, PerTryTimeout: 100 * ms, On: []string{"5xx"}}}, []testhttp.Step{slow}, 50 * ms, 1, 504, forward.TimeoutBody},
		{"a slow body", spec.Route{Retry: &spec.Retry{Attempts: 2, PerTryTimeout: 100 * ms, On: []string{"5xx"}}}, []testhttp.Step{late}, time.Second, 1, 200, "late"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &testhttp.Script{Steps: row.steps}
				row.route.Destinations = []spec.Destination{{Host: "a"}}
				gw := built(t, New().Random(func() uint64 { return 0 }).Route(row.route).Backend("*", s))
				w, took, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
				require.Nil(t, panicked)
				require.Equal(t, row.took, took)
				require.Equal(t, row.status, w.Code)
				require.Equal(t, row.body, w.Body.String())
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				require.Equal(t, row.calls, s.Calls)
			})
		})
	}
}

func TestExpectedTimeoutIsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }}}
		gw := built(t, New().Semantics(Envoy).Random(func() uint64 { return 0 }).Backend("*", s).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "a"}}, Timeout: 2500 * time.Millisecond,
			Retry: &spec.Retry{Attempts: 5, PerTryTimeout: time.Second, On: []string{"5xx"}},
		}))
		_, _, _ = testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"1", "2", "3"}, s.Counts)
		require.Equal(t, []string{"1000", "1000", "500"}, s.Expected)
	})
}

func TestTimeIsUpBetweenTries(t *testing.T) {
	for _, timed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Status(503)}}
			route := spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: &spec.Retry{Attempts: 3, On: []string{"503"}, Backoff: time.Minute}}
			if timed {
				route.Timeout = 10 * time.Second
			}
			gw := built(t, New().Random(func() uint64 { return uint64(30 * time.Second) }).Backend("*", s).Route(route))
			r := testhttp.Request(t, "GET", "/")
			if !timed {
				ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
				defer cancel()
				r = r.WithContext(ctx)
			}
			w, took, panicked := testhttp.OutcomeOf(gw, r)
			require.Nil(t, panicked)
			require.Equal(t, 10*time.Second, took)
			require.Equal(t, 504, w.Code)
			require.Equal(t, forward.TimeoutBody, w.Body.String())
			require.Equal(t, 1, s.Calls)
		})
	}
}

// Nobody writes to a client that has gone away.
func TestClientGoesAwayBetweenTries(t *testing.T) {
	for _, remote := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Failing("UF")}}
			gw := built(t, New().Random(func() uint64 { return uint64(30 * time.Second) }).Backend("*", s).
				Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: &spec.Retry{Attempts: 3, On: []string{"connect-failure"}, Backoff: time.Minute}}))
			if remote {
				remotely(gw)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			time.AfterFunc(10*time.Second, cancel)
			_, took, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/").WithContext(ctx))
			require.Equal(t, http.ErrAbortHandler, panicked)
			require.Equal(t, 10*time.Second, took)
			require.Equal(t, 1, s.Calls)
		})
	}
}
