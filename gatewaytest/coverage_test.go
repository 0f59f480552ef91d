package gatewaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// small has three routes: two of one path, and one for the rest, which is split.
const small = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: small}
spec:
  hosts: [a.test, b.test]
  http:
  - name: one
    match:
    - uri: {prefix: /a}
      headers: {x: {exact: "1"}}
    route: [{destination: {host: one}}]
  - name: any
    match: [{uri: {prefix: /a}}]
    route: [{destination: {host: any}}]
  - name: rest
    route:
    - {destination: {host: big}, weight: 3}
    - {destination: {host: little}, weight: 1}
`

// A row is "URL x=VALUE" with what is expected.
func TestCoverage(t *testing.T) {
	route := func(name string) Expect { return Expect{Route: name} }
	request := func(url, x string) Request {
		r := Request{URL: url}
		if x != "" {
			r.Header = http.Header{"X": {x}}
		}
		return r
	}
	one := Case{Request: request("http://a.test/a", "1"), Expect: route("one")}
	other := Case{Request: request("http://b.test/a", "2"), Expect: route("any")}
	rest := Case{Request: request("http://a.test/b", "1"), Expect: route("rest")}
	for _, row := range []struct {
		name  string
		cases []Case
		want  string
		line  string // a line of the text, or "" if there is none but the first
	}{
		{"nothing", nil, "0/3 0/3 0/2", "small.yaml:9:21: no case is routed by default/small one: path prefix \"/a\", header x exact \"1\""},
		{"a route", []Case{one}, "1/3 0/3 0/2", "small.yaml:10:28: no case fails only the condition of default/small one: header x exact \"1\""},
		{"a header decides", []Case{other}, "1/3 1/3 0/2", "small.yaml:9:21: no case is routed by"},
		{"paths decide", []Case{rest}, "1/3 2/3 0/2", "small.yaml:15:5: no case expects the share of default/small rest: big:80 75%"},
		{"two conditions at once decide nothing", []Case{{Request: request("http://a.test/b", "2"), Expect: route("rest")}}, "1/3 1/3 0/2", ""},
		{"the route differs, and counts all the same", []Case{{Request: request("http://a.test/a", "1"), Expect: route("any")}}, "1/3 0/3 0/2", ""},
		{"a share", []Case{{Request: request("http://a.test/b", ""), Expect: Expect{Upstreams: map[string]Upstream{"big": {Path: "/b"}}}}}, "1/3 1/3 1/2", "no case expects the share of default/small rest: little:80 25%"},
		{"another host", []Case{{Request: request("http://c.test/a", "1"), Expect: Expect{Status: 404}}}, "0/3 0/3 0/2", ""},
		{"all", []Case{one, other, rest, {Request: request("http://b.test/", ""), Expect: Expect{Destinations: map[string]float64{"big": 75, "little": 25}}}}, "3/3 3/3 2/2", ""},
	} {
		x := opened(t, Suite{Source: istio.Bytes("small.yaml", []byte(small))})
		for _, c := range row.cases {
			x.Check(c)
		}
		c := x.Coverage()
		routes, conditions, shares := c.Count()
		require.Equal(t, row.want, fmt.Sprintf("%d/%d %d/%d %d/%d", routes.Met, routes.Total, conditions.Met, conditions.Total, shares.Met, shares.Total), row.name)
		require.InDelta(t, float64(routes.Met+conditions.Met+shares.Met)/8, c.Share(), 1e-9, row.name)
		require.Contains(t, c.String(), row.line, row.name)
		if row.name == "all" {
			require.Equal(t, "coverage 100.0%: 3 of 3 routes, 3 of 3 conditions, 2 of 2 shares\n", c.String())
		}
	}
}

// The coverage so far does not change later.
func TestCoverageIsACopy(t *testing.T) {
	x := opened(t, Suite{Source: istio.Text(small)})
	before := x.Coverage()
	x.Check(Case{Request: Request{URL: "http://a.test/a"}, Expect: Expect{Status: 200}})
	require.Zero(t, before.Share())
	require.NotZero(t, x.Coverage().Share())
}

// Parts are met in the same way in a long list of routes, of which an explanation shows
// only a few.
func TestCoverageOfManyRoutes(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: many}\nspec:\n  hosts: [a.test]\n  http:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  - match: [{uri: {prefix: /%d/}}]\n    route: [{destination: {host: a}}]\n", i)
		fmt.Fprintf(&b, "  - match: [{uri: {prefix: /x%d/}, headers: {x: {exact: \"1\"}}, method: {regex: GET|HEAD}, queryParams: {q: {prefix: a}}, withoutHeaders: {z: {}}}]\n    route: [{destination: {host: a}}]\n", i)
	}
	// Each of these keeps all its conditions but one.
	ask := func(x *Tester, method, url string, header http.Header) {
		r := x.Check(Case{Request: Request{Method: method, URL: url, Header: header}, Expect: Expect{Kind: "notFound"}})
		require.False(t, r.Failed(), r.String())
	}
	ones := http.Header{"X": {"1"}}
	x := opened(t, Suite{Source: istio.Text(b.String())})
	ask(x, "GET", "http://a.test/other/?q=ab", ones)
	_, conditions, _ := x.Coverage().Count()
	require.Equal(t, Count{400, 1200}, conditions, "all paths")
	ask(x, "GET", "http://a.test/x7/?q=ab", http.Header{"X": {"2"}})
	_, conditions, _ = x.Coverage().Count()
	require.Equal(t, 401, conditions.Met, "a header")
	ask(x, "POST", "http://a.test/x8/?q=ab", ones)
	ask(x, "GET", "http://a.test/x9/?q=ba", ones)
	ask(x, "GET", "http://a.test/x10/?q=ab", http.Header{"X": {"1"}, "Z": {""}})
	_, conditions, _ = x.Coverage().Count()
	require.Equal(t, 404, conditions.Met, "a method, a query parameter, a header that must not be there")
	ask(x, "POST", "http://a.test/x11/", nil)
	_, conditions, _ = x.Coverage().Count()
	require.Equal(t, 404, conditions.Met, "several conditions at once")
}

// Without routes, all is covered.
func TestCoverageOfNothing(t *testing.T) {
	x := opened(t, Suite{})
	require.Equal(t, 1.0, x.Coverage().Share())
}

// Routes that only redirect to https behind a server are those of the other server.
func TestCoverageWithRedirects(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	x.Check(Case{Request: Request{URL: "http://shop.example.com:8080/old"}, Expect: Expect{Kind: "redirect"}})
	routes, _, _ := x.Coverage().Count()
	require.Equal(t, Count{0, 9}, routes)
	x.Check(Case{Request: Request{URL: "http://shop.example.com/old"}, Expect: Expect{Kind: "redirect"}})
	routes, _, _ = x.Coverage().Count()
	require.Equal(t, Count{1, 9}, routes)
}

func TestCoverageOfForeignCases(t *testing.T) {
	x := opened(t, Suite{Source: istio.Bytes("small.yaml", []byte(small))})
	cases, err := Parse("a.yaml", []byte(`
tests:
- {test_name: a, input: {authority: a.test, path: /, method: GET, random_value: 3}, validate: {path_rewrite: /}}
`))
	require.NoError(t, err)
	x.Check(cases[0])
	require.Contains(t, x.Coverage().String(), "the share of default/small rest: big:80 75%")
	require.NotContains(t, x.Coverage().String(), "little")
}

func TestCoverageReports(t *testing.T) {
	x := opened(t, Suite{Source: istio.Bytes("small.yaml", []byte(small))})
	for range 2 {
		x.Check(Case{Request: Request{URL: "http://a.test/a", Header: http.Header{"X": {"2"}}}, Expect: Expect{Route: "any"}})
	}
	require.Equal(t, strings.Join([]string{
		"TN:", "SF:small.yaml", "DA:9,0", "DA:10,2", "DA:13,0", "DA:15,0", "LF:4", "LH:1", "end_of_record", "",
	}, "\n"), x.Coverage().LCOV())

	text, err := json.Marshal(x.Coverage())
	require.NoError(t, err)
	var got struct {
		Share  float64
		Counts struct{ Routes, Conditions, Shares Count }
		Routes []RouteCoverage
	}
	require.NoError(t, json.Unmarshal(text, &got))
	require.InDelta(t, 0.25, got.Share, 1e-9)
	require.Equal(t, Count{1, 3}, got.Counts.Routes)
	require.Equal(t, Count{1, 3}, got.Counts.Conditions)
	require.Equal(t, "small.yaml:10:28", got.Routes[0].Conditions[1].Place)
	require.Equal(t, 2, got.Routes[0].Conditions[1].Failed)
}

// Routes in Go have places too, if they are those of a Builder.
func TestPlacesOfParts(t *testing.T) {
	for _, row := range []struct {
		place, file string
		line        int
		ok          bool
	}{
		{"a.yaml:3:7", "a.yaml", 3, true},
		{"a.yaml:3", "a.yaml", 3, true},
		{"c:/a.yaml:3:7", "c:/a.yaml", 3, true},
		{"a.yaml", "", 0, false},
		{"", "", 0, false},
	} {
		file, line, ok := splitPlace(row.place)
		require.Equal(t, row.ok, ok, row.place)
		if ok {
			require.Equal(t, row.file, file)
			require.Equal(t, row.line, line)
		}
	}
	x := opened(t, Suite{Source: spec.Declarations{VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Routes: []spec.Route{
		{Match: []spec.Match{{URI: spec.Exact("/a")}}, Destinations: []spec.Destination{{Host: "a"}}},
		{Destinations: []spec.Destination{{Host: "b"}}},
	}}}}})
	require.Contains(t, x.Coverage().String(), "no case is routed by")
	require.Empty(t, x.Coverage().LCOV())
}
