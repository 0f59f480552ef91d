package validate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

func TestValidateService(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{Services: []spec.Service{{
			Name: "ext", Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic,
			Ports:     []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			Endpoints: []spec.Endpoint{{Address: "10.0.0.1"}},
		}}, VirtualServices: routesTo("a.test")}
	}
	service := func(change func(*spec.Service)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.Services[0]) }
	}
	hosts := func(list ...string) func(*spec.Declarations) {
		return service(func(s *spec.Service) { s.Hosts = list })
	}
	ports := func(list ...spec.ServicePort) func(*spec.Declarations) {
		return service(func(s *spec.Service) { s.Ports = list })
	}
	resolved := func(r spec.Resolution, endpoints ...spec.Endpoint) func(*spec.Declarations) {
		return service(func(s *spec.Service) { s.Resolution, s.Endpoints = r, endpoints })
	}
	dynamic := func(protocol string, hosts ...string) func(*spec.Declarations) {
		return service(func(s *spec.Service) {
			s.Hosts, s.Resolution, s.Endpoints, s.Ports[0].Protocol = hosts, spec.ResolveDynamicDNS, nil, spec.Protocol(protocol)
		})
	}
	endpoint := func(e spec.Endpoint) func(*spec.Declarations) { return resolved(spec.ResolveStatic, e) }
	encrypted := func(p *spec.TrafficPolicy) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.Services[0].Ports = []spec.ServicePort{{Number: 443, Protocol: "HTTPS"}}
			d.DestinationRules = []spec.DestinationRule{{Name: "r", Host: "*.test", TrafficPolicy: p}}
		}
	}
	runResources(t, base, "ServiceEntry default/ext: ", []resourceRow{
		{"as it is", func(*spec.Declarations) {}, nil},
		{"no host", hosts(), []string{"hosts: the service has no host"}},
		{"any host", hosts("*"), []string{`hosts[0]: "*" cannot be the host of a service`}},
		{"no name", hosts("a.test", "b_.test"), []string{`hosts[1]: "b_.test" is not a host name: the label "b_" must be letters, digits and inner hyphens`}},
		{"a wildcard", hosts("*.a.test"), nil},
		{"a part of a label", hosts("*-a.test"), []string{`~hosts[0]: "*-a.test" has a wildcard for a part of a label, which not every proxy understands [IST0133]`}},
		{"a wildcard to look up", service(func(s *spec.Service) {
			s.Hosts, s.Resolution, s.Endpoints = []string{"*.a.test"}, spec.ResolveDNS, nil
		}), []string{`hosts[0]: "*.a.test" cannot be looked up: a wildcard needs endpoints`}},
		{"a wildcard with endpoints to look up", service(func(s *spec.Service) { s.Hosts, s.Resolution = []string{"*.a.test"}, spec.ResolveDNS }), nil},

		{"no port", ports(), []string{"~ports: the service has no port: no destination can name one"}},
		{"two ports", ports(spec.ServicePort{Number: 80, Name: "a"}, spec.ServicePort{Number: 81, Name: "b", TargetPort: 8081}), nil},
		{"port 0", ports(spec.ServicePort{Name: "a"}), []string{"ports[0].number: 0 is not a port, 1 to 65535 is expected"}},
		{"a port twice", ports(spec.ServicePort{Number: 80, Name: "a"}, spec.ServicePort{Number: 80, Name: "b"}), []string{"ports[1].number: port 80 is listed twice"}},
		{"a port name twice", ports(spec.ServicePort{Number: 80, Name: "a"}, spec.ServicePort{Number: 81, Name: "a"}),
			[]string{`ports[1].name: "a" is the name of another port of this service`}},
		{"no label", ports(spec.ServicePort{Number: 80, Name: "a.b"}), []string{`ports[0].name: "a.b" is not the name of a port: letters, digits and inner hyphens are expected`}},
		{"no port name in Go", ports(spec.ServicePort{Number: 80}, spec.ServicePort{Number: 81}), nil},
		{"no port name in a resource", service(func(s *spec.Service) { s.Ports, s.Origin.Fields = []spec.ServicePort{{Number: 80}}, located{} }),
			[]string{"ports[0].name: the port has no name"}},
		{"no target port", ports(spec.ServicePort{Number: 80, TargetPort: 70000}), []string{"ports[0].targetPort: 70000 is not a port, 1 to 65535 is expected"}},
		{"no protocol", ports(spec.ServicePort{Number: 80, Protocol: "GRCP"}), []string{`ports[0].protocol: "GRCP" is not a protocol; did you mean "GRPC"?`}},
		{"HTTPS", ports(spec.ServicePort{Number: 443, Protocol: "https"}),
			[]string{"~ports[0].protocol: plain HTTP is sent to port 443: only a DestinationRule can set TLS to a destination, and none does"}},
		{"HTTPS with TLS", encrypted(&spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple}}), nil},
		{"HTTPS with TLS for the port", encrypted(&spec.TrafficPolicy{PortLevelSettings: []spec.PortTrafficPolicy{{Port: 443, TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple}}}}), nil},
		{"HTTPS with TLS for other ports", encrypted(&spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple}, PortLevelSettings: []spec.PortTrafficPolicy{{Port: 443, TLS: &spec.ClientTLS{}}}}),
			[]string{"~ports[0].protocol: plain HTTP is sent to port 443: only a DestinationRule can set TLS to a destination, and none does"}},
		{"TCP of two hosts", service(func(s *spec.Service) { s.Hosts, s.Ports[0].Protocol = []string{"a.test", "b.test"}, "TCP" }),
			[]string{"ports[0].protocol: a port of protocol TCP allows only one host, but there are 2"}},
		{"TCP of one host", service(func(s *spec.Service) { s.Ports[0].Protocol = "TCP" }), nil},

		{"NONE", resolved(spec.ResolveNone), []string{"~resolution: NONE has no meaning at a gateway: requests get 503"}},
		{"NONE with endpoints", resolved(spec.ResolveNone, spec.Endpoint{Address: "10.0.0.1"}), []string{"endpoints: resolution NONE has no endpoints, but there are 1"}},
		{"STATIC without endpoints", resolved(spec.ResolveStatic), []string{"~endpoints: there are none: requests get 503"}},
		{"DNS without endpoints", resolved(spec.ResolveDNS), nil},
		{"DNS with names and addresses", resolved(spec.ResolveDNS, spec.Endpoint{Address: "b.test"}, spec.Endpoint{Address: "::1"}), nil},
		{"DNS with neither", resolved(spec.ResolveDNS, spec.Endpoint{Address: "10.0.0.0/8"}), []string{`endpoints[0].address: "10.0.0.0/8" is neither an IP address nor a host name`}},
		{"DNS with a port", resolved(spec.ResolveDNS, spec.Endpoint{Address: "b.test:80"}),
			[]string{`endpoints[0].address: "b.test:80" is neither an IP address nor a host name; did you mean "b.test"?`}},
		{"DNS with a wildcard", resolved(spec.ResolveDNS, spec.Endpoint{Address: "*.b.test"}), []string{`endpoints[0].address: "*.b.test" is neither an IP address nor a host name`}},
		{"DNS_ROUND_ROBIN with one", resolved(spec.ResolveDNSRoundRobin, spec.Endpoint{Address: "b.test"}), nil},
		{"DNS_ROUND_ROBIN with two", resolved(spec.ResolveDNSRoundRobin, spec.Endpoint{Address: "b.test"}, spec.Endpoint{Address: "c.test"}),
			[]string{"endpoints: resolution DNS_ROUND_ROBIN has at most one endpoint, but there are 2"}},
		{"DYNAMIC_DNS", dynamic("HTTP", "*.a.test", "*.com", "*.xn--p1ai"), nil},
		{"DYNAMIC_DNS with a part of a label", dynamic("HTTP", "*-b.a.test"),
			[]string{`~hosts[0]: "*-b.a.test" has a wildcard for a part of a label, which not every proxy understands [IST0133]`}},
		{"DYNAMIC_DNS with a name", dynamic("HTTP", "*.a.test", "a.test"),
			[]string{`hosts[1]: "a.test" is not a wildcard such as *.example.com: with resolution DYNAMIC_DNS it limits the hosts of requests`}},
		{"DYNAMIC_DNS with everything", dynamic("HTTP", "*"), []string{`hosts[0]: "*" cannot be the host of a service`}},
		{"DYNAMIC_DNS with addresses", dynamic("HTTP", "*.0.0.1"), []string{`hosts[0]: "*.0.0.1" is not a host name: its last label is a number`}},
		{"DYNAMIC_DNS with addresses of another spelling", dynamic("HTTP", "*.0.0.0x1"),
			[]string{`hosts[0]: "*.0.0.0x1" is not a wildcard such as *.example.com: with resolution DYNAMIC_DNS it limits the hosts of requests`}},
		{"DYNAMIC_DNS with the root", dynamic("HTTP", "*.a.test."),
			[]string{`hosts[0]: "*.a.test." is not a wildcard such as *.example.com: with resolution DYNAMIC_DNS it limits the hosts of requests`}},
		{"DYNAMIC_DNS without a dot", dynamic("HTTP", "*-a"),
			[]string{`hosts[0]: "*-a" is not a wildcard such as *.example.com: with resolution DYNAMIC_DNS it limits the hosts of requests`}},
		{"DYNAMIC_DNS over HTTP/2", dynamic("http2", "*.a.test"), nil},
		{"DYNAMIC_DNS for gRPC", dynamic("GRPC", "*.a.test"), nil},
		{"DYNAMIC_DNS over TLS", dynamic("TLS", "*.a.test"), nil},
		{"DYNAMIC_DNS over HTTPS", dynamic("HTTPS", "*.a.test"),
			[]string{"ports[0].protocol: HTTPS does not name a host: resolution DYNAMIC_DNS is for HTTP, HTTP2, GRPC and TLS"}},
		{"DYNAMIC_DNS over TCP", dynamic("tcp", "*.a.test"),
			[]string{"ports[0].protocol: TCP does not name a host: resolution DYNAMIC_DNS is for HTTP, HTTP2, GRPC and TLS"}},
		{"DYNAMIC_DNS with endpoints", service(func(s *spec.Service) { s.Hosts, s.Resolution = []string{"*.a.test"}, spec.ResolveDynamicDNS }),
			[]string{"endpoints: resolution DYNAMIC_DNS has no endpoints, but there are 1"}},
		{"discovered", resolved(spec.ResolveDiscovery), nil},
		{"discovered with endpoints", resolved(spec.ResolveDiscovery, spec.Endpoint{Address: "10.0.0.1"}),
			[]string{"endpoints: a service with discovery cannot list endpoints, but there are 1"}},
		{"a discovery that is not asked", service(func(s *spec.Service) { s.Discovery = "registry" }),
			[]string{"discovery: is set, but the resolution is not ResolveDiscovery"}},
		{"no resolution", resolved(9), []string{"resolution: 9 is not a resolution"}},

		{"STATIC with a name", endpoint(spec.Endpoint{Address: "b.test"}), []string{`endpoints[0].address: "b.test" is not an IP address, as resolution STATIC needs`}},
		{"no address", endpoint(spec.Endpoint{}), []string{"endpoints[0].address: the address is missing"}},
		{"a unix socket", endpoint(spec.Endpoint{Address: "unix:///run/a.sock"}), nil},
		{"a relative unix socket", endpoint(spec.Endpoint{Address: "unix://run/a.sock"}),
			[]string{`endpoints[0].address: "unix://run/a.sock" is not a unix socket: an absolute path is expected`}},
		{"a unix socket with ports", endpoint(spec.Endpoint{Address: "unix:///run/a.sock", Ports: map[string]int{"http": 80}}),
			[]string{"endpoints[0].ports: a unix socket has no ports"}},
		{"a unix socket for two ports", service(func(s *spec.Service) {
			s.Ports, s.Endpoints = []spec.ServicePort{{Number: 80}, {Number: 81}}, []spec.Endpoint{{Address: "unix:///run/a.sock"}}
		}), []string{"endpoints[0].address: a unix socket serves one port, but the service has 2"}},
		{"a port by name", endpoint(spec.Endpoint{Address: "10.0.0.1", Ports: map[string]int{"http": 8080}}), nil},
		{"a port by another name", endpoint(spec.Endpoint{Address: "10.0.0.1", Ports: map[string]int{"htpt": 8080}}),
			[]string{`endpoints[0].ports[htpt]: the service has no port named "htpt"; did you mean "http"?`}},
		{"port 0 by name", endpoint(spec.Endpoint{Address: "10.0.0.1", Ports: map[string]int{"http": 0}}),
			[]string{"endpoints[0].ports[http]: 0 is not a port, 1 to 65535 is expected"}},
		{"a negative weight", endpoint(spec.Endpoint{Address: "10.0.0.1", Weight: -1}), []string{"endpoints[0].weight: -1 is not a weight, 0 or more is expected"}},
		{"no label's value", endpoint(spec.Endpoint{Address: "10.0.0.1", Labels: map[string]string{"a": "b c"}}),
			[]string{`endpoints[0].labels[a]: "b c" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
	})
}

func TestValidateDestinationRule(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{DestinationRules: []spec.DestinationRule{{Name: "r", Host: "reviews", Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"v": "1"}}}}}}
	}
	rule := func(change func(*spec.DestinationRule)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.DestinationRules[0]) }
	}
	subsets := func(names ...string) func(*spec.Declarations) {
		return rule(func(r *spec.DestinationRule) {
			r.Subsets = nil
			for _, name := range names {
				r.Subsets = append(r.Subsets, spec.Subset{Name: name})
			}
		})
	}
	runResources(t, base, "DestinationRule default/r: ", []resourceRow{
		{"as it is", func(*spec.Declarations) {}, nil},
		{"a wildcard", rule(func(r *spec.DestinationRule) { r.Host = "*.prod.svc.cluster.local" }), nil},
		{"no host", rule(func(r *spec.DestinationRule) { r.Host = "" }), []string{"host: a host name is missing"}},
		{"a port", rule(func(r *spec.DestinationRule) { r.Host = "reviews:80" }),
			[]string{`host: "reviews:80" is not a host name: it is written without scheme, port and path; did you mean "reviews"?`}},
		{"two subsets", subsets("v1", "v2"), nil},
		{"one subset twice", subsets("v1", "v2", "v1"), []string{`subsets[2].name: "v1" is the name of another subset of this rule`}},
		{"a subset without name", subsets(""), []string{"subsets[0].name: the subset has no name"}},
		{"no label", subsets("v_1"), []string{`subsets[0].name: "v_1" is not the name of a subset: letters, digits and inner hyphens are expected`}},
		{"labels", rule(func(r *spec.DestinationRule) { r.Subsets[0].Labels = map[string]string{"": "1"} }), []string{"subsets[0].labels[]: a label has no key"}},
	})
}

// routesTo returns VirtualServices with a route to a host.
func routesTo(host string) []spec.VirtualService {
	return []spec.VirtualService{{Name: "routes", Hosts: []string{"shop.test"}, Routes: []spec.Route{{Destinations: []spec.Destination{{Host: host, Port: 80}}}}}}
}

// Problems with requests are not reported if no route names the service.
func TestServicesThatNoRouteNames(t *testing.T) {
	for name, s := range map[string]spec.Service{
		"HTTPS without TLS":   {Hosts: []string{"a.test"}, Resolution: spec.ResolveDNS, Ports: []spec.ServicePort{{Number: 443, Name: "https", Protocol: "HTTPS"}}},
		"no resolution":       {Hosts: []string{"a.test"}, Ports: []spec.ServicePort{{Number: 80}}, Addresses: []string{"192.0.2.7"}},
		"no endpoint":         {Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, Ports: []spec.ServicePort{{Number: 80}}},
		"nothing is selected": {Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, WorkloadSelector: map[string]string{"a": "b"}, Ports: []spec.ServicePort{{Number: 80}}},
	} {
		t.Run(name, func(t *testing.T) {
			warnings := func(routes []spec.VirtualService) int {
				var f findings.List
				All(&spec.Declarations{Services: []spec.Service{s}, VirtualServices: routes}, Options{DefaultNamespace: "default"}, &f)
				require.Empty(t, f.Errors)
				return len(f.Warnings)
			}
			require.Zero(t, warnings(routesTo("b.test")))
			require.Positive(t, warnings(routesTo("a.test")))
		})
	}
}
