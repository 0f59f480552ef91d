package program_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func day() *time.Duration {
	d := 24 * time.Hour
	return &d
}

// accessControl returns the CORS headers of a response.
func accessControl(h http.Header) http.Header {
	out := http.Header{}
	for key, lines := range h {
		if strings.HasPrefix(key, "Access-Control-") || key == "Vary" {
			out[key] = lines
		}
	}
	return out
}

func TestPreflight(t *testing.T) {
	preflight := []string{"Origin: https://a.com", "Access-Control-Request-Method: DELETE", "Access-Control-Request-Headers: x-b,x-c"}
	origin := []spec.StringMatch{spec.Exact("https://a.com")}
	for _, row := range []struct {
		name    string
		cors    spec.CORS
		came    []string
		forward bool
		want    http.Header
	}{
		{"what is asked is not compared", spec.CORS{AllowOrigins: origin, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"x-a"}, MaxAge: day()}, preflight, false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Methods": {"GET,POST"}, "Access-Control-Allow-Headers": {"x-a"}, "Access-Control-Max-Age": {"86400"}}},
		{"the origin alone", spec.CORS{AllowOrigins: origin}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"what is exposed is not said", spec.CORS{AllowOrigins: origin, ExposeHeaders: []string{"x-e"}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"credentials", spec.CORS{AllowOrigins: origin, AllowCredentials: true}, preflight, false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Credentials": {"true"}}},
		{"stars echo", spec.CORS{AllowOrigins: origin, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}, preflight, false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Methods": {"DELETE"}, "Access-Control-Allow-Headers": {"x-b,x-c"}}},
		{"a star among others does not", spec.CORS{AllowOrigins: origin, AllowMethods: []string{"*", "GET"}}, preflight, false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Methods": {"*,GET"}}},
		{"a star with nothing to echo", spec.CORS{AllowOrigins: origin, AllowHeaders: []string{"*"}}, preflight[:2], false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"headers in lines are echoed together", spec.CORS{AllowOrigins: origin, AllowHeaders: []string{"*"}}, append(preflight[:3:3], "Access-Control-Request-Headers: x-d"), false,
			http.Header{"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Headers": {"x-b,x-c,x-d"}}},
		{"any origin is echoed", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"a regex that matches a star is any origin", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(".*")}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"so is one that matches the star and not the origin", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(`\*`)}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"a prefix", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Prefix("https://")}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"a regex", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(`https://[a-z]\.com`)}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"a regex of a part", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Regex(`https://`)}}, preflight, true, http.Header{}},
		{"the second of several", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://b.com"), spec.Exact("https://a.com")}}, preflight, false, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"another letter case", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://A.com")}}, preflight, true, http.Header{}},
		{"another origin is forwarded", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://b.com")}, AllowMethods: []string{"GET"}}, preflight, true, http.Header{}},
		{"or ignored", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://b.com")}, AllowMethods: []string{"GET"}, UnmatchedPreflights: spec.UnmatchedPreflightsIgnore}, preflight, false,
			http.Header{"Access-Control-Allow-Methods": {"GET"}}},
		{"no origin allowed", spec.CORS{}, preflight, true, http.Header{}},
		{"no method asked for: an ordinary request", spec.CORS{AllowOrigins: origin}, preflight[:1], true, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"an empty method", spec.CORS{AllowOrigins: origin}, []string{preflight[0], "Access-Control-Request-Method:"}, true, http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}},
		{"no origin", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}}, preflight[1:], true, http.Header{}},
		{"an empty origin", spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}}, append([]string{"Origin:"}, preflight[1:]...), true, http.Header{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				gw, spy := testgateway.Routed(t, s, spec.Route{CORS: &row.cors, Headers: spec.Headers{Response: testhttp.Ops{Set: testhttp.Lines{"x-route": "1"}}}})
				r := testhttp.Request(t, "OPTIONS", "/", row.came...)
				w := testgateway.Serve(gw, r)
				require.Equal(t, 200, w.Code)
				require.Empty(t, w.Body.String())
				require.Equal(t, row.forward, spy.Got != nil)
				require.Equal(t, row.want, accessControl(w.Header()))
				if row.forward {
					require.Equal(t, "1", w.Header().Get("X-Route"))
				} else {
					require.Empty(t, w.Header().Get("X-Route"), "an answer of the gateway's")
					require.Equal(t, "0", w.Header().Get("Content-Length"))
					require.Equal(t, s == gateway.Envoy, w.Header().Get("Server") == "istio-envoy")
				}
			}
		})
	}
}

func TestCORSOnResponses(t *testing.T) {
	allowed := spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}, AllowMethods: []string{"GET"}, ExposeHeaders: []string{"x-e", "x-f"}, AllowCredentials: true, MaxAge: day()}
	ours := http.Header{
		"Access-Control-Allow-Origin": {"https://a.com"}, "Access-Control-Allow-Credentials": {"true"}, "Access-Control-Expose-Headers": {"x-e,x-f"},
	}
	theirs := http.Header{"Access-Control-Allow-Origin": {"https://backend", "*"}, "Access-Control-Max-Age": {"1"}}
	merged := ours.Clone()
	merged["Access-Control-Max-Age"] = []string{"1"}
	for _, row := range []struct {
		name   string
		came   []string
		answer http.Header
		want   http.Header
	}{
		{"allowed", []string{"Origin: https://a.com"}, nil, ours},
		{"allowed, over the backend's", []string{"Origin: https://a.com"}, theirs, merged},
		{"not allowed", []string{"Origin: https://b.com"}, nil, http.Header{}},
		{"not allowed, the backend's pass", []string{"Origin: https://b.com"}, theirs, theirs},
		{"no origin", nil, theirs, theirs},
		{"two origins are neither", []string{"Origin: https://a.com", "Origin: https://b.com"}, nil, http.Header{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				gw, spy := testgateway.Routed(t, s, spec.Route{CORS: &allowed})
				spy.Answer = row.answer
				w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/", row.came...))
				require.Equal(t, 200, w.Code, "CORS never refuses")
				require.NotNil(t, spy.Got)
				require.Equal(t, row.want, accessControl(w.Header()))
			}
		})
	}
}

func TestCORSOnAnswersOfTheGateway(t *testing.T) {
	cors := &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}}
	for _, row := range []struct {
		name   string
		route  spec.Route
		count  int
		status int
		want   bool
	}{
		{"unknown destination", spec.Route{Destinations: []spec.Destination{{Host: "nowhere"}}}, 1, 503, true},
		{"over the limit", spec.Route{Destinations: []spec.Destination{{Host: "spy"}}, RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}}}, 2, 429, true},
		{"route timeout", spec.Route{Destinations: []spec.Destination{{Host: "slow"}}, Timeout: time.Millisecond}, 1, 504, true},
		{"fault", spec.Route{Destinations: []spec.Destination{{Host: "spy"}}, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 500, Percent: 100}}}, 1, 500, false},
		{"redirect", spec.Route{Redirect: &spec.Redirect{URI: "/x"}}, 1, 301, false},
		{"direct response", spec.Route{DirectResponse: &spec.DirectResponse{Status: 404}}, 1, 404, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.route.CORS = cors
			row.route.Headers = spec.Headers{Response: testhttp.Ops{Set: testhttp.Lines{"x-route": "1"}}}
			gw := testgateway.Built(t, gateway.New().Route(row.route).Backend("spy", new(testhttp.Spy)).
				Backend("slow", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))
			var last http.Header
			for i := range row.count {
				w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/", "Origin: https://a.com"))
				last = w.Header()
				if i == row.count-1 {
					require.Equal(t, row.status, w.Code)
				}
			}
			require.Equal(t, row.want, last.Get("Access-Control-Allow-Origin") == "https://a.com")
			if row.status >= 429 {
				require.NotContains(t, last, "X-Route", "response operations are for a destination's response")
			}
		})
	}
}

// A preflight must match the route like every request.
func TestPreflightOfARouteForOneMethod(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Match: []spec.Match{{Method: spec.Exact("POST")}}, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("*")}}})
	require.Equal(t, 404, testgateway.Serve(gw, testhttp.Request(t, "OPTIONS", "/", "Origin: https://a.com", "Access-Control-Request-Method: POST")).Code)
	require.Nil(t, spy.Got)
}
