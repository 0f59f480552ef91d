package compile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestMergedMatches(t *testing.T) {
	header := func(m spec.StringMatch) map[string]spec.StringMatch { return map[string]spec.StringMatch{"x-a": m} }
	for _, row := range []struct {
		name      string
		root, own spec.Match
		conflict  bool
		want      spec.Match
	}{
		{"nothing", spec.Match{}, spec.Match{}, false, spec.Match{}},
		{"a prefix within a prefix", spec.Match{URI: spec.Prefix("/a")}, spec.Match{URI: spec.Prefix("/a/b")}, false, spec.Match{URI: spec.Prefix("/a/b")}},
		{"an exact path within a prefix", spec.Match{URI: spec.Prefix("/a")}, spec.Match{URI: spec.Exact("/a/b")}, false, spec.Match{URI: spec.Exact("/a/b")}},
		{"a prefix is text", spec.Match{URI: spec.Prefix("/a")}, spec.Match{URI: spec.Prefix("/ab")}, false, spec.Match{URI: spec.Prefix("/ab")}},
		{"another prefix", spec.Match{URI: spec.Prefix("/a")}, spec.Match{URI: spec.Prefix("/b")}, true, spec.Match{}},
		{"a shorter prefix", spec.Match{URI: spec.Prefix("/a/b")}, spec.Match{URI: spec.Prefix("/a")}, true, spec.Match{}},
		{"the same exact path", spec.Match{URI: spec.Exact("/a")}, spec.Match{URI: spec.Exact("/a")}, false, spec.Match{URI: spec.Exact("/a")}},
		{"another exact path", spec.Match{URI: spec.Exact("/a")}, spec.Match{URI: spec.Exact("/b")}, true, spec.Match{}},
		{"a prefix of an exact path", spec.Match{URI: spec.Exact("/a")}, spec.Match{URI: spec.Prefix("/a")}, true, spec.Match{}},
		{"the root's regex", spec.Match{URI: spec.Regex("/a")}, spec.Match{URI: spec.Exact("/a")}, true, spec.Match{}},
		{"the delegate's regex", spec.Match{URI: spec.Prefix("/")}, spec.Match{URI: spec.Regex("/a")}, true, spec.Match{}},
		{"the same regex", spec.Match{URI: spec.Regex("/a")}, spec.Match{URI: spec.Regex("/a")}, true, spec.Match{}},
		{"the root's alone", spec.Match{URI: spec.Regex("/a")}, spec.Match{}, false, spec.Match{URI: spec.Regex("/a")}},
		{"the delegate's alone", spec.Match{}, spec.Match{URI: spec.Regex("/a")}, false, spec.Match{URI: spec.Regex("/a")}},
		{"letter case", spec.Match{IgnoreURICase: true}, spec.Match{}, true, spec.Match{}},
		{"letter case of both", spec.Match{URI: spec.Prefix("/a"), IgnoreURICase: true}, spec.Match{IgnoreURICase: true}, false, spec.Match{URI: spec.Prefix("/a"), IgnoreURICase: true}},
		{"methods", spec.Match{Method: spec.Exact("GET")}, spec.Match{Method: spec.Exact("PUT")}, true, spec.Match{}},
		{"method and scheme", spec.Match{Method: spec.Exact("GET")}, spec.Match{Scheme: spec.Exact("http")}, false, spec.Match{Method: spec.Exact("GET"), Scheme: spec.Exact("http")}},
		{"authorities", spec.Match{Authority: spec.Prefix("a.")}, spec.Match{Authority: spec.Exact("a.com")}, false, spec.Match{Authority: spec.Exact("a.com")}},
		{"other schemes", spec.Match{Scheme: spec.Exact("http")}, spec.Match{Scheme: spec.Exact("https")}, true, spec.Match{}},
		{"headers of different names", spec.Match{Headers: header(spec.Exact("1"))}, spec.Match{Headers: map[string]spec.StringMatch{"x-b": spec.Exact("2")}}, false,
			spec.Match{Headers: map[string]spec.StringMatch{"x-a": spec.Exact("1"), "x-b": spec.Exact("2")}}},
		{"a header within", spec.Match{Headers: header(spec.Prefix("1"))}, spec.Match{Headers: header(spec.Exact("12"))}, false, spec.Match{Headers: header(spec.Exact("12"))}},
		{"a header outside", spec.Match{Headers: header(spec.Exact("1"))}, spec.Match{Headers: header(spec.Exact("2"))}, true, spec.Match{}},
		{"a header's presence does not widen the root's", spec.Match{Headers: header(spec.Exact("1"))}, spec.Match{Headers: header(spec.StringMatch{})}, true, spec.Match{}},
		{"nor does the root's presence take a value", spec.Match{Headers: header(spec.StringMatch{})}, spec.Match{Headers: header(spec.Exact("1"))}, true, spec.Match{}},
		{"presence on both sides", spec.Match{Headers: header(spec.StringMatch{})}, spec.Match{Headers: header(spec.StringMatch{})}, true, spec.Match{}},
		{"headers that must not be", spec.Match{WithoutHeaders: header(spec.Exact("1"))}, spec.Match{WithoutHeaders: header(spec.Exact("2"))}, true, spec.Match{}},
		{"with and without are apart", spec.Match{Headers: header(spec.Exact("1"))}, spec.Match{WithoutHeaders: header(spec.Exact("2"))}, false,
			spec.Match{Headers: header(spec.Exact("1")), WithoutHeaders: header(spec.Exact("2"))}},
		{"parameters", spec.Match{QueryParams: header(spec.Exact("1"))}, spec.Match{QueryParams: header(spec.Exact("2"))}, true, spec.Match{}},
		{"parameters of both", spec.Match{QueryParams: header(spec.Exact("1"))}, spec.Match{QueryParams: header(spec.Exact("1"))}, false, spec.Match{QueryParams: header(spec.Exact("1"))}},
		{"ports", spec.Match{Port: 80}, spec.Match{Port: 81}, true, spec.Match{}},
		{"the root's port", spec.Match{Port: 80}, spec.Match{}, false, spec.Match{Port: 80}},
		{"the delegate's port", spec.Match{}, spec.Match{Port: 81}, false, spec.Match{Port: 81}},
		{"namespaces", spec.Match{SourceNamespace: "a"}, spec.Match{SourceNamespace: "b"}, true, spec.Match{}},
		{"the delegate without a namespace", spec.Match{SourceNamespace: "a"}, spec.Match{}, true, spec.Match{}},
		{"the root without a namespace", spec.Match{}, spec.Match{SourceNamespace: "a"}, false, spec.Match{SourceNamespace: "a"}},
		{"the same namespace", spec.Match{SourceNamespace: "a"}, spec.Match{SourceNamespace: "a"}, false, spec.Match{SourceNamespace: "a"}},
		{"labels", spec.Match{SourceLabels: map[string]string{"a": "1"}}, spec.Match{SourceLabels: map[string]string{"a": "2"}}, true, spec.Match{}},
		{"labels of both", spec.Match{SourceLabels: map[string]string{"a": "1"}}, spec.Match{SourceLabels: map[string]string{"b": "2"}}, false, spec.Match{SourceLabels: map[string]string{"a": "1", "b": "2"}}},
		{"gateways", spec.Match{Gateways: []string{"g", "h"}}, spec.Match{Gateways: []string{"root/g"}}, false, spec.Match{Gateways: []string{"root/g"}}},
		{"a gateway of the delegate's namespace", spec.Match{Gateways: []string{"g"}}, spec.Match{Gateways: []string{"g"}}, true, spec.Match{}},
		{"more gateways", spec.Match{Gateways: []string{"g"}}, spec.Match{Gateways: []string{"root/g", "root/h"}}, true, spec.Match{}},
		{"the root's gateways", spec.Match{Gateways: []string{"g"}}, spec.Match{}, false, spec.Match{Gateways: []string{"root/g"}}},
		{"names", spec.Match{Name: "r"}, spec.Match{Name: "d"}, false, spec.Match{Name: "r-d"}},
		{"the root's name", spec.Match{Name: "r"}, spec.Match{}, false, spec.Match{Name: "r"}},
		{"the delegate's name", spec.Match{}, spec.Match{Name: "d"}, false, spec.Match{Name: "d"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, ok := mergeMatches(&row.root, &row.own, "root", "own")
			require.Equal(t, !row.conflict, ok)
			require.Equal(t, row.want, got)
		})
	}
}

func TestDelegatesInherit(t *testing.T) {
	percent := 50.0
	root := spec.Route{
		Name: "r", Rewrite: &spec.Rewrite{URI: "/root"}, DirectResponse: &spec.DirectResponse{Status: 201}, Timeout: time.Second, Retry: &spec.Retry{Attempts: 1},
		Fault: &spec.Fault{Delay: &spec.FaultDelay{}}, Mirrors: []spec.Mirror{{Percent: &percent}}, CORS: &spec.CORS{MaxAge: new(24 * time.Hour)},
		Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-root": "1"}}}, RateLimits: []spec.RateLimit{{Requests: 1}},
		Delegate: &spec.Delegate{Name: "d"},
	}
	split := []spec.Destination{{Host: "x"}}
	got, conflict := mergeRoutes(&root, &spec.Route{Destinations: split}, "a", "b")
	require.Equal(t, -1, conflict)
	want := root
	want.Destinations, want.Delegate = split, nil
	require.Equal(t, want, *got.Route)

	own := spec.Route{
		Name: "d", Rewrite: &spec.Rewrite{URI: "/own"}, DirectResponse: &spec.DirectResponse{Status: 202}, Timeout: time.Minute, Retry: &spec.Retry{},
		Fault: &spec.Fault{}, Mirrors: []spec.Mirror{{}}, CORS: &spec.CORS{}, Headers: spec.Headers{Response: spec.HeaderOperations{Remove: []string{"x-own"}}}, RateLimits: []spec.RateLimit{{Requests: 2}}, Destinations: split,
	}
	got, conflict = mergeRoutes(&root, &own, "a", "b")
	require.Equal(t, -1, conflict)
	want = own
	want.Name = "r-d"
	want.RateLimits = []spec.RateLimit{{Requests: 1}, {Requests: 2}}
	require.Equal(t, want, *got.Route, "nothing is merged field by field, but the limits of both hold")
}
