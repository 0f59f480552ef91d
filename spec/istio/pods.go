package istio

import (
	"cmp"
	"strings"
)

// A pod is what runs at an endpoint.
type pod struct {
	labels map[string]string
	node   string
	// address is empty before the pod has one, as in a file that creates it.
	address string
	ready   bool
	// ports are the numbers of container ports by their names.
	ports map[string]int
}

// pod reads a Pod. One without an address only has the labels of an endpoint.
func (l *loader) pod(r *reader, v *value) bool {
	if !r.identified(v) {
		return true
	}
	p := &pod{labels: r.labelsOf(v), ready: true, ports: make(map[string]int)}
	r.part(v, "spec", object, func(e *value) {
		p.node = r.textPart(e, "nodeName")
		r.listPart(e, "containers", func(c *value) {
			r.listPart(c, "ports", func(e *value) {
				if name := r.textPart(e, "name"); name != "" {
					p.ports[name] = r.portPart(e, "containerPort")
				}
			})
		})
	})
	r.part(v, "status", object, func(e *value) {
		p.address = r.textPart(e, "podIP")
		r.listPart(e, "conditions", func(c *value) {
			if r.textPart(c, "type") == "Ready" {
				p.ready = r.textPart(c, "status") == "True"
			}
		})
		if phase := r.textPart(e, "phase"); phase == "Succeeded" || phase == "Failed" {
			p.ready = false
		}
	})
	if r.isBroken() {
		return true
	}
	name := r.kubernetesName()
	if l.cluster.pods[name] == nil {
		l.cluster.podOrder = append(l.cluster.podOrder, name)
	}
	l.cluster.pods[name] = p
	return true
}

// selects reports whether a Service selects a pod. One without a selector selects none.
func (s *kubernetesService) selects(p *pod) bool {
	for name, wanted := range s.selector {
		if has, ok := p.labels[name]; !ok || has != wanted {
			return false
		}
	}
	return len(s.selector) > 0
}

// placeFor returns the pod as a place of a Service that selects it.
func (p *pod) placeFor(s *kubernetesService, name kubernetesName) *servicePlace {
	place := &servicePlace{address: p.address, pod: name, ports: make(map[string]int, len(s.Ports))}
	for i := range s.Ports {
		port := &s.Ports[i]
		if target, ok := s.targetNames[port.Name]; ok {
			place.ports[port.Name] = p.ports[target]
			continue
		}
		place.ports[port.Name] = cmp.Or(port.TargetPort, port.Number)
	}
	return place
}

// node reads a Node. Its labels are the locality of the endpoints on it.
func (l *loader) node(r *reader, v *value) bool {
	if !r.identified(v) {
		return true
	}
	labels := r.labelsOf(v)
	parts := []string{labels[regionLabel], labels[zoneLabel], labels[subzoneLabel]}
	l.cluster.localities[r.origin.Name] = strings.TrimRight(strings.Join(parts, "/"), "/")
	return true
}
