package istio

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A cluster has the objects of Kubernetes that make the endpoints of Services. They may
// be in any order, so they are joined after all of them were read.
type cluster struct {
	services []*kubernetesService
	// slices and endpoints are the places of the Services of a name, by the name of the
	// object that has them.
	slices    map[kubernetesName]*placesOf
	endpoints map[kubernetesName]*placesOf
	pods      map[kubernetesName]*pod
	// podOrder are the names of pods in the order of the text.
	podOrder []kubernetesName
	// sliced counts the EndpointSlices.
	sliced int
	// localities are the localities of nodes.
	localities map[string]string
}

// placesOf are the places of a Service, of one EndpointSlice or of Endpoints.
type placesOf struct {
	service kubernetesName
	// order is the number of EndpointSlices before.
	order int
	// family is IPv4, IPv6 or "".
	family string
	places []servicePlace
}

// A servicePlace is an address at which a Service may run.
type servicePlace struct {
	address string
	// ports are the numbers of ports by their names. everyPort means that it has all
	// ports of the Service.
	ports     map[string]int
	everyPort bool
	// pod is what runs there, and node where that is. Each may be unknown.
	pod        kubernetesName
	node, zone string
}

func newCluster() cluster {
	return cluster{
		slices: make(map[kubernetesName]*placesOf), endpoints: make(map[kubernetesName]*placesOf),
		pods: make(map[kubernetesName]*pod), localities: make(map[string]string),
	}
}

// service adds a Service in place of one with its name.
func (c *cluster) service(s *kubernetesService) {
	for i, other := range c.services {
		if other.Name == s.Name && other.Namespace == s.Namespace {
			c.services[i] = s
			return
		}
	}
	c.services = append(c.services, s)
}

// join adds the Services with their endpoints to the declarations.
func (l *loader) joinServices() {
	c := &l.cluster
	bySlices := make(map[kubernetesName][]*placesOf, len(c.slices))
	for _, p := range c.slices {
		bySlices[p.service] = append(bySlices[p.service], p)
	}
	for _, s := range c.services {
		if s.Alias == "" {
			c.place(s, bySlices[kubernetesName{s.Namespace, s.Name}])
		}
		d := &spec.Declarations{Services: []spec.Service{s.Service}}
		if s.broken {
			d = &spec.Declarations{Incomplete: d}
		}
		l.declared.Append(*d)
	}
}

// place adds the endpoints of a Service: from its EndpointSlices, from its Endpoints if
// it has none, or from the pods that it selects. If there is nothing of it, the list of
// endpoints stays nil: then it is not known where the Service runs.
func (c *cluster) place(s *kubernetesService, sliced []*placesOf) {
	slices.SortFunc(sliced, func(a, b *placesOf) int { return cmp.Compare(a.order, b.order) })
	sliced = ofOneFamily(sliced, s.family)
	if len(sliced) == 0 {
		if e := c.endpoints[kubernetesName{s.Namespace, s.Name}]; e != nil {
			sliced = []*placesOf{e}
		}
	}
	for _, p := range sliced {
		s.Endpoints = known(s.Endpoints)
		for i := range p.places {
			c.add(s, &p.places[i])
		}
	}
	if len(sliced) > 0 {
		return
	}
	for _, name := range c.podOrder {
		if p := c.pods[name]; name.namespace == s.Namespace && p.address != "" && s.selects(p) {
			s.Endpoints = known(s.Endpoints)
			if p.ready {
				c.add(s, p.placeFor(s, name))
			}
		}
	}
}

// known returns the list, which is not nil if it is empty.
func known(list []spec.Endpoint) []spec.Endpoint {
	if list == nil {
		return []spec.Endpoint{}
	}
	return list
}

// ofOneFamily returns the slices of one IP family, because those of the other one have
// the same pods again. It is the Service's first family, or that of the first slice.
func ofOneFamily(list []*placesOf, family string) []*placesOf {
	of := func(family string) (out []*placesOf) {
		for _, p := range list {
			if p.family == family {
				out = append(out, p)
			}
		}
		return out
	}
	if own := of(family); len(own) > 0 {
		return own
	}
	if len(list) == 0 {
		return nil
	}
	return of(list[0].family)
}

// add adds an endpoint of a Service.
func (c *cluster) add(s *kubernetesService, p *servicePlace) {
	e := spec.Endpoint{Address: p.address}
	for i := range s.Ports {
		port := &s.Ports[i]
		number := p.ports[port.Name]
		if p.everyPort {
			number = cmp.Or(port.TargetPort, port.Number)
		}
		if number == 0 {
			continue
		}
		if e.Ports == nil {
			e.Ports = make(map[string]int, len(s.Ports))
		}
		e.Ports[port.Name] = number
	}
	node := p.node
	if pod := c.pods[p.pod]; pod != nil {
		e.Labels = pod.labels
		node = cmp.Or(node, pod.node)
	}
	if e.Locality = c.localities[node]; e.Locality == "" && p.zone != "" {
		e.Locality = unknownRegion + p.zone
	}
	s.Endpoints = append(s.Endpoints, e)
}

// unknownRegion begins the locality of an endpoint with a zone whose region is unknown.
const unknownRegion = "/"
