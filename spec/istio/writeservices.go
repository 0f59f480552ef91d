package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// writeServices writes the services: those of Kubernetes only if the options say so.
func (w *writer) writeServices() {
	list := w.declared.Services
	of := make([]naming, len(list))
	for i := range list {
		s := &list[i]
		base := strings.Join(s.Hosts[:min(1, len(s.Hosts))], "")
		of[i] = naming{cmp.Or(s.Namespace, w.options.Namespace), s.Name, s.Created, base}
	}
	for i, name := range namesOf("service", of) {
		s := &list[i]
		switch {
		case !s.Kubernetes:
			w.serviceEntry(s, name)
		case w.options.Kubernetes:
			w.kubernetesService(s, name)
		default:
			w.ownedByCluster(s.Origin, "Service", of[i].namespace, name, "the cluster has it. Lateen reads only some of its fields")
		}
	}
}

// ownedByCluster says that a resource of Kubernetes is not written.
func (w *writer) ownedByCluster(o spec.Origin, kind, namespace, name, why string) {
	doc := w.document(o, "v1", kind, namespace, name, noTime)
	doc.content = nil
	w.warnings = append(w.warnings, spec.Warning{Finding: doc.at("", "is not written: "+why)})
	doc.comment("", fmt.Sprintf("%s %s/%s is not written: %s.", kind, doc.namespace, name, why))
}

func (w *writer) serviceEntry(s *spec.Service, name string) {
	doc := w.document(s.Origin, networkingGroup+"/v1", "ServiceEntry", s.Namespace, name, s.Created)
	if s.Name == "" {
		w.note(doc, "metadata.name", "the service had no name")
	}
	m := &networking.ServiceEntry{Hosts: s.Hosts, Addresses: s.Addresses, ExportTo: s.ExportTo, SubjectAltNames: s.SubjectAltNames}
	if s.Internal {
		m.Location = networking.ServiceEntry_MESH_INTERNAL
	}
	switch s.Resolution {
	case spec.ResolveNone:
	case spec.ResolveStatic:
		m.Resolution = networking.ServiceEntry_STATIC
	case spec.ResolveDNS:
		m.Resolution = networking.ServiceEntry_DNS
	case spec.ResolveDNSRoundRobin:
		m.Resolution = networking.ServiceEntry_DNS_ROUND_ROBIN
	case spec.ResolveDynamicDNS:
		m.Resolution = networking.ServiceEntry_DYNAMIC_DNS
	case spec.ResolveDiscovery:
		w.lost(doc, "spec.resolution", "the endpoints come from a Discovery in the program: on a cluster, use DNS, or a Service of Kubernetes")
	default:
		w.lost(doc, "spec.resolution", fmt.Sprintf("%d is not a resolution", s.Resolution))
	}
	if s.Alias != "" {
		w.lost(doc, "spec.alias", "a ServiceEntry cannot be another name of "+s.Alias)
	}
	for i, p := range s.Ports {
		at := fmt.Sprintf("spec.ports[%d]", i)
		m.Ports = append(m.Ports, &networking.ServicePort{
			Number: number32[uint32](w, doc, at+".number", p.Number), Name: p.Name, Protocol: string(p.Protocol),
			TargetPort: number32[uint32](w, doc, at+".targetPort", p.TargetPort),
		})
	}
	for i := range s.Endpoints {
		m.Endpoints = append(m.Endpoints, w.endpoint(doc, fmt.Sprintf("spec.endpoints[%d]", i), &s.Endpoints[i]))
	}
	if s.WorkloadSelector != nil {
		m.WorkloadSelector = &networking.WorkloadSelector{Labels: s.WorkloadSelector}
	}
	doc.content.set("spec", messageValue(m))
}

func (w *writer) endpoint(doc *written, path string, e *spec.Endpoint) *networking.WorkloadEntry {
	m := &networking.WorkloadEntry{
		Address: e.Address, Labels: e.Labels, Locality: e.Locality, Network: e.Network,
		Weight: number32[uint32](w, doc, path+".weight", e.Weight),
	}
	for _, name := range slices.Sorted(maps.Keys(e.Ports)) {
		if m.Ports == nil {
			m.Ports = make(map[string]uint32, len(e.Ports))
		}
		m.Ports[name] = number32[uint32](w, doc, path+".ports["+name+"]", e.Ports[name])
	}
	return m
}

// writeWorkloadEntries writes the WorkloadEntries in their order, which is that of the
// endpoints.
func (w *writer) writeWorkloadEntries() {
	list := w.declared.WorkloadEntries
	of := make([]naming, len(list))
	for i := range list {
		of[i] = naming{cmp.Or(list[i].Namespace, w.options.Namespace), list[i].Name, noTime, list[i].Address}
	}
	for i, name := range namesOf("workload", of) {
		e := &list[i]
		doc := w.document(e.Origin, networkingGroup+"/v1", "WorkloadEntry", e.Namespace, name, noTime)
		doc.order = i
		if e.Name == "" {
			w.note(doc, "metadata.name", "the WorkloadEntry had no name")
		}
		doc.content.set("spec", messageValue(w.endpoint(doc, "spec", &e.Endpoint)))
	}
}
