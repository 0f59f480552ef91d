package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMergedMatches(t *testing.T) {
	header := func(m StringMatch) map[string]StringMatch { return map[string]StringMatch{"x-a": m} }
	for _, row := range []struct {
		name      string
		root, own Match
		conflict  bool
		want      Match
	}{
		{"nothing", Match{}, Match{}, false, Match{}},
		{"a prefix within a prefix", Match{URI: Prefix("/a")}, Match{URI: Prefix("/a/b")}, false, Match{URI: Prefix("/a/b")}},
		{"an exact path within a prefix", Match{URI: Prefix("/a")}, Match{URI: Exact("/a/b")}, false, Match{URI: Exact("/a/b")}},
		{"a prefix is text", Match{URI: Prefix("/a")}, Match{URI: Prefix("/ab")}, false, Match{URI: Prefix("/ab")}},
		{"another prefix", Match{URI: Prefix("/a")}, Match{URI: Prefix("/b")}, true, Match{}},
		{"a shorter prefix", Match{URI: Prefix("/a/b")}, Match{URI: Prefix("/a")}, true, Match{}},
		{"the same exact path", Match{URI: Exact("/a")}, Match{URI: Exact("/a")}, false, Match{URI: Exact("/a")}},
		{"another exact path", Match{URI: Exact("/a")}, Match{URI: Exact("/b")}, true, Match{}},
		{"a prefix of an exact path", Match{URI: Exact("/a")}, Match{URI: Prefix("/a")}, true, Match{}},
		{"the root's regex", Match{URI: Regex("/a")}, Match{URI: Exact("/a")}, true, Match{}},
		{"the delegate's regex", Match{URI: Prefix("/")}, Match{URI: Regex("/a")}, true, Match{}},
		{"the same regex", Match{URI: Regex("/a")}, Match{URI: Regex("/a")}, true, Match{}},
		{"the root's alone", Match{URI: Regex("/a")}, Match{}, false, Match{URI: Regex("/a")}},
		{"the delegate's alone", Match{}, Match{URI: Regex("/a")}, false, Match{URI: Regex("/a")}},
		{"letter case", Match{IgnoreURICase: true}, Match{}, true, Match{}},
		{"letter case of both", Match{URI: Prefix("/a"), IgnoreURICase: true}, Match{IgnoreURICase: true}, false, Match{URI: Prefix("/a"), IgnoreURICase: true}},
		{"methods", Match{Method: Exact("GET")}, Match{Method: Exact("PUT")}, true, Match{}},
		{"method and scheme", Match{Method: Exact("GET")}, Match{Scheme: Exact("http")}, false, Match{Method: Exact("GET"), Scheme: Exact("http")}},
		{"authorities", Match{Authority: Prefix("a.")}, Match{Authority: Exact("a.com")}, false, Match{Authority: Exact("a.com")}},
		{"other schemes", Match{Scheme: Exact("http")}, Match{Scheme: Exact("https")}, true, Match{}},
		{"headers of different names", Match{Headers: header(Exact("1"))}, Match{Headers: map[string]StringMatch{"x-b": Exact("2")}}, false,
			Match{Headers: map[string]StringMatch{"x-a": Exact("1"), "x-b": Exact("2")}}},
		{"a header within", Match{Headers: header(Prefix("1"))}, Match{Headers: header(Exact("12"))}, false, Match{Headers: header(Exact("12"))}},
		{"a header outside", Match{Headers: header(Exact("1"))}, Match{Headers: header(Exact("2"))}, true, Match{}},
		{"a header's presence does not widen the root's", Match{Headers: header(Exact("1"))}, Match{Headers: header(StringMatch{})}, true, Match{}},
		{"nor does the root's presence take a value", Match{Headers: header(StringMatch{})}, Match{Headers: header(Exact("1"))}, true, Match{}},
		{"presence on both sides", Match{Headers: header(StringMatch{})}, Match{Headers: header(StringMatch{})}, true, Match{}},
		{"headers that must not be", Match{WithoutHeaders: header(Exact("1"))}, Match{WithoutHeaders: header(Exact("2"))}, true, Match{}},
		{"with and without are apart", Match{Headers: header(Exact("1"))}, Match{WithoutHeaders: header(Exact("2"))}, false,
			Match{Headers: header(Exact("1")), WithoutHeaders: header(Exact("2"))}},
		{"parameters", Match{QueryParams: header(Exact("1"))}, Match{QueryParams: header(Exact("2"))}, true, Match{}},
		{"parameters of both", Match{QueryParams: header(Exact("1"))}, Match{QueryParams: header(Exact("1"))}, false, Match{QueryParams: header(Exact("1"))}},
		{"ports", Match{Port: 80}, Match{Port: 81}, true, Match{}},
		{"the root's port", Match{Port: 80}, Match{}, false, Match{Port: 80}},
		{"the delegate's port", Match{}, Match{Port: 81}, false, Match{Port: 81}},
		{"namespaces", Match{SourceNamespace: "a"}, Match{SourceNamespace: "b"}, true, Match{}},
		{"the delegate without a namespace", Match{SourceNamespace: "a"}, Match{}, true, Match{}},
		{"the root without a namespace", Match{}, Match{SourceNamespace: "a"}, false, Match{SourceNamespace: "a"}},
		{"the same namespace", Match{SourceNamespace: "a"}, Match{SourceNamespace: "a"}, false, Match{SourceNamespace: "a"}},
		{"labels", Match{SourceLabels: lines{"a": "1"}}, Match{SourceLabels: lines{"a": "2"}}, true, Match{}},
		{"labels of both", Match{SourceLabels: lines{"a": "1"}}, Match{SourceLabels: lines{"b": "2"}}, false, Match{SourceLabels: lines{"a": "1", "b": "2"}}},
		{"gateways", Match{Gateways: []string{"g", "h"}}, Match{Gateways: []string{"root/g"}}, false, Match{Gateways: []string{"root/g"}}},
		{"a gateway of the delegate's namespace", Match{Gateways: []string{"g"}}, Match{Gateways: []string{"g"}}, true, Match{}},
		{"more gateways", Match{Gateways: []string{"g"}}, Match{Gateways: []string{"root/g", "root/h"}}, true, Match{}},
		{"the root's gateways", Match{Gateways: []string{"g"}}, Match{}, false, Match{Gateways: []string{"root/g"}}},
		{"names", Match{Name: "r"}, Match{Name: "d"}, false, Match{Name: "r-d"}},
		{"the root's name", Match{Name: "r"}, Match{}, false, Match{Name: "r"}},
		{"the delegate's name", Match{}, Match{Name: "d"}, false, Match{Name: "d"}},
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
func delegated(t *testing.T, services ...VirtualService) []string {
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

func rootOf(routes ...Route) VirtualService {
	return VirtualService{Name: "vs", Namespace: "root", Hosts: []string{"*"}, Routes: routes}
}

func TestDelegates(t *testing.T) {
	to := func(host string, match ...Match) Route { return Route{Match: match, Split: Split{{Host: host}}} }
	via := func(name string, match ...Match) Route {
		return Route{Match: match, Delegate: &Delegate{Name: name, Namespace: "own"}}
	}
	own := func(routes ...Route) VirtualService {
		return VirtualService{Name: "d", Namespace: "own", Routes: routes}
	}
	for _, row := range []struct {
		name     string
		services []VirtualService
		want     []string
	}{
		{"in place of the root's rule, short names in the delegate's namespace",
			[]VirtualService{rootOf(to("first", Match{URI: Exact("/1")}), via("d", Match{URI: Prefix("/a")}), to("last")), own(to("x", Match{URI: Prefix("/a/x")}), to("y"))},
			[]string{
				`0 root/vs: exact "/1"`, "forward all to outbound|80||first.root.svc.cluster.local",
				`1 root/vs: prefix "/a/x"`, "forward all to outbound|80||x.own.svc.cluster.local",
				`2 root/vs: prefix "/a"`, "forward all to outbound|80||y.own.svc.cluster.local",
				`3 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local",
			}},
		{"a rule outside of the root's is dropped",
			[]VirtualService{rootOf(via("d", Match{URI: Prefix("/api")})), own(to("a", Match{URI: Prefix("/api/v1")}), to("b", Match{URI: Prefix("/web")}))},
			[]string{`0 root/vs: prefix "/api/v1"`, "forward all to outbound|80||a.own.svc.cluster.local"}},
		{"with all of its matches",
			[]VirtualService{rootOf(via("d", Match{URI: Prefix("/api")}), to("last")), own(to("a", Match{URI: Prefix("/api/v1")}, Match{URI: Prefix("/web")}))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"every pair that does not conflict",
			[]VirtualService{rootOf(via("d", Match{URI: Prefix("/a")}, Match{URI: Prefix("/b")})), own(to("a", Match{URI: Prefix("/b/x")}, Match{Method: Exact("PUT")}))},
			[]string{
				`0 root/vs: prefix "/b/x"`, "forward all to outbound|80||a.own.svc.cluster.local",
				`1 root/vs: prefix "/a", method exact "PUT"`, "forward all to outbound|80||a.own.svc.cluster.local",
				`2 root/vs: prefix "/b", method exact "PUT"`, "forward all to outbound|80||a.own.svc.cluster.local",
			}},
		{"a missing delegate removes its rule alone",
			[]VirtualService{rootOf(via("nobody", Match{URI: Prefix("/a")}), to("last")), own(to("x"))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"so does one that is not exported",
			[]VirtualService{rootOf(via("d", Match{URI: Prefix("/a")}), to("last")), {Name: "d", Namespace: "own", ExportTo: []string{"."}, Routes: []Route{to("x")}}},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
		{"one that is",
			[]VirtualService{rootOf(via("d")), {Name: "d", Namespace: "own", ExportTo: []string{"root"}, Routes: []Route{to("x")}}},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||x.own.svc.cluster.local"}},
		{"nothing without a root", []VirtualService{rootOf(to("last")), own(to("x"))},
			[]string{`0 root/vs: prefix "/"`, "forward all to outbound|80||last.root.svc.cluster.local"}},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, delegated(t, row.services...)) })
	}
}

func TestDelegatesDoNotDelegate(t *testing.T) {
	_, err := New().
		VirtualService(VirtualService{Name: "vs", Hosts: []string{"*"}, Routes: []Route{{Delegate: &Delegate{Name: "d"}}}}).
		VirtualService(VirtualService{Name: "d", Routes: []Route{{Delegate: &Delegate{Name: "e"}}}}).
		VirtualService(VirtualService{Name: "e", Routes: []Route{{Split: Split{{Host: "x"}}}}}).Build()
	require.Error(t, err)
}

func TestDelegatesInherit(t *testing.T) {
	percent := 50.0
	root := Route{
		Name: "r", Rewrite: &Rewrite{URI: "/root"}, DirectResponse: &DirectResponse{Status: 201}, Timeout: time.Second, Retry: &Retry{Attempts: 1},
		Fault: &Fault{Delay: &FaultDelay{}}, Mirrors: []Mirror{{Percent: &percent}}, CORS: &CORS{MaxAge: day()},
		Headers: Headers{Request: ops{Set: lines{"x-root": "1"}}}, RateLimits: []RateLimit{{Requests: 1}},
		Delegate: &Delegate{Name: "d"},
	}
	split := Split{{Host: "x"}}
	got, ok := mergeRoutes(&root, &Route{Split: split}, "a", "b")
	require.True(t, ok)
	want := root
	want.Split, want.Delegate = split, nil
	require.Equal(t, want, *got)

	own := Route{
		Name: "d", Rewrite: &Rewrite{URI: "/own"}, DirectResponse: &DirectResponse{Status: 202}, Timeout: time.Minute, Retry: &Retry{},
		Fault: &Fault{}, Mirrors: []Mirror{{}}, CORS: &CORS{}, Headers: Headers{Response: ops{Remove: []string{"x-own"}}}, RateLimits: []RateLimit{{Requests: 2}}, Split: split,
	}
	got, ok = mergeRoutes(&root, &own, "a", "b")
	require.True(t, ok)
	want = own
	want.Name = "r-d"
	require.Equal(t, want, *got, "nothing is merged field by field")
}
