package program_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func strictly(t *testing.T, s gateway.Strict, trusted int) (*gateway.Gateway, *testhttp.Spy) {
	spy := new(testhttp.Spy)
	return testgateway.Built(t, gateway.New().Strict(s).TrustedProxies(trusted).Backend("spy", spy).Route(spec.Route{
		Match:        []spec.Match{{WithoutHeaders: map[string]spec.StringMatch{"x-forwarded-host": {}}}, {Headers: map[string]spec.StringMatch{"x-forwarded-host": {}}}},
		Destinations: []spec.Destination{{Host: "spy"}}})), spy
}

func TestStrict(t *testing.T) {
	for _, row := range []struct {
		method, path string
		fields       map[string]int // each name, and how often
		limit, want  int
	}{
		{"GET", "/a/../b.html?x;y=%252e", nil, 0, 200},
		{"GET", "/a;b", nil, 0, 400},
		{"GET", "/%252e%252e/", nil, 0, 400},
		{"GET", "/a.", nil, 0, 400},
		{"TRACE", "/", nil, 0, 405},
		{"trace", "/", nil, 0, 405},
		{"TRACES", "/", nil, 0, 200},
		{strings.Repeat("M", 32), "/", nil, 0, 200},
		{strings.Repeat("M", 33), "/", nil, 0, 501},
		{"GET", "/", map[string]int{"X_User": 1}, 0, 400},
		{"GET", "/", map[string]int{"A": 60, "B": 40}, 0, 200},
		{"GET", "/", map[string]int{"A": 60, "B": 41}, 0, 431},
		{"GET", "/", map[string]int{"A": 3}, 2, 431},
		{"GET", "/", map[string]int{"A": 300}, spec.NoLimit, 200},
	} {
		gw, spy := strictly(t, gateway.Strict{MaxFields: row.limit}, 0)
		r := httptest.NewRequest("GET", row.path, nil)
		r.Method = row.method
		for name, n := range row.fields {
			for i := range n {
				r.Header[name] = append(r.Header[name], strconv.Itoa(i))
			}
		}
		d := gw.Decide(r)
		w := testgateway.Serve(gw, r)
		require.Equal(t, row.want, w.Code, "%+v", row)
		require.Equal(t, row.want == 200, spy.Got != nil)
		if row.want != 200 {
			require.Equal(t, row.want, d.Status)
			require.Contains(t, d.Reason, "(strict)")
		}
		require.Equal(t, row.want == 405, w.Header().Get("Allow") != "")
	}
	gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{})
	require.Equal(t, 200, testgateway.Serve(gw, httptest.NewRequest("TRACE", "/a;b", nil)).Code, "not without strict")
}

// What only a proxy may say reaches no route and no destination, unless it is from one.
func TestStrictClaims(t *testing.T) {
	claims := []string{
		"Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "True-Client-IP", "X-Original-URL", "X-Rewrite-URL", "X-Envoy-Anything",
		"Proxy-Authorization", "Proxy", "CF-Connecting-IP", "Remote-User",
	}
	for _, trusted := range []int{0, 1} {
		gw, spy := strictly(t, gateway.Strict{}, trusted)
		r := testhttp.Request(t, "GET", "/", "X-Forwarded-For: 1.2.3.4", "Authorization: Bearer x", "X-Custom: 1", "Cookie: a=b", "Traceparent: x")
		for _, name := range claims {
			r.Header.Set(name, "claimed")
		}
		require.Equal(t, 1-trusted, 1-gw.Decide(r).Route.Index)
		require.Equal(t, 200, testgateway.Serve(gw, r).Code)
		for _, name := range claims {
			require.Equal(t, trusted == 1, spy.Got.Header.Get(name) == "claimed", "%s with %d", name, trusted)
			require.Equal(t, "claimed", r.Header.Get(name), "the request itself is not changed")
		}
		require.Equal(t, []string{"192.0.2.1", "1.2.3.4,192.0.2.1"}[trusted], spy.Got.Header.Get("X-Forwarded-For"))
		for _, name := range []string{"Authorization", "X-Custom", "Cookie", "Traceparent"} {
			require.NotEmpty(t, spy.Got.Header.Get(name), name)
		}
	}
}
