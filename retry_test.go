package gateway

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// remotely makes the destinations of a gateway behave as if outside of this
// process.
func remotely(g *Gateway) *Gateway {
	for _, h := range g.load().Listeners[0].Plain.Order {
		for i := range h.Clauses {
			h.Clauses[i].Route.Wrapped = true
			for j := range h.Clauses[i].Route.Split.Destinations {
				h.Clauses[i].Route.Split.Destinations[j].Remote = true
				h.Clauses[i].Route.Split.Destinations[j].Budget = forward.NewBudget()
			}
		}
	}
	return g
}

func TestRetry(t *testing.T) {
	const (
		grpc     = "application/grpc"
		refused  = "refused"
		unsent   = "unsent"
		overload = "overload"
	)
	fail := func(what string) testhttp.Step {
		f := upstream.Failure{Flag: "UR", Status: 503, Body: "failed", RequestSent: true}
		switch what {
		case refused:
			f.Refused = true
		case unsent:
			f.Flag, f.RequestSent = "UC", false
		case overload:
			f.Flag, f.Overloaded = "UF", true
		default:
			return testhttp.Failing(what)
		}
		return func(w http.ResponseWriter, _ *http.Request) { w.(upstream.FailureRecorder).UpstreamFailed(f) }
	}
	limited := testhttp.Status(429, "X-Envoy-Ratelimited", "true")
	trailersOnly := func(code string) testhttp.Step {
		return testhttp.Status(200, "Grpc-Status", code, "Content-Type", grpc)
	}
	ok := testhttp.Status(200)
	for _, row := range []struct {
		on    string // for two attempts; "default" means no policy
		first testhttp.Step
		name  string
		again bool
	}{
		{"default", testhttp.Status(503), "503", false},
		{"default", testhttp.Status(500), "500", false},
		{"default", fail("UF"), "connect failure", true},
		{"default", fail(refused), "refused stream", true},
		{"default", fail("UR"), "reset", false},
		{"default", fail("UC"), "termination", false},
		{"default", fail("UH"), "no endpoint", false},
		{"default", fail(unsent), "termination before the request", false},
		{"default", fail(overload), "overload", false},
		{"default", trailersOnly("14"), "unavailable", true},
		{"default", trailersOnly("1"), "cancelled", true},
		{"default", trailersOnly("13"), "internal", false},
		{"", fail("UF"), "connect failure", true},
		{"", testhttp.Status(503), "503", false},

		{"5xx", testhttp.Status(500), "500", true},
		{"5xx", testhttp.Status(599), "599", true},
		{"5xx", testhttp.Status(499), "499", false},
		{"5xx", testhttp.Status(600), "600", false},
		{"5xx", fail("UF"), "connect failure", true},
		{"5xx", fail("UC"), "termination", true},
		{"5xx", fail("UR"), "reset", true},
		{"5xx", fail("UPE"), "protocol error", true},
		{"5xx", fail("UH"), "no endpoint", false},
		{"5xx", fail("UT"), "deadline of the client", false},
		{"5xx", fail(overload), "overload", false},
		{"5xx", testhttp.Status(503, "X-Envoy-Ratelimited", "true"), "503 of a rate limit", false},

		{"gateway-error", testhttp.Status(502), "502", true},
		{"gateway-error", testhttp.Status(503), "503", true},
		{"gateway-error", testhttp.Status(504), "504", true},
		{"gateway-error", testhttp.Status(500), "500", false},
		{"gateway-error", testhttp.Status(501), "501", false},
		{"gateway-error", testhttp.Status(505), "505", false},
		{"gateway-error", fail("UC"), "termination", true},

		{"reset", fail("UC"), "termination", true},
		{"reset", fail("UF"), "connect failure", true},
		{"reset", testhttp.Status(503), "503", false},

		{"reset-before-request", fail(unsent), "termination before the request", true},
		{"reset-before-request", fail("UF"), "connect failure", true},
		{"reset-before-request", fail("UC"), "termination", false},

		{"connect-failure", fail("UF"), "connect failure", true},
		{"connect-failure", fail("UC"), "termination", false},
		{"connect-failure", fail(refused), "refused stream", false},

		{"refused-stream", fail(refused), "refused stream", true},
		{"refused-stream", fail("UF"), "connect failure", false},
		{"refused-stream", fail("UR"), "reset", false},

		{"retriable-4xx", testhttp.Status(409), "409", true},
		{"retriable-4xx", testhttp.Status(408), "408", false},
		{"retriable-4xx", testhttp.Status(429), "429", false},

		{"503", testhttp.Status(503), "503", true},
		{"503", testhttp.Status(502), "502", false},
		{"503", fail("UC"), "termination", false},
		{"404,418", testhttp.Status(418), "418", true},
		{"retriable-status-codes", testhttp.Status(503), "503", false},
		{"retriable-headers", testhttp.Status(503), "503", false},

		{"envoy-ratelimited", limited, "a rate limit's 429", true},
		{"envoy-ratelimited", testhttp.Status(429), "another 429", false},
		{"429", limited, "a rate limit's 429", false},

		{"cancelled", trailersOnly("1"), "cancelled", true},
		{"deadline-exceeded", trailersOnly("4"), "deadline-exceeded", true},
		{"resource-exhausted", trailersOnly("8"), "resource-exhausted", true},
		{"internal", trailersOnly("13"), "internal", true},
		{"unavailable", trailersOnly("14"), "unavailable", true},
		{"unavailable", trailersOnly("13"), "internal", false},
		{"unavailable", trailersOnly("0"), "ok", false},
		{"unavailable", testhttp.Status(200), "no grpc-status", false},
	} {
		t.Run(row.on+" on "+row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				route := spec.Route{Destinations: []spec.Destination{{Host: "a"}}}
				if row.on != "default" {
					route.Retry = &spec.Retry{Attempts: 2}
					if row.on != "" {
						route.Retry.On = strings.Split(row.on, ",")
					}
				}
				for _, timed := range []bool{false, true} {
					if timed {
						route.Timeout = time.Hour
					}
					s := &testhttp.Script{Steps: []testhttp.Step{row.first, ok}}
					gw := remotely(built(t, New().Semantics(Envoy).Route(route).Backend("*", s)))
					w := serve(gw, testhttp.Request(t, "GET", "/", "Content-Type: "+grpc))
					if row.again {
						require.Equal(t, []string{"1", "2"}, s.Counts)
						require.Equal(t, "body of 200", w.Body.String())
						require.NotContains(t, w.Header(), "Grpc-Status", "the header of the first response")
						require.NotContains(t, w.Header(), "X-Envoy-Ratelimited")
					} else {
						require.Equal(t, []string{"1"}, s.Counts)
					}
				}
			})
		})
	}
}

// When all tries are used up, the client gets the last answer.
func TestRetriesUsedUp(t *testing.T) {
	for _, row := range []struct {
		name   string
		retry  *spec.Retry
		steps  []testhttp.Step
		calls  int
		status int
		body   string
	}{
		{"none", &spec.Retry{}, []testhttp.Step{testhttp.Status(503)}, 1, 503, "body of 503"},
		{"responses", &spec.Retry{Attempts: 2, On: []string{"5xx"}}, []testhttp.Step{testhttp.Status(500), testhttp.Status(501), testhttp.Status(502)}, 3, 502, "body of 502"},
		{"failures", &spec.Retry{Attempts: 2, On: []string{"5xx"}}, []testhttp.Step{testhttp.Status(500), testhttp.Failing("UC")}, 3, 503, "failed with UC"},
		{"failures by default", nil, []testhttp.Step{testhttp.Failing("UF")}, 3, 503, "failed with UF"},
		{"a failure, then what is not retried", &spec.Retry{Attempts: 2}, []testhttp.Step{testhttp.Failing("UF"), testhttp.Failing("UC")}, 2, 503, "failed with UC"},
		{"broken connections by default", nil, []testhttp.Step{testhttp.Failing("UC")}, 3, 503, "failed with UC"},
		{"just enough", &spec.Retry{Attempts: 2, On: []string{"5xx"}}, []testhttp.Step{testhttp.Status(500), testhttp.Status(500), testhttp.Status(201)}, 3, 201, "body of 201"},
		{"one too few", &spec.Retry{Attempts: 1, On: []string{"5xx"}}, []testhttp.Step{testhttp.Status(500), testhttp.Status(500), testhttp.Status(201)}, 2, 500, "body of 500"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &testhttp.Script{Steps: row.steps}
				gw := remotely(built(t, New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: row.retry}).Backend("*", s)))
				w := serve(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, row.calls, s.Calls)
				require.Equal(t, row.status, w.Code)
				require.Equal(t, row.body, w.Body.String())
			})
		})
	}
}

func TestOnlyOtherProcessesAreRetriedByDefault(t *testing.T) {
	s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Status(200, "Grpc-Status", "14")}}
	b := New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", s)
	serve(built(t, b), testhttp.Request(t, "GET", "/"))
	require.Equal(t, 1, s.Calls)
	limit, err := RateLimit(spec.RateLimit{Requests: 10, Unit: time.Second})
	require.NoError(t, err)
	serve(limit(s), testhttp.Request(t, "GET", "/", "Content-Type: application/grpc"))
	require.Equal(t, 2, s.Calls, "a middleware calls its handler once")
	require.Equal(t, []string{"", ""}, s.Counts)
}

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	p := forward.CompileRetry(&spec.Retry{Attempts: 9})
	for n, limit := range []time.Duration{25 * ms, 50 * ms, 100 * ms, 200 * ms, 250 * ms, 250 * ms, 250 * ms} {
		require.Equal(t, limit-1, p.Backoff(n+1, func() uint64 { return uint64(limit) - 1 }))
		require.Zero(t, p.Backoff(n+1, func() uint64 { return uint64(limit) }))
		require.Less(t, p.Backoff(n+1, func() uint64 { return math.MaxUint64 }), limit)
	}
	p = forward.CompileRetry(&spec.Retry{Attempts: 9, Backoff: time.Second})
	require.Equal(t, time.Second-1, p.Backoff(1, func() uint64 { return uint64(time.Second) - 1 }))
	require.Less(t, p.Backoff(1000, func() uint64 { return math.MaxUint64 }), 10*time.Second)

	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Status(503)}}
		gw := built(t, New().Random(func() uint64 { return uint64(20 * ms) }).Backend("*", s).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: &spec.Retry{Attempts: 3, On: []string{"503"}}}))
		_, took, _ := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
		require.Equal(t, 60*ms, took)
	})
}

func TestRetriesSendTheBodyAgain(t *testing.T) {
	read := func(all bool, then testhttp.Step) testhttp.Step {
		return func(w http.ResponseWriter, r *http.Request) {
			n := int64(3)
			if all {
				n = math.MaxInt64
			}
			text, _ := io.ReadAll(io.LimitReader(r.Body, n))
			_ = r.Body.Close()
			r.Header.Set("X-Spoilt", "1")
			r.URL.Path = "/spoilt"
			w.Header().Set("X-Read", strconv.Itoa(len(text)))
			then(w, r)
		}
	}
	for _, row := range []struct {
		name  string
		size  int
		first testhttp.Step
		calls int
	}{
		{"little, read", 10, read(true, testhttp.Status(503)), 2},
		{"little, half read", 10, read(false, testhttp.Status(503)), 2},
		{"little, not read", 10, testhttp.Status(503), 2},
		{"as much as is kept", forward.ReplayLimit, read(true, testhttp.Status(503)), 2},
		{"one byte more", forward.ReplayLimit + 1, read(true, testhttp.Status(503)), 1},
		{"too much, not read", 10 * forward.ReplayLimit, testhttp.Status(503), 2},
		{"too much, failed", 10 * forward.ReplayLimit, read(true, testhttp.Failing("UC")), 1},
		{"little, failed", 10, read(true, testhttp.Failing("UC")), 2},
	} {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var got string
					var path, spoilt string
					s := &testhttp.Script{Steps: []testhttp.Step{row.first, func(w http.ResponseWriter, r *http.Request) {
						text, err := io.ReadAll(r.Body)
						if err != nil {
							panic(err)
						}
						got, path, spoilt = string(text), r.URL.Path, r.Header.Get("X-Spoilt")
					}}}
					gw := built(t, New().Backend("*", s).Route(spec.Route{
						Destinations: []spec.Destination{{Host: "a"}}, Timeout: timeout, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}},
					}))
					text := strings.Repeat("0123456789", row.size/10+1)[:row.size]
					w := serve(gw, httptest.NewRequest("POST", "/path", strings.NewReader(text)))
					require.Equal(t, row.calls, s.Calls)
					if row.calls == 1 {
						require.Equal(t, 503, w.Code)
						return
					}
					require.Equal(t, 200, w.Code)
					require.True(t, text == got)
					require.Equal(t, "/path", path)
					require.Empty(t, spoilt)
				})
			})
		}
	}
}

// The default policy retries a proxied request only if nobody has read its body.
func TestDefaultRetriesLeaveABodyAlone(t *testing.T) {
	touching := func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		testhttp.Failing("UF")(w, r)
	}
	closing := func(w http.ResponseWriter, r *http.Request) {
		_ = r.Body.Close()
		testhttp.Failing("UF")(w, r)
	}
	for _, row := range []struct {
		name  string
		first testhttp.Step
		calls int
	}{{"closed", closing, 2}, {"read", touching, 1}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got string
				s := &testhttp.Script{Steps: []testhttp.Step{row.first, func(_ http.ResponseWriter, r *http.Request) {
					text, _ := io.ReadAll(r.Body)
					got = string(text)
				}}}
				gw := remotely(built(t, New().Backend("*", s).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}})))
				serve(gw, httptest.NewRequest("POST", "/", io.NopCloser(strings.NewReader("body"))))
				require.Equal(t, row.calls, s.Calls)
				if row.calls == 2 {
					require.Equal(t, "body", got)
				}
			})
		})
	}
}

func TestHeadIsRetried(t *testing.T) {
	s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Status(503, "Content-Length", "7"), testhttp.Status(200, "Content-Length", "9")}}
	gw := built(t, New().Random(func() uint64 { return 0 }).Backend("*", s).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}))
	server := httptest.NewServer(gw)
	defer server.Close()
	response, err := server.Client().Head(server.URL)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)
	require.EqualValues(t, 9, response.ContentLength)
}

// Nothing is retried once the client has seen a header.
func TestNoRetryAfterTheResponseHasBegun(t *testing.T) {
	s := &testhttp.Script{Steps: []testhttp.Step{func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		_, _ = io.WriteString(w, "begun")
		panic(http.ErrAbortHandler)
	}}}
	gw := built(t, New().Backend("*", s).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: &spec.Retry{Attempts: 3, On: []string{"5xx"}}}))
	_, _, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
	require.Equal(t, http.ErrAbortHandler, panicked)
	require.Equal(t, 1, s.Calls)
}

// A backend's response that was discarded may end in any way.
func TestDiscardedResponse(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var cancelled error
			s := &testhttp.Script{Steps: []testhttp.Step{func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(503)
				cancelled = r.Context().Err()
				if _, err := io.WriteString(w, "x"); err != nil {
					panic(http.ErrAbortHandler)
				}
			}, testhttp.Status(200)}}
			gw := built(t, New().Backend("*", s).Route(spec.Route{
				Destinations: []spec.Destination{{Host: "a"}}, Timeout: timeout, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}},
			}))
			w, _, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
			synctest.Wait()
			require.Nil(t, panicked)
			require.Equal(t, "body of 200", w.Body.String())
			require.Error(t, cancelled)
		})
	}
}

func TestRetryOverRealConnections(t *testing.T) {
	s := &testhttp.Script{Steps: []testhttp.Step{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, testhttp.Status(200)}}
	backend := httptest.NewServer(s)
	defer backend.Close()
	for _, row := range []struct {
		name, url string
		retry     *spec.Retry
		status    int
		calls     int
	}{
		{"a reset by default", backend.URL, nil, 503, 1},
		{"a reset", backend.URL, &spec.Retry{Attempts: 1, On: []string{"reset"}}, 200, 2},
		{"a refused connection", testhttp.RefusingURL, nil, 503, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.Mu.Lock()
			s.Calls = 0
			s.Mu.Unlock()
			gw := built(t, New().BackendURL("*", row.url).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: row.retry}))
			server := httptest.NewServer(gw)
			defer server.Close()
			response, err := server.Client().Post(server.URL, "text/plain", strings.NewReader("body"))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, row.status, response.StatusCode)
			s.Mu.Lock()
			defer s.Mu.Unlock()
			require.Equal(t, row.calls, s.Calls)
		})
	}
}

// A destination may fail before it has read the request's body. The rest of the
// body must not become a request.
func TestFailureEndsTheConnectionOfABody(t *testing.T) {
	for _, retry := range []*spec.Retry{nil, {}, {Attempts: 1, On: []string{"5xx"}}} {
		gw := built(t, New().Random(func() uint64 { return 0 }).BackendURL("*", testhttp.RefusingURL).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: retry}))
		server := httptest.NewServer(gw)
		body, sending := io.Pipe()
		go func() { _, _ = io.WriteString(sending, "part") }()
		response, err := server.Client().Post(server.URL, "text/plain", body)
		require.NoError(t, err)
		require.Equal(t, 503, response.StatusCode)
		require.True(t, response.Close)
		require.NoError(t, response.Body.Close())
		require.NoError(t, sending.Close())
		server.Close()
	}
}

// A retry costs nothing as long as nothing fails.
func TestDefaultRetryDoesNotAllocate(t *testing.T) {
	count := func(retry *spec.Retry) float64 {
		gw := remotely(built(t, New().Backend("*", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: retry})))
		r, w := testhttp.Request(t, "GET", "/"), testhttp.NewDiscarding()
		return testing.AllocsPerRun(100, func() { gw.ServeHTTP(w, r) })
	}
	none := count(&spec.Retry{})
	require.Equal(t, none, count(nil))
	require.Equal(t, none, count(&spec.Retry{Attempts: 3, On: []string{"reset"}}))
}

// A request that changes nothing is repeated if its connection broke and the route
// has no policy. Istio's default answers 503.
func TestBrokenConnections(t *testing.T) {
	for _, row := range []struct {
		name      string
		semantics Semantics
		method    string
		body      string
		retry     *spec.Retry
		calls     int
	}{
		{"GET", Native, "GET", "", nil, 2},
		{"HEAD", Native, "HEAD", "", nil, 2},
		{"as Istio", Envoy, "GET", "", nil, 1},
		{"POST", Native, "POST", "", nil, 1},
		{"DELETE", Native, "DELETE", "", nil, 1},
		{"with a body", Native, "GET", "x", nil, 1},
		{"a policy", Native, "GET", "", &spec.Retry{Attempts: 2, On: []string{"connect-failure"}}, 1},
		{"no retries", Native, "GET", "", &spec.Retry{}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &testhttp.Script{Steps: []testhttp.Step{testhttp.Failing("UC"), testhttp.Status(200)}}
				gw := remotely(built(t, New().Semantics(row.semantics).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Retry: row.retry}).Backend("*", s)))
				r := testhttp.Request(t, row.method, "/")
				if row.body != "" {
					r.Body = io.NopCloser(strings.NewReader(row.body))
				}
				serve(gw, r)
				require.Equal(t, row.calls, s.Calls)
			})
		})
	}
}

// Retries work the same for requests that may be changed in place.
func TestRetriesOfOwnedRequests(t *testing.T) {
	owned = true
	defer func() { owned = false }()
	t.Run("retry", TestRetry)
	t.Run("body again", TestRetriesSendTheBodyAgain)
}
