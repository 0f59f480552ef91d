package program_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A limiter answers every request in the same way.
type limiter func(ratelimit.Request) (ratelimit.Response, error)

func (l limiter) Limit(_ context.Context, r ratelimit.Request) (ratelimit.Response, error) {
	return l(r)
}

// limited returns a gateway with a route that has limits.
func limited(t *testing.T, l limiter, limits ...spec.RateLimit) *gateway.Gateway {
	t.Helper()
	for i := range limits {
		limits[i].Requests, limits[i].Unit = max(limits[i].Requests, 2), max(limits[i].Unit, time.Minute)
	}
	b := gateway.New().Backend("app", testhttp.Saying("app")).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, RateLimits: limits})
	if l != nil {
		b.Limiter("store", l)
	}
	return testgateway.Built(t, b)
}

// limitHeaders returns the headers of a response that are about limits.
func limitHeaders(h http.Header) string {
	var out []string
	for _, name := range []string{"Retry-After", "X-Envoy-Ratelimited", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit-Policy", "Ratelimit"} {
		if value := h.Get(name); value != "" {
			out = append(out, strings.ToLower(name)+"="+value)
		}
	}
	return strings.Join(out, " ")
}

func TestLimitHeaders(t *testing.T) {
	draft := &spec.LimitResponse{RateLimitHeaders: spec.RateLimitHeadersDraft03}
	ietf := &spec.LimitResponse{RateLimitHeaders: spec.RateLimitHeadersIETF}
	for _, row := range []struct {
		name   string
		limits []spec.RateLimit
		want   []string // of consecutive requests
	}{
		{"none", []spec.RateLimit{{}}, []string{"200 ", "200 ", "429 retry-after=30"}},
		{"draft 03", []spec.RateLimit{{Response: draft}}, []string{
			"200 x-ratelimit-limit=2 x-ratelimit-remaining=1 x-ratelimit-reset=30",
			"200 x-ratelimit-limit=2 x-ratelimit-remaining=0 x-ratelimit-reset=60",
			"429 retry-after=30 x-ratelimit-limit=2 x-ratelimit-remaining=0 x-ratelimit-reset=60",
		}},
		{"IETF", []spec.RateLimit{{Response: ietf}}, []string{
			`200 ratelimit-policy="default";q=2;w=60 ratelimit="default";r=1;t=30`,
			`200 ratelimit-policy="default";q=2;w=60 ratelimit="default";r=0;t=60`,
			`429 retry-after=30 ratelimit-policy="default";q=2;w=60 ratelimit="default";r=0;t=60`,
		}},
		{"a burst", []spec.RateLimit{{Burst: 1, Response: draft}}, []string{
			"200 x-ratelimit-limit=1 x-ratelimit-remaining=0 x-ratelimit-reset=30",
			"429 retry-after=30 x-ratelimit-limit=1 x-ratelimit-remaining=0 x-ratelimit-reset=30",
		}},
		{"the limit with the fewest remaining", []spec.RateLimit{{Requests: 3, Response: draft}, {Requests: 10, Response: draft}}, []string{
			"200 x-ratelimit-limit=3 x-ratelimit-remaining=2 x-ratelimit-reset=20",
		}},
		{"a limit without headers tells nothing", []spec.RateLimit{{}, {Requests: 10, Response: draft}}, []string{
			"200 x-ratelimit-limit=10 x-ratelimit-remaining=9 x-ratelimit-reset=6",
		}},
		{"shadow", []spec.RateLimit{{Mode: spec.LimitShadow, Response: draft}}, []string{
			"200 x-ratelimit-limit=2 x-ratelimit-remaining=1 x-ratelimit-reset=30",
			"200 x-ratelimit-limit=2 x-ratelimit-remaining=0 x-ratelimit-reset=60",
			"200 x-ratelimit-limit=2 x-ratelimit-remaining=0 x-ratelimit-reset=60",
		}},
		{"disabled", []spec.RateLimit{{Mode: spec.LimitDisabled, Response: draft}}, []string{"200 ", "200 ", "200 "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := limited(t, nil, row.limits...)
				for i, want := range row.want {
					w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
					require.Equal(t, want, fmt.Sprint(w.Code, " ", limitHeaders(w.Header())), "request %d", i)
				}
			})
		})
	}
}

func TestLimitHeadersOfAStore(t *testing.T) {
	draft := &spec.LimitResponse{RateLimitHeaders: spec.RateLimitHeadersDraft03}
	for _, row := range []struct {
		name   string
		answer ratelimit.Response
		err    error
		limit  spec.RateLimit
		want   string
	}{
		{"allowed", ratelimit.Response{Statuses: []ratelimit.Status{{Remaining: 1, Reset: 5500 * time.Millisecond}}}, nil, spec.RateLimit{Response: draft},
			"200 x-ratelimit-limit=2, 2;w=60 x-ratelimit-remaining=1 x-ratelimit-reset=6"},
		{"over", ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true, RetryAfter: 1500 * time.Millisecond, Reset: 5 * time.Second}}}, nil, spec.RateLimit{Response: draft},
			"429 retry-after=2 x-envoy-ratelimited=true x-ratelimit-limit=2, 2;w=60 x-ratelimit-remaining=0 x-ratelimit-reset=5"},
		{"over in a service that only observes", ratelimit.Response{Statuses: []ratelimit.Status{{Over: true}}}, nil, spec.RateLimit{}, "200 "},
		{"over in shadow", ratelimit.Response{Over: true, Statuses: []ratelimit.Status{{Over: true}}}, nil, spec.RateLimit{Mode: spec.LimitShadow}, "200 "},
		{"over without saying which", ratelimit.Response{Over: true}, nil, spec.RateLimit{}, "429 retry-after=1 x-envoy-ratelimited=true"},
		{"a status too many", ratelimit.Response{Statuses: make([]ratelimit.Status, 2)}, nil, spec.RateLimit{}, "200 "},
		{"failed", ratelimit.Response{}, errors.New("down"), spec.RateLimit{OnStoreFailure: spec.StoreFailureDeny}, "500 "},
		{"failed in shadow", ratelimit.Response{}, errors.New("down"), spec.RateLimit{OnStoreFailure: spec.StoreFailureDeny, Mode: spec.LimitShadow}, "200 "},
		{"failed, this process counts", ratelimit.Response{}, errors.New("down"), spec.RateLimit{Response: draft}, "200 x-ratelimit-limit=2 x-ratelimit-remaining=1 x-ratelimit-reset=30"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row.limit.Provider = "store"
				gw := limited(t, func(ratelimit.Request) (ratelimit.Response, error) { return row.answer, row.err }, row.limit)
				w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, row.want, fmt.Sprint(w.Code, " ", limitHeaders(w.Header())))
			})
		})
	}
}

// The answer to a refused request is that of the limit that refuses it.
func TestLimitResponse(t *testing.T) {
	own := &spec.LimitResponse{Status: 503, Body: `{"error":"slow down"}`, ContentType: "application/json", Headers: map[string]string{"x-limit": "users"}}
	for _, row := range []struct {
		name     string
		response *spec.LimitResponse
		request  []string
		want     string
	}{
		{"Envoy's", nil, nil, "429 text/plain local_rate_limited "},
		{"its own", own, nil, `503 application/json {"error":"slow down"} users`},
		{"a status", &spec.LimitResponse{Status: 420}, nil, "420 text/plain local_rate_limited "},
		{"a body", &spec.LimitResponse{Body: "slow down"}, nil, "429 text/plain slow down "},
		{"gRPC", nil, []string{"Content-Type: application/grpc"}, "200 application/grpc grpc-status 14 "},
		{"gRPC, exhausted", &spec.LimitResponse{ResourceExhausted: true}, []string{"Content-Type: application/grpc"}, "200 application/grpc grpc-status 8 "},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw := limited(t, nil, spec.RateLimit{Burst: 1, Unit: time.Hour, Response: row.response})
			r := func() *http.Request { return testhttp.Request(t, "POST", "/", row.request...) }
			testgateway.Serve(gw, r())
			w := testgateway.Serve(gw, r())
			body := w.Body.String()
			if status := w.Header().Get("Grpc-Status"); status != "" {
				body = "grpc-status " + status
			}
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"), " ", body, " ", w.Header().Get("X-Limit")))
		})
	}
}

func TestMissingKeys(t *testing.T) {
	user, address := spec.LimitKey{Header: "x-user"}, spec.LimitKey{RemoteAddress: true}
	for _, row := range []struct {
		name   string
		limit  spec.RateLimit
		users  string // of consecutive requests; - has none
		want   string
		remote string
	}{
		{"not limited", spec.RateLimit{Per: []spec.LimitKey{user}}, "a a a - - -", "200 200 429 200 200 200", ""},
		{"allowed", spec.RateLimit{Per: []spec.LimitKey{user}, OnMissingKey: spec.MissingKeyAllow}, "- - -", "200 200 200", ""},
		{"shared", spec.RateLimit{Per: []spec.LimitKey{user}, OnMissingKey: spec.MissingKeyShare}, "- - - a a a", "200 200 429 200 200 429", ""},
		{"refused", spec.RateLimit{Per: []spec.LimitKey{user}, OnMissingKey: spec.MissingKeyDeny}, "- a a a", "429 200 200 429", ""},
		{"no address", spec.RateLimit{Per: []spec.LimitKey{address}, OnMissingKey: spec.MissingKeyDeny}, "-", "429", "@"},
		{"no address, shared", spec.RateLimit{Per: []spec.LimitKey{address}, OnMissingKey: spec.MissingKeyShare}, "- - -", "200 200 429", "@"},
		{"refused in shadow", spec.RateLimit{Per: []spec.LimitKey{user}, OnMissingKey: spec.MissingKeyDeny, Mode: spec.LimitShadow}, "-", "200", ""},
		{"the condition does not hold", spec.RateLimit{Per: []spec.LimitKey{user}, OnMissingKey: spec.MissingKeyDeny, When: &spec.Match{URI: spec.Prefix("/api")}}, "-", "200", ""},
	} {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stored=%v", row.name, stored), func(t *testing.T) {
				l, counts := row.limit, map[string]int{}
				l.Unit = time.Hour
				var store limiter
				if stored {
					l.Provider = "store"
					store = func(r ratelimit.Request) (ratelimit.Response, error) {
						key := fmt.Sprint(r.Descriptors[0].Entries)
						counts[key]++
						return ratelimit.Response{Over: counts[key] > 2, Statuses: []ratelimit.Status{{Over: counts[key] > 2}}}, nil
					}
				}
				gw := limited(t, store, l)
				var got []string
				for user := range strings.FieldsSeq(row.users) {
					r := testhttp.Request(t, "GET", "/")
					if user != "-" {
						r.Header.Set("X-User", user)
					}
					if row.remote != "" {
						r.RemoteAddr = row.remote
					}
					w := testgateway.Serve(gw, r)
					got = append(got, fmt.Sprint(w.Code))
					require.False(t, user == "-" && l.OnMissingKey == spec.MissingKeyDeny && w.Header().Get("Retry-After") != "", "no wait helps")
				}
				require.Equal(t, row.want, strings.Join(got, " "))
			})
		}
	}
}

// While the store fails, each replica allows its share.
func TestReplicas(t *testing.T) {
	for _, row := range []struct {
		replicas, requests, burst int
		atOnce, perHour           int
	}{
		{1, 90, 0, 90, 90},
		{3, 90, 0, 30, 30},
		{3, 90, 10, 4, 30},
		{100, 90, 0, 1, 0},           // one in 100 / 90 hours
		{1_000_000_000, 90, 0, 1, 0}, // the unit is as long as it can be
	} {
		synctest.Test(t, func(t *testing.T) {
			b := gateway.New().Replicas(row.replicas).Backend("app", testhttp.Saying("app")).
				Limiter("store", limiter(func(ratelimit.Request) (ratelimit.Response, error) { return ratelimit.Response{}, errors.New("down") })).
				Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, RateLimits: []spec.RateLimit{
					{Requests: row.requests, Unit: time.Hour, Burst: row.burst, Provider: "store"},
				}})
			gw := testgateway.Built(t, b)
			allowed := func() (n int) {
				for testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code == 200 {
					n++
				}
				return n
			}
			require.Equal(t, row.atOnce, allowed(), "%+v", row)
			got := 0
			for range 60 {
				time.Sleep(time.Minute)
				got += allowed()
			}
			require.Equal(t, row.perHour, got, "%+v", row)
		})
	}
}

// What this process refuses does not reach a store, whatever the store's name is.
func TestLimitsOfThisProcessComeFirst(t *testing.T) {
	for _, provider := range []string{"a", "z"} {
		asked := 0
		gw := testgateway.Built(t, gateway.New().Backend("app", testhttp.Saying("app")).
			Limiter(provider, limiter(func(ratelimit.Request) (ratelimit.Response, error) { asked++; return ratelimit.Response{}, nil })).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, RateLimits: []spec.RateLimit{
				{Requests: 100, Unit: time.Hour, Provider: provider},
				{Requests: 1, Unit: time.Hour, Provider: spec.DefaultProvider},
			}}))
		for range 10 {
			testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
		}
		require.Equal(t, 1, asked, provider)
	}
}

// A limit that refuses nothing delays nobody.
func TestShadowDoesNotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := limited(t, nil, spec.RateLimit{Burst: 1, Unit: time.Hour, Mode: spec.LimitShadow}, spec.RateLimit{Requests: 60})
		for range 60 {
			require.Equal(t, 200, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
		}
		w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
		require.Equal(t, "429 retry-after=1", fmt.Sprint(w.Code, " ", limitHeaders(w.Header())))
	})
}

// If a limiter does not say which limit is over, one that is in force refuses.
func TestOverWithoutStatuses(t *testing.T) {
	over := func(ratelimit.Request) (ratelimit.Response, error) { return ratelimit.Response{Over: true}, nil }
	shadow, enforced := spec.RateLimit{Provider: "store", Mode: spec.LimitShadow}, spec.RateLimit{Provider: "store"}
	require.Equal(t, 429, testgateway.Serve(limited(t, over, shadow, enforced), testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 200, testgateway.Serve(limited(t, over, shadow), testhttp.Request(t, "GET", "/")).Code)
}

// The edit of local replies sees the headers of the request, also if the gateway edits
// the request in place.
func TestLocalReplySeesTheRequest(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().BackendURL("app", "http://127.0.0.1:1").Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).
		LocalReply(func(r *http.Request, reply *gateway.LocalReply) {
			reply.ContentType, reply.Body = "text/plain", r.Header.Get("Accept")
			reply.Header.Set("X-Edited", "yes")
		}))
	for _, h := range []http.Handler{gw, gw.InPlace()} {
		w := testgateway.Serve(h, testhttp.Request(t, "GET", "/", "Accept: application/json"))
		require.Equal(t, "503 application/json yes", fmt.Sprint(w.Code, " ", w.Body, " ", w.Header().Get("X-Edited")))
	}
}

// A limiter can add headers and a body, as Envoy's rate limit service does.
func TestHeadersOfALimiter(t *testing.T) {
	headers := http.Header{
		"x-plan": {"free", "trial"}, "Bad Name": {"a"}, "X-Broken": {"a\r\nb: c"}, "Content-Length": {"7"}, "Connection": {"close"}, "Host": {"evil.test"},
	}
	for _, over := range []bool{false, true} {
		var got http.Header
		var host string
		gw := testgateway.Built(t, gateway.New().
			Backend("app", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header.Clone(), r.Host })).
			Limiter("store", limiter(func(ratelimit.Request) (ratelimit.Response, error) {
				return ratelimit.Response{Over: over, ResponseHeaders: headers, RequestHeaders: headers, Body: "slow down"}, nil
			})).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Second, Provider: "store"}}}))
		for _, h := range []http.Handler{gw, gw.InPlace()} {
			r := testhttp.Request(t, "GET", "/", "X-Plan: none")
			w := testgateway.Serve(h, r)
			require.Equal(t, []string{"free", "trial"}, w.Header()["X-Plan"])
			require.Empty(t, w.Header().Values("X-Broken"))
			require.Empty(t, w.Header().Values("Bad Name"))
			require.Empty(t, w.Header().Values("Connection"))
			if over {
				require.Equal(t, "429 slow down", fmt.Sprint(w.Code, " ", w.Body))
				continue
			}
			require.Equal(t, []string{"none", "free", "trial"}, got["X-Plan"])
			require.Empty(t, got.Values("X-Broken"))
			require.Empty(t, got.Values("Content-Length"))
			require.Equal(t, r.Host, host)
		}
	}
}
