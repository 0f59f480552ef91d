package validate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// serviceProtocols are the protocols of a service's port.
var serviceProtocols = []string{"HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "HTTP_PROXY", "MONGO", "REDIS", "MYSQL", "UDP"}

// dynamicProtocols are the protocols whose requests name their host.
var dynamicProtocols = []string{"HTTP", "HTTP2", "GRPC", "TLS"}

func (v *validator) indexServices() {
	services := v.declarations.Services
	v.portsOf = make(map[string][]int, len(services))
	for i := range services {
		if services[i].Alias != "" {
			// It has every port.
			continue
		}
		for _, host := range services[i].Hosts {
			ports := v.portsOf[host]
			for j := range services[i].Ports {
				if number := services[i].Ports[j].Number; !slices.Contains(ports, number) {
					ports = append(ports, number)
				}
			}
			v.portsOf[host] = ports
		}
	}
}

func (v *validator) services() {
	services := v.declarations.Services
	for i := range services {
		service := &services[i]
		s := v.site(&service.Origin, "ServiceEntry", service.Namespace, service.Name)
		v.serviceHosts(&s, service)
		if len(service.Addresses) > 0 && v.isDestination(service) {
			e := s.field("addresses")
			e.warnf("", "has no effect: a gateway chooses services by host")
		}
		v.servicePorts(&s, service)
		v.endpoints(&s, service)
		v.exportTo(&s, service.ExportTo, service.Namespace, true)
	}
	v.pooledPorts()
	v.workloadEntries()
}

// indexDestinations finds the hosts that routes name. Only services need them.
func (v *validator) indexDestinations() {
	v.destinations = make(map[string]bool)
	if len(v.declarations.Services) == 0 {
		return
	}
	services := v.declarations.VirtualServices
	for i := range services {
		namespace := v.named(services[i].Namespace, "").Namespace
		add := func(d *spec.Destination) { v.destinations[resource.FullHost(d.Host, namespace)] = true }
		for j := range services[i].Routes {
			r := &services[i].Routes[j]
			for k := range r.Destinations {
				add(&r.Destinations[k])
			}
			for k := range r.Mirrors {
				add(&r.Mirrors[k].Destination)
			}
		}
	}
}

// isDestination reports whether a route names a host of the service. Only then are
// problems with requests worth a warning: otherwise sidecars use the service.
func (v *validator) isDestination(service *spec.Service) bool {
	return slices.ContainsFunc(service.Hosts, func(host string) bool { return v.destinations[host] })
}

// pooledPorts reports conflicting protocols of a port in services of one host and
// namespace, because the port is the same.
func (v *validator) pooledPorts() {
	services := v.declarations.Services
	if len(services) < 2 {
		return
	}
	type portOf struct {
		host, namespace string
		number          int
	}
	type claim struct {
		service  *spec.Service
		protocol string
	}
	oldest := make([]*spec.Service, len(services))
	for i := range services {
		oldest[i] = &services[i]
	}
	slices.SortStableFunc(oldest, resource.CompareServices)
	claims := make(map[portOf]claim)
	for _, service := range oldest {
		name := v.named(service.Namespace, service.Name)
		for _, host := range service.Hosts {
			for i := range service.Ports {
				p := &service.Ports[i]
				at, protocol := portOf{host, name.Namespace, p.Number}, strings.ToUpper(string(p.Protocol))
				if service.Kubernetes {
					protocol = cmp.Or(protocol, "HTTP")
				}
				first, ok := claims[at]
				switch {
				case !ok:
					claims[at] = claim{service, protocol}
				case first.protocol != protocol && first.service != service:
					s := v.site(&service.Origin, "ServiceEntry", service.Namespace, service.Name)
					port := s.element("ports", i)
					e := port.field("protocol")
					e.warnf(codeConflictingProtocol, "port %d of %s has protocol %s in %s %s: that protocol is used",
						p.Number, host, cmp.Or(first.protocol, "HTTP"), resource.ServiceKind(first.service), v.named(first.service.Namespace, first.service.Name))
				}
			}
		}
	}
}

func (v *validator) serviceHosts(s *site, service *spec.Service) {
	if len(service.Hosts) == 0 {
		e := s.field("hosts")
		e.errorf(spec.CodeMissing, "the service has no host")
	}
	for i, host := range service.Hosts {
		e := s.element("hosts", i)
		problem := hostProblem(host)
		switch {
		case host == "*":
			e.errorf(spec.CodeInvalid, `"*" cannot be the host of a service`)
		case problem != "":
			e.suggestf(spec.CodeInvalid, withoutPort(host), "%s", problem)
		case service.Resolution == spec.ResolveDynamicDNS && !standsForNames(host):
			e.errorf(spec.CodeInvalid, "%q is not a wildcard such as *.example.com: with resolution DYNAMIC_DNS it limits the hosts of requests", host)
		case strings.HasPrefix(host, "*") && resource.RunsAtHosts(service):
			e.errorf(spec.CodeInvalid, "%q cannot be looked up: a wildcard needs endpoints", host)
		case strings.HasPrefix(host, "*") && !strings.HasPrefix(host, "*."):
			e.warnf(codeSchema, "%q has a wildcard for a part of a label, which not every proxy understands", host)
		}
	}
}

// standsForNames reports whether a host is a wildcard for names that cannot be
// addresses.
func standsForNames(host string) bool {
	top := host[strings.LastIndexByte(host, '.')+1:]
	return strings.HasPrefix(host, "*") && top != "" && resource.IsAlphanumeric(top[0]) && (top[0] < '0' || top[0] > '9')
}

func (v *validator) servicePorts(s *site, service *spec.Service) {
	if len(service.Ports) == 0 && service.Alias == "" && (!service.Kubernetes || v.isDestination(service)) {
		e := s.field("ports")
		e.warnf("", "the service has no port: no destination can name one")
	}
	numbers, names := make(map[int]bool, len(service.Ports)), make(map[string]bool, len(service.Ports))
	for i := range service.Ports {
		port := &service.Ports[i]
		e := s.element("ports", i)
		number := e.field("number")
		if service.Kubernetes {
			number = e.field("port")
		}
		switch problem := resource.PortProblem(port.Number); {
		case problem != "":
			number.errorf(spec.CodeInvalid, "%s", problem)
		case numbers[port.Number]:
			number.errorf(spec.CodeDuplicate, "port %d is listed twice", port.Number)
		}
		numbers[port.Number] = true
		v.servicePortName(&e, port.Name, names, service.Origin.Fields != nil && (!service.Kubernetes || len(service.Ports) > 1))
		names[port.Name] = true
		if port.TargetPort != 0 && resource.PortProblem(port.TargetPort) != "" {
			t := e.field("targetPort")
			t.errorf(spec.CodeInvalid, "%s", resource.PortProblem(port.TargetPort))
		}
		protocol := e.field("protocol")
		if service.Kubernetes {
			// Its protocol is that of the transport, and the name has the one of Istio.
			protocol = e.field("name")
		}
		switch upper := strings.ToUpper(string(port.Protocol)); {
		case upper == "" && len(service.Hosts) > 1 && service.Resolution != spec.ResolveNone && service.Origin.Fields != nil:
			protocol.errorf(spec.CodeConflict, "a port without a protocol is TCP, which allows only one host, but there are %d", len(service.Hosts))
		case upper == "":
		case !slices.Contains(serviceProtocols, upper):
			protocol.suggestf(spec.CodeInvalid, suggest.Closest(string(port.Protocol), serviceProtocols), "%q is not a protocol", port.Protocol)
		case service.Resolution == spec.ResolveDynamicDNS && !slices.Contains(dynamicProtocols, upper):
			protocol.errorf(spec.CodeInvalid, "%s does not name a host: resolution DYNAMIC_DNS is for HTTP, HTTP2, GRPC and TLS", upper)
		case upper == "HTTPS" && v.isDestination(service) && !v.encrypts(service.Hosts, port.Number):
			protocol.warnf("", "plain HTTP is sent to port %d: only a DestinationRule can set TLS to a destination, and none does", port.Number)
		case upper == "TCP" && len(service.Hosts) > 1 && service.Resolution != spec.ResolveNone:
			protocol.errorf(spec.CodeConflict, "a port of protocol TCP allows only one host, but there are %d", len(service.Hosts))
		}
	}
}

// servicePortName validates the name of a port, which a resource requires and a Go
// literal does not.
func (v *validator) servicePortName(s *site, name string, taken map[string]bool, required bool) {
	e := s.field("name")
	switch {
	case name == "" && required:
		e.errorf(spec.CodeMissing, "the port has no name")
	case name == "":
	case !resource.IsLabel(name):
		e.errorf(spec.CodeInvalid, "%q is not the name of a port: letters, digits and inner hyphens are expected", name)
	case taken[name]:
		e.errorf(spec.CodeDuplicate, "%q is the name of another port of this service", name)
	}
}

func (v *validator) endpoints(s *site, service *spec.Service) {
	if service.Discovery != "" && service.Resolution != spec.ResolveDiscovery {
		e := s.field("discovery")
		e.errorf(spec.CodeInvalid, "is set, but the resolution is not ResolveDiscovery")
	}
	if service.Resolution > spec.ResolveDiscovery {
		e := s.field("resolution")
		e.errorf(spec.CodeInvalid, "%d is not a resolution", service.Resolution)
		return
	}
	if service.Alias != "" {
		if !resource.IsAddress(service.Alias) && exactHostProblem(service.Alias) != "" {
			e := s.field("externalName")
			e.errorf(spec.CodeInvalid, "%q is not the name of a host", service.Alias)
		}
		return
	}
	v.workloadSelector(s, service)
	n := len(service.Endpoints)
	switch {
	case n > 0 && service.WorkloadSelector != nil:
		e := s.field("workloadSelector")
		e.errorf(spec.CodeConflict, "cannot be combined with endpoints, but there are %d", n)
	case service.Resolution == spec.ResolveNone && n > 0:
		e := s.field("endpoints")
		e.errorf(spec.CodeConflict, "resolution NONE has no endpoints, but there are %d", n)
		return
	case service.Resolution == spec.ResolveDiscovery && n > 0:
		e := s.field("endpoints")
		e.errorf(spec.CodeConflict, "a service with discovery cannot list endpoints, but there are %d", n)
		return
	case service.Resolution == spec.ResolveDynamicDNS && n > 0:
		e := s.field("endpoints")
		e.errorf(spec.CodeConflict, "resolution DYNAMIC_DNS has no endpoints, but there are %d", n)
		return
	case service.Resolution == spec.ResolveNone && !v.isDestination(service):
	case service.Resolution == spec.ResolveNone:
		e := s.field("resolution")
		e.warnf("", "NONE has no meaning at a gateway: requests get 503")
	case service.Resolution == spec.ResolveDNSRoundRobin && n > 1:
		e := s.field("endpoints")
		e.errorf(spec.CodeConflict, "resolution DNS_ROUND_ROBIN has at most one endpoint, but there are %d", n)
	case service.Kubernetes:
		// Compilation knows whether it has a backend.
	case service.Resolution == spec.ResolveStatic && n == 0 && service.WorkloadSelector == nil && v.isDestination(service):
		e := s.field("endpoints")
		e.warnf("", "there are none: requests get 503")
	}
	for i := range service.Endpoints {
		e := s.element("endpoints", i)
		v.endpoint(&e, service, &service.Endpoints[i])
	}
}

func (v *validator) endpoint(s *site, service *spec.Service, endpoint *spec.Endpoint) {
	address := s.field("address")
	switch {
	case endpoint.Address == "":
		v.missingAddress(s, endpoint)
	case service.Resolution == spec.ResolveStatic && isSocketURL(endpoint.Address):
		v.socket(s, endpoint)
		if len(endpoint.Ports) == 0 && len(service.Ports) != 1 {
			address.errorf(spec.CodeInvalid, "a unix socket serves one port, but the service has %d", len(service.Ports))
		}
	case service.Resolution == spec.ResolveStatic:
		if !resource.IsAddress(endpoint.Address) {
			address.errorf(spec.CodeInvalid, "%q is not an IP address, as resolution STATIC needs", endpoint.Address)
		}
	case !resource.IsAddress(endpoint.Address) && exactHostProblem(endpoint.Address) != "":
		address.suggestf(spec.CodeInvalid, withoutPort(endpoint.Address), "%q is neither an IP address nor a host name", endpoint.Address)
	}
	for _, name := range slices.Sorted(maps.Keys(endpoint.Ports)) {
		e := s.entry("ports", name)
		known := slices.ContainsFunc(service.Ports, func(p spec.ServicePort) bool { return p.Name == name })
		switch problem := resource.PortProblem(endpoint.Ports[name]); {
		case !known:
			var names []string
			for _, p := range service.Ports {
				names = append(names, p.Name)
			}
			e.suggestf(spec.CodeNotFound, suggest.Closest(name, names), "the service has no port named %q", name)
		case problem != "":
			e.errorf(spec.CodeInvalid, "%s", problem)
		}
	}
	v.endpointUse(s, endpoint)
}

// isSocketURL reports whether an address has the form of a socket.
func isSocketURL(address string) bool { return strings.HasPrefix(address, "unix://") }

// socket validates an endpoint that is a socket.
func (v *validator) socket(s *site, endpoint *spec.Endpoint) {
	if !strings.HasPrefix(endpoint.Address, "unix:///") && !strings.HasPrefix(endpoint.Address, "unix://@") {
		e := s.field("address")
		e.errorf(spec.CodeInvalid, "%q is not a unix socket: an absolute path is expected", endpoint.Address)
	}
	if strings.HasSuffix(endpoint.Address, "/") {
		e := s.field("address")
		e.errorf(spec.CodeInvalid, "%q is not a unix socket: a path that ends in a slash is a directory", endpoint.Address)
	}
	if len(endpoint.Ports) > 0 {
		e := s.field("ports")
		e.errorf(spec.CodeConflict, "a unix socket has no ports")
	}
}

// endpointUse validates the fields that every endpoint uses.
func (v *validator) endpointUse(s *site, endpoint *spec.Endpoint) {
	v.labels(s, "labels", endpoint.Labels)
	if endpoint.Weight < 0 {
		e := s.field("weight")
		e.errorf(spec.CodeInvalid, "%d is not a weight, 0 or more is expected", endpoint.Weight)
	}
}
