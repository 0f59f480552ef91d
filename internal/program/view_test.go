package program_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// takes reports whether a route with this match matches a request.
func takes(t *testing.T, m spec.Match, r *http.Request) bool {
	t.Helper()
	gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Match: []spec.Match{m}})
	testgateway.Serve(gw, r)
	return spy.Got != nil
}

func TestConditionsOnHeaders(t *testing.T) {
	for _, row := range []struct {
		name    string
		header  string
		match   spec.StringMatch
		came    []string
		with    bool // matched by headers
		without bool // matched by withoutHeaders
	}{
		{"exact", "x-a", spec.Exact("1"), []string{"X-A: 1"}, true, false},
		{"names in any letter case", "X-a", spec.Exact("1"), []string{"x-A: 1"}, true, false},
		{"values not", "x-a", spec.Exact("a"), []string{"X-A: A"}, false, true},
		{"another value", "x-a", spec.Exact("1"), []string{"X-A: 12"}, false, true},
		{"prefix", "x-a", spec.Prefix("1"), []string{"X-A: 12"}, true, false},
		{"regex for the whole value", "x-a", spec.Regex("1+"), []string{"X-A: 112"}, false, true},
		{"a missing header", "x-a", spec.Exact("1"), nil, false, true},
		{"presence", "x-a", spec.StringMatch{}, []string{"X-A: 1"}, true, false},
		{"presence of an empty header", "x-a", spec.StringMatch{}, []string{"X-A:"}, true, false},
		{"absence", "x-a", spec.StringMatch{}, nil, false, true},
		{"an empty value", "x-a", spec.Exact(""), []string{"X-A:"}, true, false},
		{"an empty value of a missing header", "x-a", spec.Exact(""), nil, false, false},
		{"a regex for everything, missing", "x-a", spec.Regex(".*"), nil, false, false},
		{"several lines", "x-a", spec.Exact("1,2"), []string{"X-A: 1", "X-A: 2"}, true, false},
		{"the first line", "x-a", spec.Exact("1"), []string{"X-A: 1", "X-A: 2"}, false, true},
		{"cookies in several lines", "cookie", spec.Exact("a=1; b=2"), []string{"Cookie: a=1", "Cookie: b=2"}, true, false},
		{"one cookie of several", "cookie", spec.Regex(`^(.*?;)?\s*(b=2)(;.*)?$`), []string{"Cookie: a=1", "Cookie: b=2"}, true, false},
		{"method", ":method", spec.Exact("GET"), nil, true, false},
		{"path with query", ":path", spec.Exact("/p?q=1"), nil, true, false},
		{"authority", ":authority", spec.Exact("a.com"), nil, true, false},
		{"host", "host", spec.Exact("a.com"), nil, true, false},
		{"scheme", ":scheme", spec.Exact("http"), nil, true, false},
		{"a header that is named like a condition", "method", spec.Exact("GET"), nil, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := map[string]spec.StringMatch{row.header: row.match}
			require.Equal(t, row.with, takes(t, spec.Match{Headers: m}, testhttp.Request(t, "GET", "/p?q=1", row.came...)))
			require.Equal(t, row.without, takes(t, spec.Match{WithoutHeaders: m}, testhttp.Request(t, "GET", "/p?q=1", row.came...)))
		})
	}
}

func TestConditionsOnParameters(t *testing.T) {
	for _, row := range []struct {
		name, query string
		match       spec.StringMatch
		want        bool
	}{
		{"exact", "a=1", spec.Exact("1"), true},
		{"after others", "b=1&a=1", spec.Exact("1"), true},
		{"the first of several", "a=1&a=2", spec.Exact("1"), true},
		{"the second of several", "a=1&a=2", spec.Exact("2"), false},
		{"nothing is decoded", "a=1%31", spec.Exact("11"), false},
		{"not even a plus", "a=1+1", spec.Exact("1+1"), true},
		{"nor the name", "%61=1", spec.Exact("1"), false},
		{"names are sensitive", "A=1", spec.Exact("1"), false},
		{"a value with an equals sign", "a=b=c", spec.Exact("b=c"), true},
		{"a semicolon separates nothing", "b=1;a=1", spec.Exact("1"), false},
		{"and is a part of the value", "a=1;b", spec.Exact("1;b"), true},
		{"without a value", "a", spec.Exact(""), true},
		{"with an empty value", "a=", spec.Exact(""), true},
		{"presence", "a", spec.StringMatch{}, true},
		{"absence", "ab=1", spec.StringMatch{}, false},
		{"no query", "", spec.Exact(""), false},
		{"prefix", "a=12", spec.Prefix("1"), true},
		{"regex for the whole value", "a=12", spec.Regex("1"), false},
		{"a question mark", "?a=1", spec.Exact("1"), false},
		{"an empty pair", "&&a=1", spec.Exact("1"), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := "/"
			if row.query != "" {
				target += "?" + row.query
			}
			require.Equal(t, row.want, takes(t, spec.Match{QueryParams: map[string]spec.StringMatch{"a": row.match}}, testhttp.Request(t, "GET", target)))
		})
	}
}

func TestConditionsOnTheRequestLine(t *testing.T) {
	port := func(r *http.Request) *http.Request { r.Host = "A.com:8080"; return r }
	require.False(t, takes(t, spec.Match{Method: spec.Exact("get")}, testhttp.Request(t, "GET", "/")))
	require.True(t, takes(t, spec.Match{Method: spec.Regex("GET|PUT")}, testhttp.Request(t, "PUT", "/")))
	require.False(t, takes(t, spec.Match{Method: spec.Regex("GET|PUT")}, testhttp.Request(t, "PUTS", "/")))
	require.False(t, takes(t, spec.Match{Authority: spec.Exact("a.com")}, port(testhttp.Request(t, "GET", "/"))))
	require.True(t, takes(t, spec.Match{Authority: spec.Exact("A.com:8080")}, port(testhttp.Request(t, "GET", "/"))))
	require.True(t, takes(t, spec.Match{Authority: spec.Prefix("A.com")}, port(testhttp.Request(t, "GET", "/"))))
	require.True(t, takes(t, spec.Match{Scheme: spec.Exact("https")}, testhttp.OverTLS(testhttp.Request(t, "GET", "/"))))
	require.False(t, takes(t, spec.Match{Scheme: spec.Exact("https")}, testhttp.Request(t, "GET", "/")))
	require.False(t, takes(t, spec.Match{Scheme: spec.Exact("HTTP")}, testhttp.Request(t, "GET", "/")))
}
