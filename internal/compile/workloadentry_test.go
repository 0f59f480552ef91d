package compile_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A selector omits entries that the resolution cannot use.
func TestEndpointsOfSelectedWorkloads(t *testing.T) {
	d := spec.Declarations{WorkloadEntries: []spec.WorkloadEntry{
		testhttp.Labelled("", "socket", "unix:///run/a.sock", "app", "a"), testhttp.Labelled("", "name", "a.test", "app", "a"),
		testhttp.Labelled("", "four", "10.0.0.1", "app", "a", "version", "v1"), testhttp.Labelled("", "six", "::1", "app", "a"),
	}}
	d.WorkloadEntries[2].Ports = map[string]int{"http": 9090}
	for _, row := range []struct {
		name       string
		resolution spec.Resolution
		labels     map[string]string
		want       []string
	}{
		{"STATIC", spec.ResolveStatic, nil, []string{"10.0.0.1:9090", "[::1]:8080"}},
		{"DNS", spec.ResolveDNS, nil, []string{"a.test:8080", "10.0.0.1:9090", "[::1]:8080"}},
		{"DNS_ROUND_ROBIN", spec.ResolveDNSRoundRobin, nil, []string{"a.test:8080"}},
		{"NONE", spec.ResolveNone, nil, nil},
		{"a subset", spec.ResolveStatic, map[string]string{"version": "v1"}, []string{"10.0.0.1:9090"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d.Services = []spec.Service{{
				Hosts: []string{"a.test"}, Resolution: row.resolution, WorkloadSelector: map[string]string{"app": "a"},
				Ports: []spec.ServicePort{{Number: 80, Name: "http", TargetPort: 8080}},
			}}
			x := compile.NewServiceIndex(&compile.Compiler{List: new(findings.List), O: new(compile.DefaultOptions()), D: &d})
			var got []string
			for _, e := range x.Find("a.test", "default").Endpoints("a.test", 80, row.labels) {
				got = append(got, e.Address)
			}
			require.Equal(t, row.want, got)
		})
	}
}

// Requests go to the selected entries, and to newly selected ones as soon as they
// are declared. Unchanged entries are not affected.
func TestWorkloadsServe(t *testing.T) {
	place := func(name string) spec.WorkloadEntry {
		s := httptest.NewServer(testhttp.Saying(name))
		t.Cleanup(s.Close)
		at := netip.MustParseAddrPort(s.Listener.Addr().String())
		w := testhttp.Labelled("", name, at.Addr().String(), "app", "shop", "version", name)
		w.Ports = map[string]int{"http": int(at.Port())}
		return w
	}
	v1, v2 := place("v1"), place("v2")
	build := func(list ...spec.WorkloadEntry) *gateway.Builder {
		b := gateway.New().Service(spec.Service{
			Hosts: []string{"shop.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"app": "shop"},
			Ports: []spec.ServicePort{{Number: 80, Name: "http"}},
		}).DestinationRule(spec.DestinationRule{Host: "shop.test", Subsets: []spec.Subset{{Name: "v2", Labels: map[string]string{"version": "v2"}}}}).
			Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/v2")}}, Destinations: []spec.Destination{{Host: "shop.test", Subset: "v2"}}}).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.test"}}})
		for _, w := range list {
			b.WorkloadEntry(w)
		}
		return b
	}
	gw := testgateway.Built(t, build(v1))
	get := func(path string) string {
		return testgateway.Serve(gw, httptest.NewRequest("GET", path, nil)).Body.String()
	}
	require.Equal(t, "v1", get("/"))
	require.Equal(t, "no healthy upstream", get("/v2"))
	require.NoError(t, gw.Replace(build(v1, v2)))
	require.Equal(t, "v2", get("/v2"))
	require.NoError(t, gw.Replace(build()))
	require.Equal(t, "no healthy upstream", get("/"))
}

// Programs that send requests to different places print differently.
func TestSelectedWorkloadsArePrinted(t *testing.T) {
	print := func(list ...spec.WorkloadEntry) string {
		b := gateway.New().Service(spec.Service{
			Hosts: []string{"shop.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"app": "shop"},
			Ports: []spec.ServicePort{{Number: 80}},
		}).Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.test"}}})
		for _, w := range list {
			b.WorkloadEntry(w)
		}
		return testgateway.Built(t, b).String()
	}
	v1, v2 := testhttp.Labelled("", "v1", "10.0.0.1", "app", "shop"), testhttp.Labelled("", "v2", "10.0.0.2", "app", "other")
	require.Contains(t, print(v1, v2), "endpoints STATIC 10.0.0.1:80 app=shop\n")
	v2.Labels["app"] = "shop"
	require.Contains(t, print(v1, v2), "endpoints STATIC 10.0.0.1:80 app=shop, 10.0.0.2:80 app=shop\n")
	require.Contains(t, print(), "endpoints STATIC none\n")
}
