package compile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// delegated returns the printed routes of a gateway that delegates.
func delegated(t *testing.T, services ...spec.VirtualService) []string {
	t.Helper()
	b := gateway.New().Backend("*", new(testhttp.Spy))
	for _, vs := range services {
		if len(vs.Hosts) > 0 {
			vs.Gateways = []string{"*"}
		}
		b.VirtualService(vs)
	}
	var out []string
	for line := range strings.Lines(testgateway.Built(t, b).String()) {
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
	_, err := gateway.New().
		VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"*"}, Routes: []spec.Route{{Delegate: &spec.Delegate{Name: "d"}}}}).
		VirtualService(spec.VirtualService{Name: "d", Routes: []spec.Route{{Delegate: &spec.Delegate{Name: "e"}}}}).
		VirtualService(spec.VirtualService{Name: "e", Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "x"}}}}}).Build()
	require.Error(t, err)
}
