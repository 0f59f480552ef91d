package istio

import (
	"cmp"
	"net/netip"

	"github.com/lateengo/gateway/spec"
)

const (
	serviceNameLabel = "kubernetes.io/service-name"
	regionLabel      = "topology.kubernetes.io/region"
	zoneLabel        = "topology.kubernetes.io/zone"
	subzoneLabel     = "topology.istio.io/subzone"
	hostnameLabel    = "kubernetes.io/hostname"
)

// endpointSlice reads an EndpointSlice. One without the label of its Service is for
// nobody. As in Istio, one of names instead of addresses is not used.
func (l *loader) endpointSlice(r *reader, v *value) bool {
	if !r.identified(v) {
		return true
	}
	service := r.labelsOf(v)[serviceNameLabel]
	if service == "" {
		return false
	}
	l.cluster.sliced++
	p := &placesOf{service: kubernetesName{r.origin.Namespace, service}, order: l.cluster.sliced, family: r.textPart(v, "addressType")}
	if p.family == "FQDN" {
		r.warnAt("addressType", "", "FQDN is not used, as in Istio: the endpoints are left out")
		return true
	}
	ports, every := r.endpointPorts(v)
	r.listPart(v, "endpoints", func(e *value) {
		place := servicePlace{ports: ports, everyPort: every, node: r.textPart(e, "nodeName"), zone: r.textPart(e, "zone")}
		ready := true
		r.part(e, "conditions", object, func(c *value) { ready = r.truthPart(c, "ready", true) })
		place.pod = r.podPart(e)
		// v1beta1 has the place in a map, which v1 keeps under another name.
		for _, name := range []string{"topology", "deprecatedTopology"} {
			topology := r.mapPart(e, name)
			place.zone = cmp.Or(place.zone, topology[zoneLabel])
			place.node = cmp.Or(place.node, topology[hostnameLabel])
		}
		r.part(e, "addresses", list, func(a *value) {
			r.elements(a, func(_ int, a *value) {
				if place.address = r.address(a); ready && place.address != "" {
					p.places = append(p.places, place)
				}
			})
		})
	})
	if l.replaces(r, "EndpointSlice", v, "addressType", "endpoints", "ports") && !r.isBroken() {
		l.cluster.slices[r.kubernetesName()] = p
	}
	return true
}

// kubernetesEndpoints reads the Endpoints of the Service with the same name.
func (l *loader) kubernetesEndpoints(r *reader, v *value) bool {
	if !r.identified(v) {
		return true
	}
	p := &placesOf{service: r.kubernetesName()}
	r.listPart(v, "subsets", func(e *value) {
		ports, every := r.endpointPorts(e)
		r.listPart(e, "addresses", func(a *value) {
			place := servicePlace{ports: ports, everyPort: every, node: r.textPart(a, "nodeName"), pod: r.podPart(a)}
			ip, _ := a.field("ip")
			if ip == nil || ip.form == null {
				r.enter("ip")
				r.failf(spec.CodeMissing, a, "is missing")
				r.leave()
				return
			}
			r.enter("ip")
			place.address = r.address(ip)
			r.leave()
			p.places = append(p.places, place)
		})
	})
	if l.replaces(r, "Endpoints", v, "subsets") && !r.isBroken() {
		l.cluster.endpoints[r.kubernetesName()] = p
	}
	return true
}

// endpointPorts returns the numbers of ports by their names. every means that no port
// is restricted.
func (r *reader) endpointPorts(v *value) (ports map[string]int, every bool) {
	ports = make(map[string]int)
	r.listPart(v, "ports", func(e *value) {
		number := r.portPart(e, "port")
		if number == 0 {
			every = true
			return
		}
		ports[r.textPart(e, "name")] = number
	})
	return ports, every
}

// podPart returns the name of the pod that an endpoint refers to.
func (r *reader) podPart(v *value) (name kubernetesName) {
	r.part(v, "targetRef", object, func(e *value) {
		if r.textPart(e, "kind") == "Pod" {
			name = kubernetesName{cmp.Or(r.textPart(e, "namespace"), r.origin.Namespace), r.textPart(e, "name")}
		}
	})
	return name
}

// address returns an IP address.
func (r *reader) address(v *value) string {
	s, ok := r.text(v)
	if !ok {
		return ""
	}
	if _, err := netip.ParseAddr(s); err != nil {
		r.failf(spec.CodeInvalid, v, "%s is not an IP address", quote(s))
		return ""
	}
	return s
}
