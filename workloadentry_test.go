package gateway

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// labelled is a WorkloadEntry with labels as they are written: a key and a value in
// turn.
func labelled(namespace, name, address string, labels ...string) spec.WorkloadEntry {
	w := spec.WorkloadEntry{Namespace: namespace, Name: name, Endpoint: spec.Endpoint{Address: address}}
	for i := 0; i < len(labels); i += 2 {
		if w.Labels == nil {
			w.Labels = map[string]string{}
		}
		w.Labels[labels[i]] = labels[i+1]
	}
	return w
}

// A selector selects, of its own namespace, what has all of its labels.
func TestSelectedWorkloads(t *testing.T) {
	x := newWorkloadIndex([]spec.WorkloadEntry{
		labelled("shops", "both", "10.0.0.1", "app", "shop", "version", "v1"),
		labelled("shops", "app", "10.0.0.2", "app", "shop"),
		labelled("shops", "version", "10.0.0.3", "version", "v1"),
		{Namespace: "shops", Name: "bare", Endpoint: spec.Endpoint{Address: "10.0.0.4", Locality: "r/z"}},
		labelled("", "default", "10.0.0.5", "app", "shop"),
		labelled("shops", "more", "10.0.0.6", "app", "shop", "version", "v1", "track", "canary"),
	}, "default")
	for _, row := range []struct {
		name      string
		namespace string
		selector  map[string]string
		want      []string
	}{
		{"one label", "shops", map[string]string{"app": "shop"}, []string{"both", "app", "more"}},
		{"two labels", "shops", map[string]string{"app": "shop", "version": "v1"}, []string{"both", "more"}},
		{"another value", "shops", map[string]string{"app": "shop", "version": "v2"}, nil},
		{"another key", "shops", map[string]string{"App": "shop"}, nil},
		{"an empty value", "shops", map[string]string{"app": ""}, nil},
		{"no labels", "shops", map[string]string{}, []string{"both", "app", "version", "bare", "more"}},
		{"the default namespace", "default", map[string]string{"app": "shop"}, []string{"default"}},
		{"a derived label", "shops", map[string]string{"topology.kubernetes.io/zone": "z"}, []string{"bare"}},
		{"another namespace", "other", map[string]string{}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var names []string
			for _, w := range x.selected(row.selector, row.namespace) {
				names = append(names, w.Name)
			}
			require.Equal(t, row.want, names)
		})
	}
}

// A selector meets the resolution: what that cannot use is left out.
func TestEndpointsOfSelectedWorkloads(t *testing.T) {
	d := spec.Declarations{WorkloadEntries: []spec.WorkloadEntry{
		labelled("", "socket", "unix:///run/a.sock", "app", "a"), labelled("", "name", "a.test", "app", "a"),
		labelled("", "four", "10.0.0.1", "app", "a", "version", "v1"), labelled("", "six", "::1", "app", "a"),
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
			x := newServiceIndex(&compiler{findings: new(findings), o: new(defaultOptions()), d: &d})
			var got []string
			for _, e := range x.find("a.test", "default").endpoints("a.test", 80, row.labels) {
				got = append(got, e.address)
			}
			require.Equal(t, row.want, got)
		})
	}
}

// Requests go to what is selected, and to what is selected next as soon as that is
// declared; what stays is not touched.
func TestWorkloadsServe(t *testing.T) {
	place := func(name string) spec.WorkloadEntry {
		s := httptest.NewServer(saying(name))
		t.Cleanup(s.Close)
		at := netip.MustParseAddrPort(s.Listener.Addr().String())
		w := labelled("", name, at.Addr().String(), "app", "shop", "version", name)
		w.Ports = map[string]int{"http": int(at.Port())}
		return w
	}
	v1, v2 := place("v1"), place("v2")
	build := func(list ...spec.WorkloadEntry) *Builder {
		b := New().Service(spec.Service{
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
	gw := built(t, build(v1))
	get := func(path string) string { return serve(gw, httptest.NewRequest("GET", path, nil)).Body.String() }
	require.Equal(t, "v1", get("/"))
	require.Equal(t, "no healthy upstream", get("/v2"))
	require.NoError(t, gw.Replace(build(v1, v2)))
	require.Equal(t, "v2", get("/v2"))
	require.NoError(t, gw.Replace(build()))
	require.Equal(t, "no healthy upstream", get("/"))
}

// Programs that send requests to other places print differently.
func TestSelectedWorkloadsArePrinted(t *testing.T) {
	print := func(list ...spec.WorkloadEntry) string {
		b := New().Service(spec.Service{
			Hosts: []string{"shop.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"app": "shop"},
			Ports: []spec.ServicePort{{Number: 80}},
		}).Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.test"}}})
		for _, w := range list {
			b.WorkloadEntry(w)
		}
		return built(t, b).String()
	}
	v1, v2 := labelled("", "v1", "10.0.0.1", "app", "shop"), labelled("", "v2", "10.0.0.2", "app", "other")
	require.Contains(t, print(v1, v2), "endpoints STATIC 10.0.0.1:80 app=shop\n")
	v2.Labels["app"] = "shop"
	require.Contains(t, print(v1, v2), "endpoints STATIC 10.0.0.1:80 app=shop, 10.0.0.2:80 app=shop\n")
	require.Contains(t, print(), "endpoints STATIC none\n")
}
