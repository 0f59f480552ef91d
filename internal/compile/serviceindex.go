package compile

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/spec"
)

// A serviceIndex finds services, and the DestinationRules of their hosts.
type serviceIndex struct {
	// byHost are the services visible to the workload, those of Kubernetes and then the
	// oldest first.
	byHost map[string][]*hostService
	rules  *traffic.Rules
}

// A hostService combines the services with one host in one namespace. Each has its
// endpoints for its own ports, so a port of several services is served by the
// endpoints of all.
type hostService struct {
	namespace string
	// parts are in the order of byHost. The resolution of the first one applies to all.
	parts []servicePart
}

// A servicePart is a service, and its declared or selected endpoints.
type servicePart struct {
	*spec.Service
	endpoints []spec.Endpoint
}

func NewServiceIndex(c *Compiler) serviceIndex {
	x := serviceIndex{byHost: map[string][]*hostService{}, rules: traffic.NewRules(c.D.DestinationRules, c.O.Namespace, c.O.Workload)}
	workloads := resource.NewWorkloads(c.D.WorkloadEntries, c.O.Namespace)
	byAge := make([]*spec.Service, len(c.D.Services))
	for i := range c.D.Services {
		byAge[i] = &c.D.Services[i]
	}
	slices.SortStableFunc(byAge, resource.CompareServices)
	for _, s := range byAge {
		c.discoverable(s)
		namespace := cmp.Or(s.Namespace, c.O.Namespace)
		if !resource.ExportedTo(s.ExportTo, namespace, c.O.Workload.Namespace) {
			c.usage.passOver(s, "exportTo", "it is not exported to the namespace of the gateway, %s: routes to its hosts do not use it", c.O.Workload.Namespace)
			continue
		}
		part := servicePart{s, workloads.Endpoints(s, namespace)}
		for _, host := range s.Hosts {
			if oldest := x.add(host, namespace, part); oldest != s {
				c.unusedEndpoints(host, oldest, &part)
			}
		}
	}
	return x
}

// add adds a service that is newer than all in the index, and returns the oldest
// with its host and namespace.
func (x *serviceIndex) add(host, namespace string, part servicePart) *spec.Service {
	for _, h := range x.byHost[host] {
		if h.namespace == namespace {
			if h.parts[len(h.parts)-1].Service != part.Service {
				h.parts = append(h.parts, part)
			}
			return h.parts[0].Service
		}
	}
	x.byHost[host] = append(x.byHost[host], &hostService{namespace: namespace, parts: []servicePart{part}})
	return part.Service
}

// unusedEndpoints warns of a service whose endpoints are not used, because an older
// one with the same host and namespace defines them in another way.
func (c *Compiler) unusedEndpoints(host string, oldest *spec.Service, part *servicePart) {
	e := c.At(part.Origin).Field("resolution")
	differ := part.Resolution != oldest.Resolution
	switch found := len(part.endpoints) > 0; {
	case oldest.Resolution == spec.ResolveDiscovery && (!differ || found):
		e.Warnf("", "the endpoints of %s come from the discovery of the older service %q", host, oldest.Name)
	case part.Resolution == spec.ResolveDiscovery && differ:
		e.Warnf("", "nothing is discovered: the older service %q defines the endpoints of %s", oldest.Name, host)
	case part.Resolution == spec.ResolveDynamicDNS && differ:
		e.Warnf("", "no request names its host: the older service %q defines the endpoints of %s", oldest.Name, host)
	case (oldest.Resolution == spec.ResolveNone || oldest.Resolution == spec.ResolveDynamicDNS) && found:
		e.Warnf("", "the endpoints are not used: the older service %q has the resolution %s for %s", oldest.Name, oldest.Resolution, host)
	}
}

// Find returns the service of a host. The one in the VirtualService's namespace has
// priority.
func (x *serviceIndex) Find(host, namespace string) *hostService {
	list := x.byHost[host]
	for _, h := range list {
		if h.namespace == namespace {
			return h
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return nil
}

// use records that a route uses the services of a host in one namespace, and not
// those of other namespaces.
func (x *serviceIndex) use(u *usage, host string, used *hostService) {
	for _, h := range x.byHost[host] {
		for _, part := range h.parts {
			if h == used {
				u.services[part.Service] = true
			} else {
				u.passOver(part.Service, "", "routes to %s use the service of the namespace %s: this one is not used", host, used.namespace)
			}
		}
	}
}

// ports returns the numbers of the service's ports.
func (h *hostService) ports() []int {
	var numbers []int
	for _, s := range h.parts {
		for i := range s.Ports {
			if n := s.Ports[i].Number; !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// resolution returns how all endpoints become addresses.
func (h *hostService) resolution() spec.Resolution { return h.parts[0].Resolution }

// A placedEndpoint is an endpoint at a port of its service.
type placedEndpoint struct {
	*spec.Endpoint
	// Address is "host:port", or "unix:" and a path.
	Address string
}

// Endpoints returns the declared endpoints of a port that have the labels. With
// DNS, a service without endpoints runs at the host's own addresses, which have no
// labels. With dynamic DNS it runs at those of all hosts of the wildcard.
func (h *hostService) Endpoints(host string, port int, labels map[string]string) []placedEndpoint {
	resolution := h.resolution()
	switch resolution {
	case spec.ResolveNone, spec.ResolveDiscovery:
		return nil
	case spec.ResolveDynamicDNS:
		p := h.port(port)
		if p == nil || len(labels) > 0 {
			return nil
		}
		e := &spec.Endpoint{Address: host}
		return []placedEndpoint{{e, resource.AddressAt(e, p)}}
	}
	var out []placedEndpoint
	for _, part := range h.parts {
		p := resource.PortNumbered(part.Service, port)
		if p == nil {
			continue
		}
		list := part.endpoints
		if resource.RunsAtHosts(part.Service) {
			list = []spec.Endpoint{{Address: host}}
		}
		for i := range list {
			e := &list[i]
			// A newer service may have names although the oldest has addresses.
			unresolved := resolution == spec.ResolveStatic && !resource.IsAddress(e.Address) && !resource.IsSocket(e.Address)
			if unresolved || !resource.EndpointHas(e, labels) || part.Kubernetes && part.Alias == "" && e.Ports[p.Name] == 0 {
				continue
			}
			at := placedEndpoint{Endpoint: e, Address: resource.AddressAt(e, p)}
			if !slices.ContainsFunc(out, func(o placedEndpoint) bool { return len(h.parts) > 1 && o.Address == at.Address }) {
				out = append(out, at)
			}
		}
	}
	if resolution == spec.ResolveDNSRoundRobin && len(out) > 1 {
		out = out[:1]
	}
	return out
}

// kind returns the kind of the service for messages.
func (h *hostService) kind() string { return resource.ServiceKind(h.parts[0].Service) }

// alias returns the host that the service is another name of, or "".
func (h *hostService) alias() string { return h.parts[0].Alias }

// needsBackend reports whether the service is one of Kubernetes, and nothing tells where
// it runs.
func (h *hostService) needsBackend() bool {
	for _, part := range h.parts {
		if !part.Kubernetes || part.Endpoints != nil || part.WorkloadSelector != nil {
			return false
		}
	}
	return true
}

// protocol returns the protocol of a port.
func (h *hostService) protocol(port int) string {
	if p := h.port(port); p != nil {
		return string(p.Protocol)
	}
	return ""
}

// port returns a port of the oldest service that has it, or nil.
func (h *hostService) port(number int) *spec.ServicePort {
	for _, s := range h.parts {
		if p := resource.PortNumbered(s.Service, number); p != nil {
			return p
		}
	}
	return nil
}

// subjectAltNames are accepted in the certificates of a port's endpoints.
func (h *hostService) subjectAltNames(port int) []string {
	var names []string
	for _, s := range h.parts {
		if resource.PortNumbered(s.Service, port) == nil {
			continue
		}
		for _, name := range s.SubjectAltNames {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
