package limit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// limitedBy is a gateway with limits on its one route. perClient is the key of
// limits for each client.
var perClient = []spec.LimitKey{{RemoteAddress: true}}

func limitedBy(t *testing.T, limits ...spec.RateLimit) *gateway.Gateway {
	t.Helper()
	return testgateway.Built(t, gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}).Backend("*", testhttp.AnswerOK))
}

// allowed counts how many of n requests pass.
func allowed(h http.Handler, n int, r func() *http.Request) (passed int) {
	for range n {
		if w := testgateway.Serve(h, r()); w.Code == 200 {
			passed++
		}
	}
	return passed
}

func TestLimitCountsExactly(t *testing.T) {
	for _, row := range []struct {
		requests int
		unit     time.Duration
	}{{1, time.Second}, {2, time.Second}, {10, time.Minute}, {1000, time.Hour}, {7, 24 * time.Hour}} {
		t.Run(fmt.Sprintf("%d per %v", row.requests, row.unit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := limitedBy(t, spec.RateLimit{Requests: row.requests, Unit: row.unit})
				get := func() *http.Request { return testhttp.From(testhttp.Client) }
				require.Equal(t, row.requests, allowed(gw, row.requests+5, get))
				each := row.unit / time.Duration(row.requests)
				time.Sleep(each - time.Microsecond)
				require.Equal(t, 0, allowed(gw, 1, get), "the refill is continuous: a token is not there before its time")
				time.Sleep(2 * time.Microsecond)
				require.Equal(t, 1, allowed(gw, 2, get))
				time.Sleep(row.unit / 2)
				require.InDelta(t, float64(row.requests)/2, float64(allowed(gw, row.requests, get)), 0.51)
				time.Sleep(100 * row.unit)
				require.Equal(t, row.requests, allowed(gw, row.requests+5, get), "no more is saved up than there was")
			})
		})
	}
}

func TestLimitKeys(t *testing.T) {
	address, user, plan := spec.LimitKey{RemoteAddress: true}, spec.LimitKey{Header: "X-User"}, spec.LimitKey{Header: "x-plan"}
	const other, v6 = "192.0.2.2:1234", "[2001:db8:1:2::1]:1234"
	for _, row := range []struct {
		name          string
		per           []spec.LimitKey
		first, second *http.Request
		// shared means that both count together; free that the second does not
		// count at all.
		shared, free bool
	}{
		{"none", nil, testhttp.From(testhttp.Client), testhttp.From(other), true, false},
		{"address: the same", []spec.LimitKey{address}, testhttp.From(testhttp.Client), testhttp.From("192.0.2.1:999"), true, false},
		{"address: another", []spec.LimitKey{address}, testhttp.From(testhttp.Client), testhttp.From(other), false, false},
		{"address: the same, v4-mapped", []spec.LimitKey{address}, testhttp.From(testhttp.Client), testhttp.From("[::ffff:192.0.2.1]:1"), true, false},
		{"address: the same /64", []spec.LimitKey{address}, testhttp.From(v6), testhttp.From("[2001:db8:1:2:ffff::9]:1"), true, false},
		{"address: the next /64", []spec.LimitKey{address}, testhttp.From(v6), testhttp.From("[2001:db8:1:3::1]:1"), false, false},
		{"address: another zone", []spec.LimitKey{address}, testhttp.From("[fe80::1%eth0]:1"), testhttp.From("[fe80::1%eth1]:1"), true, false},
		{"address: none", []spec.LimitKey{address}, testhttp.From(testhttp.Client), testhttp.From("@"), false, true},
		{"address: forged", []spec.LimitKey{address}, testhttp.From(testhttp.Client), testhttp.From(testhttp.Client, "X-Forwarded-For", "198.51.100.1"), true, false},
		{"header: the same", []spec.LimitKey{user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(other, "x-user", "a"), true, false},
		{"header: another", []spec.LimitKey{user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(testhttp.Client, "X-User", "A"), false, false},
		{"header: missing", []spec.LimitKey{user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(testhttp.Client), false, true},
		{"header: empty", []spec.LimitKey{user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(testhttp.Client, "X-User", ""), false, false},
		{"headers: the same", []spec.LimitKey{user, plan}, testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "b"), testhttp.From(other, "X-User", "a", "X-Plan", "b"), true, false},
		{"headers: one differs", []spec.LimitKey{user, plan}, testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "b"), testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "c"), false, false},
		{"headers: cut elsewhere", []spec.LimitKey{user, plan}, testhttp.From(testhttp.Client, "X-User", "ab", "X-Plan", "c"), testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "bc"), false, false},
		{"headers: exchanged", []spec.LimitKey{user, plan}, testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "b"), testhttp.From(testhttp.Client, "X-User", "b", "X-Plan", "a"), false, false},
		{"headers: one missing", []spec.LimitKey{user, plan}, testhttp.From(testhttp.Client, "X-User", "a", "X-Plan", "b"), testhttp.From(testhttp.Client, "X-User", "a"), false, true},
		{"both: the same", []spec.LimitKey{address, user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(testhttp.Client, "X-User", "a"), true, false},
		{"both: another user", []spec.LimitKey{address, user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(testhttp.Client, "X-User", "b"), false, false},
		{"both: another address", []spec.LimitKey{address, user}, testhttp.From(testhttp.Client, "X-User", "a"), testhttp.From(other, "X-User", "a"), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := limitedBy(t, spec.RateLimit{Requests: 2, Unit: time.Minute, Per: row.per})
				require.Equal(t, 2, allowed(gw, 3, func() *http.Request { return row.first }))
				want := 2
				if row.shared {
					want = 0
				} else if row.free {
					want = 5
				}
				require.Equal(t, want, allowed(gw, 5, func() *http.Request { return row.second }))
			})
		})
	}
}

func TestLimitBehindTrustedProxies(t *testing.T) {
	behind := func(list string) *http.Request { return testhttp.From(testhttp.Client, "X-Forwarded-For", list) }
	for _, row := range []struct {
		name          string
		trusted       int
		first, second *http.Request
		shared        bool
	}{
		{"the same client", 1, behind("198.51.100.1"), behind("198.51.100.1"), true},
		{"another client", 1, behind("198.51.100.1"), behind("198.51.100.2"), false},
		{"what the client has forged before", 1, behind("198.51.100.1"), behind("203.0.113.9, 198.51.100.1"), true},
		{"two proxies", 2, behind("198.51.100.1, 192.0.2.9"), behind("198.51.100.2, 192.0.2.9"), false},
		{"two proxies, forged", 2, behind("198.51.100.1, 192.0.2.9"), behind("1.1.1.1, 198.51.100.1, 192.0.2.9"), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := testgateway.Built(t, gateway.New().TrustedProxies(row.trusted).Backend("*", testhttp.AnswerOK).Route(spec.Route{
					Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Minute, Per: perClient}},
				}))
				require.Equal(t, 1, allowed(gw, 2, func() *http.Request { return row.first }))
				require.Equal(t, !row.shared, allowed(gw, 1, func() *http.Request { return row.second }) == 1)
			})
		})
	}
}

func TestLimitConditions(t *testing.T) {
	free := spec.Match{Headers: map[string]spec.StringMatch{"x-plan": spec.Exact("free")}}
	for _, row := range []struct {
		name    string
		when    spec.Match
		r       *http.Request
		limited bool
	}{
		{"the header", free, testhttp.From(testhttp.Client, "X-Plan", "free"), true},
		{"another value", free, testhttp.From(testhttp.Client, "X-Plan", "paid"), false},
		{"no header", free, testhttp.From(testhttp.Client), false},
		{"the path", spec.Match{URI: spec.Prefix("/")}, testhttp.From(testhttp.Client), true},
		{"another path", spec.Match{URI: spec.Prefix("/a")}, testhttp.From(testhttp.Client), false},
		{"the method", spec.Match{Method: spec.Exact("GET")}, testhttp.From(testhttp.Client), true},
		{"another method", spec.Match{Method: spec.Exact("POST")}, testhttp.From(testhttp.Client), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw := limitedBy(t, spec.RateLimit{Requests: 1, Unit: time.Hour, When: &row.when})
			require.Equal(t, row.limited, allowed(gw, 2, func() *http.Request { return row.r }) == 1)
		})
	}
}

// A request that is repeated at the time from Retry-After passes, and one
// second earlier it does not.
func TestRetryAfterIsTrue(t *testing.T) {
	for _, row := range []struct {
		name   string
		limits []spec.RateLimit
		Sent   int // until one is refused
		want   string
	}{
		{"a second", []spec.RateLimit{{Requests: 1, Unit: time.Second}}, 2, "1"},
		{"a part of a second", []spec.RateLimit{{Requests: 1000, Unit: time.Second}}, 1001, "1"},
		{"six seconds", []spec.RateLimit{{Requests: 10, Unit: time.Minute}}, 11, "6"},
		{"rounded up", []spec.RateLimit{{Requests: 7, Unit: time.Minute}}, 8, "9"},
		{"an hour", []spec.RateLimit{{Requests: 1, Unit: time.Hour}}, 2, "3600"},
		{"a day", []spec.RateLimit{{Requests: 1, Unit: 24 * time.Hour}}, 2, "86400"},
		{"the slower of two", []spec.RateLimit{{Requests: 1, Unit: time.Second}, {Requests: 1, Unit: time.Minute}}, 2, "60"},
		{"the slower, which has just given its last", []spec.RateLimit{{Requests: 2, Unit: time.Minute}, {Requests: 1, Unit: time.Second}}, 2, "30"},
		{"the slower, whatever the order", []spec.RateLimit{{Requests: 1, Unit: time.Second}, {Requests: 2, Unit: time.Minute}}, 2, "30"},
		{"the one that refuses", []spec.RateLimit{{Requests: 100, Unit: time.Minute}, {Requests: 1, Unit: 5 * time.Second}}, 2, "5"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, early := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					gw := limitedBy(t, row.limits...)
					var w *httptest.ResponseRecorder
					for range row.Sent {
						w = testgateway.Serve(gw, testhttp.From(testhttp.Client))
					}
					require.Equal(t, 429, w.Code)
					require.Equal(t, row.want, w.Header().Get("Retry-After"))
					seconds, err := strconv.Atoi(row.want)
					require.NoError(t, err)
					if early {
						seconds--
					}
					time.Sleep(time.Duration(seconds) * time.Second)
					require.Equal(t, early, testgateway.Serve(gw, testhttp.From(testhttp.Client)).Code == 429)
				})
			}
		})
	}
}

func TestLimitAnswer(t *testing.T) {
	gw := limitedBy(t, spec.RateLimit{Requests: 1, Unit: time.Minute})
	testgateway.Serve(gw, testhttp.From(testhttp.Client))
	w := testgateway.Serve(gw, testhttp.From(testhttp.Client))
	require.Equal(t, 429, w.Code)
	require.Equal(t, "local_rate_limited", w.Body.String())
	require.Equal(t, http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"18"}, "Retry-After": {"60"}}, w.Header())

	w = testgateway.Serve(gw, testhttp.From(testhttp.Client, "Content-Type", "application/grpc"))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "14", w.Header().Get("Grpc-Status"))
	require.Equal(t, "local_rate_limited", w.Header().Get("Grpc-Message"))
	require.Equal(t, "60", w.Header().Get("Retry-After"))
	require.Empty(t, w.Body.String())
}

// Faults, CORS and limits come in this order.
func TestLimitAmongFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := testgateway.Built(t, gateway.New().Backend("*", testhttp.AnswerOK).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "a"}}, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}},
			RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Minute}},
		}))
		preflight := func() *http.Request {
			r := testhttp.From(testhttp.Client, "Origin", "https://a.com", "Access-Control-Request-Method", "GET")
			r.Method = "OPTIONS"
			return r
		}
		require.Equal(t, 5, allowed(gw, 5, preflight), "preflights are free")
		get := func() *http.Request { return testhttp.From(testhttp.Client, "Origin", "https://a.com") }
		require.Equal(t, 1, allowed(gw, 2, get))
		require.Equal(t, 5, allowed(gw, 5, preflight))
		w := testgateway.Serve(gw, get())
		require.Equal(t, 429, w.Code)
		require.Equal(t, "https://a.com", w.Header().Get("Access-Control-Allow-Origin"))
		require.NotContains(t, testgateway.Serve(gw, testhttp.From(testhttp.Client, "Origin", "https://b.com")).Header(), "Access-Control-Allow-Origin")
	})
	synctest.Test(t, func(t *testing.T) {
		drawn := uint64(0)
		gw := testgateway.Built(t, gateway.New().Random(func() uint64 { return drawn }).Backend("*", testhttp.AnswerOK).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "a"}}, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 418, Percent: 50}},
			RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Minute}},
		}))
		for range 5 {
			require.Equal(t, 418, testgateway.Serve(gw, testhttp.From(testhttp.Client)).Code, "aborted requests are free")
		}
		drawn = 500_000
		require.Equal(t, 1, allowed(gw, 2, func() *http.Request { return testhttp.From(testhttp.Client) }))
	})
}

func TestAnswersOfTheGatewayAreLimited(t *testing.T) {
	limits := []spec.RateLimit{{Requests: 1, Unit: time.Minute}}
	for _, row := range []struct {
		name  string
		route spec.Route
		Path  string
		want  []int
	}{
		{"a redirect", spec.Route{Redirect: &spec.Redirect{URI: "/b"}}, "/a", []int{301, 429}},
		{"a direct response", spec.Route{DirectResponse: &spec.DirectResponse{Status: 204}}, "/a", []int{204, 429}},
		{"no destination", spec.Route{Destinations: []spec.Destination{{Host: "none"}}}, "/a", []int{503, 429}},
		{"no route", spec.Route{Destinations: []spec.Destination{{Host: "none"}}}, "/b", []int{404, 404}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.route.RateLimits, row.route.Match = limits, []spec.Match{{URI: spec.Prefix("/a")}}
			gw := testgateway.Built(t, gateway.New().Route(row.route))
			for _, want := range row.want {
				r := httptest.NewRequest("GET", "http://a.com"+row.Path, nil)
				require.Equal(t, want, testgateway.Serve(gw, r).Code)
			}
		})
	}
}

// Every limit must allow a request; tokens already taken from others are not
// returned.
func TestSeveralLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := limitedBy(t, spec.RateLimit{Requests: 2, Unit: time.Second}, spec.RateLimit{Requests: 4, Unit: time.Hour})
		get := func() *http.Request { return testhttp.From(testhttp.Client) }
		require.Equal(t, 2, allowed(gw, 3, get))
		time.Sleep(time.Second)
		require.Equal(t, 1, allowed(gw, 3, get), "the third request of before took one of the hour's tokens")
	})
}

func TestLimitUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := limitedBy(t, spec.RateLimit{Requests: 1000, Unit: time.Hour}, spec.RateLimit{Requests: 300, Unit: time.Hour, Per: perClient})
		var passed [4]atomic.Int32
		var all sync.WaitGroup
		for worker := range 16 {
			all.Go(func() {
				address := fmt.Sprintf("192.0.2.%d:1", worker%4)
				for range 100 {
					if testgateway.Serve(gw, testhttp.From(address)).Code == 200 {
						passed[worker%4].Add(1)
					}
				}
			})
		}
		all.Wait()
		var total int32
		for i := range passed {
			require.LessOrEqual(t, passed[i].Load(), int32(300))
			total += passed[i].Load()
		}
		require.LessOrEqual(t, total, int32(1000))
	})
	synctest.Test(t, func(t *testing.T) {
		gw := limitedBy(t, spec.RateLimit{Requests: 1000, Unit: time.Hour})
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				passed.Add(int32(allowed(gw, 100, func() *http.Request { return testhttp.From(testhttp.Client) })))
			})
		}
		all.Wait()
		require.EqualValues(t, 1000, passed.Load())
	})
}

func TestLimitMiddleware(t *testing.T) {
	limit, err := gateway.RateLimit(spec.RateLimit{Requests: 1, Unit: time.Hour, Per: perClient})
	require.NoError(t, err)
	one, two := limit(testhttp.AnswerOK), limit(testhttp.AnswerOK)
	require.Equal(t, 1, allowed(one, 2, func() *http.Request { return testhttp.From(testhttp.Client) }))
	require.Equal(t, 1, allowed(one, 2, func() *http.Request { return testhttp.From("192.0.2.9:1") }))
	require.Equal(t, 1, allowed(two, 2, func() *http.Request { return testhttp.From(testhttp.Client) }), "its buckets are its own")
	_, err = gateway.RateLimit(spec.RateLimit{Requests: 1, Unit: time.Hour, Provider: "redis"})
	require.Error(t, err)
	_, err = gateway.RateLimit(spec.RateLimit{})
	require.Error(t, err)
}

// The middleware gives the handler the request that it got.
func TestLimitMiddlewareDoesNotAllocate(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perClient, {{Header: "x-user"}}, {{RemoteAddress: true}, {Header: "x-user"}}} {
		limit, err := gateway.RateLimit(spec.RateLimit{Requests: 1 << 30, Unit: time.Hour, Per: per})
		require.NoError(t, err)
		r, w := testhttp.From(testhttp.Client, "X-User", "somebody"), testhttp.NewDiscarding()
		var got *http.Request
		h := limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
		require.Zero(t, testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }))
		require.Same(t, r, got)
	}
}

func TestLimitBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := limitedBy(t, spec.RateLimit{Requests: 60, Unit: time.Minute, Burst: 5}, spec.RateLimit{Requests: 1, Unit: time.Hour, Burst: 100})
		get := func() *http.Request { return testhttp.From(testhttp.Client) }
		require.Equal(t, 5, allowed(gw, 10, get))
		time.Sleep(3 * time.Second)
		require.Equal(t, 3, allowed(gw, 10, get))
		time.Sleep(time.Minute)
		require.Equal(t, 5, allowed(gw, 10, get))
	})
}

func TestLimitDoesNotAllocate(t *testing.T) {
	gw := limitedBy(t, spec.RateLimit{Requests: 1 << 30, Unit: time.Hour, Per: []spec.LimitKey{{RemoteAddress: true}, {Header: "x-user"}}})
	free := limitedBy(t)
	r, w := testhttp.From(testhttp.Client, "X-User", "somebody"), testhttp.NewDiscarding()
	without := testing.AllocsPerRun(100, func() { free.ServeHTTP(w, r) })
	require.Equal(t, without, testing.AllocsPerRun(100, func() { gw.ServeHTTP(w, r) }))
}
