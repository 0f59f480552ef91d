package gateway

import (
	"strings"
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

// delegated returns the routes of a gateway that delegates, as the program prints
// them.
func delegated(t *testing.T, services ...spec.VirtualService) []string {
	t.Helper()
	b := New().Backend("*", new(backendSpy))
	for _, vs := range services {
		if len(vs.Hosts) > 0 {
			vs.Gateways = []string{"*"}
		}
		b.VirtualService(vs)
	}
	var out []string
	for line := range strings.Lines(built(t, b).String()) {
		if line = strings.TrimSpace(line); strings.Contains(line, "root/") || strings.HasPrefix(line, "forward") {
			out = append(out, line)
		}
	}
	return out
}

func rootOf(routes ...spec.Route) spec.VirtualService {
	return spec.VirtualService{Name: "vs", Namespace: "root", Hosts: []string{"*"}, Routes: routes}
}

func TestDelegates(t *testing.T) {
	to := func(host string, match ...spec.Match) spec.Route {
		return spec.Route{Match: match, Destinations: []spec.Destination{{Host: host}}}
	}
	via := func(name string, match ...spec.Match) spec.Route {
		return spec.Route{Match: match, Delegate: &spec.Delegate{Name: name, Namespace: "own"}}
	}
	own := func(routes ...spec.Route) spec.VirtualService {
		return spec.VirtualService{Name: "d", Namespace: "own", Routes: routes}
	}
	for _, row := range []struct {
		name     string
		services []spec.VirtualService
		want     []string
	}{
		{"in place of the root's rule, short names in the delegate's namespace",
			[]spec.VirtualService{rootOf(to("first", spec.Match{URI: spec.Exact("/1")}), via("d", spec.Match{URI: spec.Prefix("/a")}), to("last")), own(to("x", spec.Match{URI: spec.Prefix("/a/x")}), to("y"))},
			[]string{
				`0 root/vs: exact "/1"`, "forward all to outbound|80||first.root.svc.cluster.local",
				`1 root/vs: prefix "/a/x"`, "forward all to outbound|80||x.own.svc.cluster.local",
				`2 root/vs: prefix "/a"`, "forward all to outbound|80||y.own.svc.cluster.local",
				`3 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local",
			}},
		{"a rule outside of the root's is dropped",
			[]spec.VirtualService{rootOf(via("d", spec.Match{URI: spec.Prefix("/api")})), own(to("a", spec.Match{URI: spec.Prefix("/api/v1")}), to("b", spec.Match{URI: spec.Prefix("/web")}))},
			[]string{`0 root/vs: prefix "/api/v1"`, "forward all to outbound|80||a.own.svc.cluster.local"}},
		{"with all of its matches",
			[]spec.VirtualService{rootOf(via("d", spec.Match{URI: spec.Prefix("/api")}), to("last")), own(to("a", spec.Match{URI: spec.Prefix("/api/v1")}, spec.Match{URI: spec.Prefix("/web")}))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"every pair that does not conflict",
			[]spec.VirtualService{rootOf(via("d", spec.Match{URI: spec.Prefix("/a")}, spec.Match{URI: spec.Prefix("/b")})), own(to("a", spec.Match{URI: spec.Prefix("/b/x")}, spec.Match{Method: spec.Exact("PUT")}))},
			[]string{
				`0 root/vs: prefix "/b/x"`, "forward all to outbound|80||a.own.svc.cluster.local",
				`1 root/vs: prefix "/a", method exact "PUT"`, "forward all to outbound|80||a.own.svc.cluster.local",
				`2 root/vs: prefix "/b", method exact "PUT"`, "forward all to outbound|80||a.own.svc.cluster.local",
			}},
		{"a missing delegate removes its rule alone",
			[]spec.VirtualService{rootOf(via("nobody", spec.Match{URI: spec.Prefix("/a")}), to("last")), own(to("x"))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"so does one that is not exported",
			[]spec.VirtualService{rootOf(via("d", spec.Match{URI: spec.Prefix("/a")}), to("last")), {Name: "d", Namespace: "own", ExportTo: []string{"."}, Routes: []spec.Route{to("x")}}},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"one that is",
			[]spec.VirtualService{rootOf(via("d")), {Name: "d", Namespace: "own", ExportTo: []string{"root"}, Routes: []spec.Route{to("x")}}},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||x.own.svc.cluster.local"}},
		{"nothing without a root", []spec.VirtualService{rootOf(to("last")), own(to("x"))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, delegated(t, row.services...)) })
	}
}

func TestDelegatesDoNotDelegate(t *testing.T) {
	_, err := New().
		VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"*"}, Routes: []spec.Route{{Delegate: &spec.Delegate{Name: "d"}}}}).
		VirtualService(spec.VirtualService{Name: "d", Routes: []spec.Route{{Delegate: &spec.Delegate{Name: "e"}}}}).
		VirtualService(spec.VirtualService{Name: "e", Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "x"}}}}}).Build()
	require.Error(t, err)
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
	got, ok := mergeRoutes(&root, &spec.Route{Destinations: split}, "a", "b")
	require.True(t, ok)
	want := root
	want.Destinations, want.Delegate = split, nil
	require.Equal(t, want, *got)

	own := spec.Route{
		Name: "d", Rewrite: &spec.Rewrite{URI: "/own"}, DirectResponse: &spec.DirectResponse{Status: 202}, Timeout: time.Minute, Retry: &spec.Retry{},
		Fault: &spec.Fault{}, Mirrors: []spec.Mirror{{}}, CORS: &spec.CORS{}, Headers: spec.Headers{Response: spec.HeaderOperations{Remove: []string{"x-own"}}}, RateLimits: []spec.RateLimit{{Requests: 2}}, Destinations: split,
	}
	got, ok = mergeRoutes(&root, &own, "a", "b")
	require.True(t, ok)
	want = own
	want.Name = "r-d"
	require.Equal(t, want, *got, "nothing is merged field by field")
}
