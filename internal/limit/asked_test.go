package limit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// What a limit asks for has one reading in Native: a client cannot choose its bucket by what
// the destination reads in another way. Envoy counts the first value, and what is left of
// the headers.
func TestLimitsReadRequestsInOneWay(t *testing.T) {
	by := func(kind spec.ActionKind, conditions ...spec.ActionCondition) spec.RateLimitPolicy {
		a := spec.RateLimitAction{Kind: kind, Conditions: conditions}
		switch kind {
		case spec.ActionQueryParameter:
			a.Name = "user"
		case spec.ActionRequestHeader:
			a.Name, a.Key, a.SkipIfAbsent = "x-user", "user", true
		default:
			a.Value = "yes"
		}
		generic := spec.RateLimitAction{Value: "v"}
		return counting(generic, a)
	}
	query, header := by(spec.ActionQueryParameter), by(spec.ActionRequestHeader)
	when := spec.RateLimitPolicy{Limits: []spec.RateLimit{{Requests: 1e6, Unit: 1e9, When: &spec.Match{QueryParams: map[string]spec.StringMatch{"user": spec.Exact("a b")}}}}}
	per := spec.RateLimitPolicy{Limits: []spec.RateLimit{{Requests: 1e6, Unit: 1e9, Per: []spec.LimitKey{{Header: "x-user"}}}}}
	matched := by(spec.ActionQueryMatch, spec.ActionCondition{Name: "user", Match: spec.Exact("a b")})
	for _, row := range []struct {
		name          string
		policy        spec.RateLimitPolicy
		target        string
		headers       []string
		native, envoy int
		descriptor    string // in Native, "" is not compared
	}{
		{"a parameter", query, "/?user=a%20b", nil, 200, 200, "generic_key=v query_param=a b"},
		{"a plus in a parameter is a space", query, "/?user=a+b", nil, 200, 200, "generic_key=v query_param=a b"},
		{"its name is decoded", query, "/?us%65r=a", nil, 200, 200, "generic_key=v query_param=a"},
		{"a parameter twice", query, "/?user=a&user=b", nil, 400, 200, ""},
		{"a parameter twice, the second encoded", query, "/?user=a&us%65r=b", nil, 400, 200, ""},
		{"another parameter twice", query, "/?user=a&x=1&x=2", nil, 200, 200, "generic_key=v query_param=a"},
		{"an escape that is none", query, "/?user=a&x=%zz", nil, 400, 200, ""},
		{"a semicolon", query, "/?user=a;x=1", nil, 400, 200, ""},
		{"a parameter of a condition", matched, "/?user=a+b", nil, 200, 200, "generic_key=v query_match=yes"},
		{"a parameter of a condition twice", matched, "/?user=a&user=b", nil, 400, 200, ""},
		{"a parameter of when twice", when, "/?user=a&user=b", nil, 400, 200, ""},
		{"a parameter of when", when, "/?user=a+b", nil, 200, 200, ""},
		{"a limit that asks for no parameter", header, "/?user=a&user=b", nil, 200, 200, "generic_key=v"},
		{"a header", header, "/", []string{"x-user: a"}, 200, 200, "generic_key=v user=a"},
		{"a nominated header", header, "/", []string{"x-user: a", "connection: x-user"}, 400, 200, ""},
		{"another nominated header", header, "/", []string{"x-user: a", "x-other: b", "connection: x-other"}, 200, 200, "generic_key=v user=a"},
		{"a nominated header of per", per, "/", []string{"x-user: a", "connection: close, X-User"}, 400, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for semantics, status := range map[gateway.Semantics]int{gateway.Native: row.native, gateway.Envoy: row.envoy} {
				gw := testgateway.Built(t, gateway.New().Semantics(semantics).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).RateLimit(row.policy))
				r := testhttp.Request(t, http.MethodGet, row.target, row.headers...)
				w := httptest.NewRecorder()
				gw.ServeHTTP(w, r)
				require.Equal(t, status, w.Code, semantics)
				if status == http.StatusBadRequest {
					require.Equal(t, gateway.DecisionBadRequest, gw.Decide(r).Kind)
				} else if semantics == gateway.Native && row.descriptor != "" {
					require.Equal(t, row.descriptor, descriptorOf(t, gw, r))
				}
			}
		})
	}
}
