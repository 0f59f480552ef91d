package gateway

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// If a destination breaks every connection, only some requests are repeated, and no
// client waits for it.
func TestRepetitionsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Failing("UC")}}
		gw := remotely(built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", s)))
		const requests = 400
		for range requests {
			time.Sleep(7919) // on the test's own clock
			began := time.Now()
			require.Equal(t, 503, serve(gw, testhttp.Request(t, "GET", "/")).Code)
			require.Zero(t, time.Since(began))
		}
		require.Less(t, s.Calls, requests+requests/5)
		require.GreaterOrEqual(t, s.Calls, requests+forward.FirstRepeats)
	})
}

// A request without body is also one over HTTP/2, where net/http's server gives it
// an empty body.
func TestBrokenConnectionsOverEachProtocol(t *testing.T) {
	for _, p := range testhttp.Protocols {
		for method, want := range map[string]int{http.MethodGet: http.StatusOK, http.MethodDelete: http.StatusServiceUnavailable} {
			t.Run(p.Name+" "+method, func(t *testing.T) {
				var calls atomic.Int64
				backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if calls.Add(1) == 1 {
						panic(http.ErrAbortHandler)
					}
				}))
				defer backend.Close()
				gw := built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).BackendURL("a", backend.URL))
				for name, h := range map[string]http.Handler{"lent": gw, "owned": gw.InPlace()} {
					calls.Store(0)
					client, url := p.Client(t, h)
					r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
					require.NoError(t, err)
					response, err := client.Do(r)
					require.NoError(t, err, name)
					response.Body.Close()
					require.Equal(t, want, response.StatusCode, name)
				}
			})
		}
	}
}
