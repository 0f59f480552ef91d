package gateway

import "testing"

func TestValidateWorkloadSelector(t *testing.T) {
	base := func() Declarations {
		return Declarations{
			Services: []Service{{
				Name: "ext", Hosts: []string{"a.test"}, Resolution: ResolveStatic, WorkloadSelector: map[string]string{"app": "a"},
				Ports: []ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			}},
			WorkloadEntries: []WorkloadEntry{labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	service := func(change func(*Service)) func(*Declarations) {
		return func(d *Declarations) { change(&d.Services[0]) }
	}
	resolved := func(r Resolution, list ...WorkloadEntry) func(*Declarations) {
		return func(d *Declarations) {
			d.Services[0].Resolution = r
			d.WorkloadEntries = append(d.WorkloadEntries, list...)
		}
	}
	alone := func(r Resolution, list ...WorkloadEntry) func(*Declarations) {
		return func(d *Declarations) { d.Services[0].Resolution, d.WorkloadEntries = r, list }
	}
	lone := func(change func(*Service)) func(*Declarations) {
		return func(d *Declarations) {
			d.WorkloadEntries = nil
			change(&d.Services[0])
		}
	}
	named, socket := labelled("", "named", "b.test", "app", "a"), labelled("", "socket", "unix:///run/a.sock", "app", "a")
	runResources(t, base, "ServiceEntry default/ext: ", []resourceRow{
		{"as it is", func(*Declarations) {}, nil},
		{"endpoints, too", func(d *Declarations) {
			d.Services[0].Endpoints, d.WorkloadEntries = []Endpoint{{Address: "10.0.0.2"}}, nil
		}, []string{"workloadSelector: endpoints are either listed or selected, but there are 1"}},
		{"no labels", service(func(s *Service) { s.WorkloadSelector = map[string]string{} }),
			[]string{"~workloadSelector: has no labels: it selects every WorkloadEntry of the namespace [IST0133]"}},
		{"an empty key", lone(func(s *Service) { s.WorkloadSelector = map[string]string{"": "a"} }), []string{
			"workloadSelector.labels[]: a label has no key",
			`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`,
		}},
		{"a wildcard", lone(func(s *Service) { s.WorkloadSelector = map[string]string{"app": "*"} }), []string{
			`workloadSelector.labels[app]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`,
			`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`,
		}},
		{"nothing is selected", alone(ResolveStatic),
			[]string{`~workloadSelector: no WorkloadEntry of the namespace "default" has these labels: requests get 503 [IST0127]`}},
		{"NONE", alone(ResolveNone), []string{
			"~workloadSelector: selects nothing: resolution NONE has no endpoints [IST0133]",
			"~resolution: NONE has no meaning at a gateway: requests get 503",
		}},
		{"DYNAMIC_DNS", lone(func(s *Service) { s.Hosts, s.Resolution = []string{"*.a.test"}, ResolveDynamicDNS }),
			[]string{"workloadSelector: resolution DYNAMIC_DNS has no endpoints to select"}},
		{"discovered", lone(func(s *Service) { s.Resolution = ResolveDiscovery }),
			[]string{"workloadSelector: resolution discovery has no endpoints to select"}},

		{"STATIC with a socket", resolved(ResolveStatic, socket),
			[]string{`~workloadSelector: WorkloadEntry default/socket is left out: "unix:///run/a.sock" is a socket, which only a service that lists it as its endpoint can use`}},
		{"STATIC with a name", resolved(ResolveStatic, named),
			[]string{`~workloadSelector: WorkloadEntry default/named is left out: "b.test" is not an IP address, as resolution STATIC needs`}},
		{"STATIC with two names", resolved(ResolveStatic, named, labelled("", "again", "c.test", "app", "a")),
			[]string{`~workloadSelector: 2 WorkloadEntries are left out, such as default/named: "b.test" is not an IP address, as resolution STATIC needs`}},
		{"STATIC with nothing but a name", alone(ResolveStatic, named), []string{
			`~workloadSelector: WorkloadEntry default/named is left out: "b.test" is not an IP address, as resolution STATIC needs`,
			"~workloadSelector: nothing else is selected: requests get 503 [IST0127]",
		}},
		{"DNS with a name", resolved(ResolveDNS, named), nil},
		{"DNS with a socket", resolved(ResolveDNS, socket),
			[]string{`~workloadSelector: WorkloadEntry default/socket is left out: "unix:///run/a.sock" is a socket, which only a service that lists it as its endpoint can use`}},
		{"DNS with a wildcard", func(d *Declarations) {
			d.Services[0].Hosts, d.Services[0].Resolution = []string{"*.a.test"}, ResolveDNS
		}, nil},
		{"DNS_ROUND_ROBIN with one", resolved(ResolveDNSRoundRobin), nil},
		{"DNS_ROUND_ROBIN with two", resolved(ResolveDNSRoundRobin, named),
			[]string{"~workloadSelector: resolution DNS_ROUND_ROBIN has one endpoint: of 2 that are selected the first is used"}},
	})
}

// The endpoints that a policy is for are those selected.
func TestPolicyOfSelectedWorkloads(t *testing.T) {
	base := func() Declarations {
		return Declarations{
			Services:         []Service{{Hosts: []string{"a.test"}, Resolution: ResolveStatic, WorkloadSelector: map[string]string{"app": "a"}, Ports: []ServicePort{{Number: 80}}}},
			DestinationRules: []DestinationRule{{Name: "r", Host: "a.test", TrafficPolicy: &TrafficPolicy{OutlierDetection: &OutlierDetection{MaxEjectionPercent: 50}}}},
			WorkloadEntries:  []WorkloadEntry{labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	runResources(t, base, "DestinationRule default/r: ", []resourceRow{
		{"one", func(*Declarations) {}, []string{"~trafficPolicy.outlierDetection.maxEjectionPercent: ejects nothing: at most 50 % may be out, and one of 1 endpoint is more"}},
		{"two", func(d *Declarations) {
			d.WorkloadEntries = append(d.WorkloadEntries, labelled("", "two", "10.0.0.2", "app", "a"))
		}, nil},
	})
}

func TestValidateWorkloadEntry(t *testing.T) {
	base := func() Declarations {
		return Declarations{
			Services: []Service{{
				Hosts: []string{"a.test"}, Resolution: ResolveDNS, WorkloadSelector: map[string]string{"app": "a"},
				Ports: []ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			}},
			WorkloadEntries: []WorkloadEntry{labelled("", "one", "10.0.0.1", "app", "a")},
		}
	}
	entry := func(change func(*WorkloadEntry)) func(*Declarations) {
		return func(d *Declarations) { change(&d.WorkloadEntries[0]) }
	}
	address := func(a string) func(*Declarations) { return entry(func(w *WorkloadEntry) { w.Address = a }) }
	ports := func(p map[string]int) func(*Declarations) { return entry(func(w *WorkloadEntry) { w.Ports = p }) }
	alone := func(change func(*WorkloadEntry)) func(*Declarations) {
		return func(d *Declarations) {
			d.Services = nil
			change(&d.WorkloadEntries[0])
		}
	}
	const unselected = "~no service selects it"
	runResources(t, base, "WorkloadEntry default/one: ", []resourceRow{
		{"as it is", func(*Declarations) {}, nil},
		{"IPv6", address("fd00::1"), nil},
		{"a name", address("b.test"), nil},
		{"a name and a port", address("b.test:80"), []string{`address: "b.test:80" is neither an IP address nor a host name; did you mean "b.test"?`}},
		{"a wildcard", address("*.b.test"), []string{`address: "*.b.test" is neither an IP address nor a host name`}},
		{"a range", address("10.0.0.0/8"), []string{`address: "10.0.0.0/8" is neither an IP address nor a host name`}},
		{"a socket", alone(func(w *WorkloadEntry) { w.Address = "unix:///run/a.sock" }), []string{unselected}},
		{"a socket with a relative path", alone(func(w *WorkloadEntry) { w.Address = "unix://run/a.sock" }),
			[]string{`address: "unix://run/a.sock" is not a unix socket: an absolute path is expected`, unselected}},
		{"a socket with ports", alone(func(w *WorkloadEntry) { w.Address, w.Ports = "unix:///run/a.sock", map[string]int{"http": 80} }),
			[]string{"ports: a unix socket has no ports", unselected}},
		{"ports, also of other services", ports(map[string]int{"http": 8080, "admin": 65535}), nil},
		{"port 0", ports(map[string]int{"http": 0}), []string{"ports[http]: 0 is not a port, 1 to 65535 is expected"}},
		{"a port too high", ports(map[string]int{"http": 65536}), []string{"ports[http]: 65536 is not a port, 1 to 65535 is expected"}},
		{"no port's name", ports(map[string]int{"h_p": 80}), []string{`ports[h_p]: "h_p" is not the name of a port: letters, digits and inner hyphens are expected`}},
		{"a weight", entry(func(w *WorkloadEntry) { w.Weight = 3 }), nil},
		{"a negative weight", entry(func(w *WorkloadEntry) { w.Weight = -1 }), []string{"weight: -1 is not a weight, 0 or more is expected"}},
		{"no label's value", entry(func(w *WorkloadEntry) { w.Labels["b"] = "c d" }),
			[]string{`labels[b]: "c d" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"declared twice", func(d *Declarations) { d.WorkloadEntries = append(d.WorkloadEntries, d.WorkloadEntries[0]) },
			[]string{"WorkloadEntry default/one is declared twice"}},
		{"one name in two namespaces", func(d *Declarations) {
			other := d.WorkloadEntries[0]
			other.Namespace = "other"
			d.Services = append(d.Services, d.Services[0])
			d.Services[1].Namespace = "other"
			d.WorkloadEntries = append(d.WorkloadEntries, other)
		}, nil},
		{"not selected", func(d *Declarations) { d.Services = nil }, []string{unselected}},
		{"selected in another namespace", func(d *Declarations) {
			d.Services[0].Namespace = "other"
			d.WorkloadEntries = append(d.WorkloadEntries, labelled("other", "two", "10.0.0.2", "app", "a"))
		}, []string{unselected}},
	})
}
