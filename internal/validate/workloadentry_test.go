package validate

import (
	"testing"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestValidateWorkloadSelector(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{
			Services: []spec.Service{{
				Name: "ext", Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"app": "a"},
				Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			}},
			VirtualServices: routesTo("a.test"),
			WorkloadEntries: []spec.WorkloadEntry{testhttp.Labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	service := func(change func(*spec.Service)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.Services[0]) }
	}
	resolved := func(r spec.Resolution, list ...spec.WorkloadEntry) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.Services[0].Resolution = r
			d.WorkloadEntries = append(d.WorkloadEntries, list...)
		}
	}
	alone := func(r spec.Resolution, list ...spec.WorkloadEntry) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.Services[0].Resolution, d.WorkloadEntries = r, list }
	}
	lone := func(change func(*spec.Service)) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.WorkloadEntries = nil
			change(&d.Services[0])
		}
	}
	named, socket := testhttp.Labelled("", "named", "b.test", "app", "a"), testhttp.Labelled("", "socket", "unix:///run/a.sock", "app", "a")
	runResources(t, base, "ServiceEntry default/ext: ", []resourceRow{
		{"as it is", func(*spec.Declarations) {}, nil},
		{"endpoints, too", func(d *spec.Declarations) {
			d.Services[0].Endpoints, d.WorkloadEntries = []spec.Endpoint{{Address: "10.0.0.2"}}, nil
		}, []string{"workloadSelector: cannot be combined with endpoints, but there are 1"}},
		{"no labels", service(func(s *spec.Service) { s.WorkloadSelector = map[string]string{} }),
			[]string{"~workloadSelector: has no labels: it selects every WorkloadEntry of the namespace [IST0133]"}},
		{"an empty key", lone(func(s *spec.Service) { s.WorkloadSelector = map[string]string{"": "a"} }), []string{
			"workloadSelector.labels[]: a label has no key",
			`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`,
		}},
		{"a wildcard", lone(func(s *spec.Service) { s.WorkloadSelector = map[string]string{"app": "*"} }), []string{
			`workloadSelector.labels[app]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`,
			`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`,
		}},
		{"nothing is selected", alone(spec.ResolveStatic),
			[]string{`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`}},
		{"NONE", alone(spec.ResolveNone), []string{
			"~workloadSelector: selects nothing: resolution NONE has no endpoints [IST0133]",
			"~resolution: NONE has no meaning at a gateway: requests get 503",
		}},
		{"DYNAMIC_DNS", lone(func(s *spec.Service) { s.Hosts, s.Resolution = []string{"*.a.test"}, spec.ResolveDynamicDNS }),
			[]string{"workloadSelector: resolution DYNAMIC_DNS has no endpoints to select"}},
		{"discovered", lone(func(s *spec.Service) { s.Resolution = spec.ResolveDiscovery }),
			[]string{"workloadSelector: resolution discovery has no endpoints to select"}},

		{"STATIC with a socket", resolved(spec.ResolveStatic, socket),
			[]string{`~workloadSelector: WorkloadEntry default/socket is left out: "unix:///run/a.sock" is a socket, which only a service that lists it as its endpoint can use`}},
		{"STATIC with a name", resolved(spec.ResolveStatic, named),
			[]string{`~workloadSelector: WorkloadEntry default/named is left out: "b.test" is not an IP address, as resolution STATIC needs`}},
		{"STATIC with two names", resolved(spec.ResolveStatic, named, testhttp.Labelled("", "again", "c.test", "app", "a")),
			[]string{`~workloadSelector: 2 WorkloadEntries are left out, such as default/named: "b.test" is not an IP address, as resolution STATIC needs`}},
		{"STATIC with nothing but a name", alone(spec.ResolveStatic, named), []string{
			`~workloadSelector: WorkloadEntry default/named is left out: "b.test" is not an IP address, as resolution STATIC needs`,
			"~workloadSelector: nothing else is selected: requests get 503 [IST0127]",
		}},
		{"DNS with a name", resolved(spec.ResolveDNS, named), nil},
		{"DNS with a socket", resolved(spec.ResolveDNS, socket),
			[]string{`~workloadSelector: WorkloadEntry default/socket is left out: "unix:///run/a.sock" is a socket, which only a service that lists it as its endpoint can use`}},
		{"DNS with a wildcard", func(d *spec.Declarations) {
			d.Services[0].Hosts, d.Services[0].Resolution = []string{"*.a.test"}, spec.ResolveDNS
		}, nil},
		{"DNS_ROUND_ROBIN with one", resolved(spec.ResolveDNSRoundRobin), nil},
		{"DNS_ROUND_ROBIN with two", resolved(spec.ResolveDNSRoundRobin, named),
			[]string{"~workloadSelector: resolution DNS_ROUND_ROBIN has one endpoint: only the first of 2 selected ones is used"}},
	})
}

// The endpoints of a policy are the selected ones.
func TestPolicyOfSelectedWorkloads(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{
			Services:         []spec.Service{{Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"app": "a"}, Ports: []spec.ServicePort{{Number: 80}}}},
			DestinationRules: []spec.DestinationRule{{Name: "r", Host: "a.test", TrafficPolicy: &spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{MaxEjectionPercent: 50}}}},
			WorkloadEntries:  []spec.WorkloadEntry{testhttp.Labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	runResources(t, base, "DestinationRule default/r: ", []resourceRow{
		{"one", func(*spec.Declarations) {}, []string{"~trafficPolicy.outlierDetection.maxEjectionPercent: ejects nothing: at most 50 % may be ejected, and one of 1 endpoint is more"}},
		{"two", func(d *spec.Declarations) {
			d.WorkloadEntries = append(d.WorkloadEntries, testhttp.Labelled("", "two", "10.0.0.2", "app", "a"))
		}, nil},
	})
}

func TestValidateWorkloadEntry(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{
			Services: []spec.Service{{
				Hosts: []string{"a.test"}, Resolution: spec.ResolveDNS, WorkloadSelector: map[string]string{"app": "a"},
				Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			}},
			WorkloadEntries: []spec.WorkloadEntry{testhttp.Labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	entry := func(change func(*spec.WorkloadEntry)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.WorkloadEntries[0]) }
	}
	address := func(a string) func(*spec.Declarations) { return entry(func(w *spec.WorkloadEntry) { w.Address = a }) }
	ports := func(p map[string]int) func(*spec.Declarations) {
		return entry(func(w *spec.WorkloadEntry) { w.Ports = p })
	}
	alone := func(change func(*spec.WorkloadEntry)) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.Services = nil
			change(&d.WorkloadEntries[0])
		}
	}
	const unselected = "~no service selects it"
	runResources(t, base, "WorkloadEntry default/one: ", []resourceRow{
		{"as it is", func(*spec.Declarations) {}, nil},
		{"IPv6", address("fd00::1"), nil},
		{"a name", address("b.test"), nil},
		{"a name and a port", address("b.test:80"), []string{`address: "b.test:80" is neither an IP address nor a host name; did you mean "b.test"?`}},
		{"a wildcard", address("*.b.test"), []string{`address: "*.b.test" is neither an IP address nor a host name`}},
		{"a range", address("10.0.0.0/8"), []string{`address: "10.0.0.0/8" is neither an IP address nor a host name`}},
		{"a socket", alone(func(w *spec.WorkloadEntry) { w.Address = "unix:///run/a.sock" }), []string{unselected}},
		{"a socket with a relative path", alone(func(w *spec.WorkloadEntry) { w.Address = "unix://run/a.sock" }),
			[]string{`address: "unix://run/a.sock" is not a unix socket: an absolute path is expected`, unselected}},
		{"a socket with ports", alone(func(w *spec.WorkloadEntry) { w.Address, w.Ports = "unix:///run/a.sock", map[string]int{"http": 80} }),
			[]string{"ports: a unix socket has no ports", unselected}},
		{"ports, also of other services", ports(map[string]int{"http": 8080, "admin": 65535}), nil},
		{"port 0", ports(map[string]int{"http": 0}), []string{"ports[http]: 0 is not a port, 1 to 65535 is expected"}},
		{"a port too high", ports(map[string]int{"http": 65536}), []string{"ports[http]: 65536 is not a port, 1 to 65535 is expected"}},
		{"no port's name", ports(map[string]int{"h_p": 80}), []string{`ports[h_p]: "h_p" is not the name of a port: letters, digits and inner hyphens are expected`}},
		{"a weight", entry(func(w *spec.WorkloadEntry) { w.Weight = 3 }), nil},
		{"a negative weight", entry(func(w *spec.WorkloadEntry) { w.Weight = -1 }), []string{"weight: -1 is not a weight, 0 or more is expected"}},
		{"no label's value", entry(func(w *spec.WorkloadEntry) { w.Labels["b"] = "c d" }),
			[]string{`labels[b]: "c d" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"declared twice", func(d *spec.Declarations) { d.WorkloadEntries = append(d.WorkloadEntries, d.WorkloadEntries[0]) },
			[]string{"WorkloadEntry default/one is declared twice"}},
		{"one name in two namespaces", func(d *spec.Declarations) {
			other := d.WorkloadEntries[0]
			other.Namespace = "other"
			d.Services = append(d.Services, d.Services[0])
			d.Services[1].Namespace = "other"
			d.WorkloadEntries = append(d.WorkloadEntries, other)
		}, nil},
		{"not selected", func(d *spec.Declarations) { d.Services = nil }, []string{unselected}},
		{"selected in another namespace", func(d *spec.Declarations) {
			d.Services[0].Namespace = "other"
			d.WorkloadEntries = append(d.WorkloadEntries, testhttp.Labelled("other", "two", "10.0.0.2", "app", "a"))
		}, []string{unselected}},
	})
}
