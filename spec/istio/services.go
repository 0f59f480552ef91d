package istio

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

func (r *reader) service(m *networking.ServiceEntry) spec.Service {
	to := spec.Service{
		Name:            r.origin.Name,
		Namespace:       r.origin.Namespace,
		Hosts:           m.Hosts,
		Addresses:       m.Addresses,
		Internal:        m.Location == networking.ServiceEntry_MESH_INTERNAL,
		ExportTo:        m.ExportTo,
		SubjectAltNames: m.SubjectAltNames,
		Origin:          r.origin,
	}
	switch m.Resolution {
	case networking.ServiceEntry_NONE:
		to.Resolution = spec.ResolveNone
	case networking.ServiceEntry_STATIC:
		to.Resolution = spec.ResolveStatic
	case networking.ServiceEntry_DNS:
		to.Resolution = spec.ResolveDNS
	case networking.ServiceEntry_DNS_ROUND_ROBIN:
		to.Resolution = spec.ResolveDNSRoundRobin
	case networking.ServiceEntry_DYNAMIC_DNS:
		to.Resolution = spec.ResolveDynamicDNS
	}
	if w := m.WorkloadSelector; w != nil {
		to.WorkloadSelector = w.Labels
		if to.WorkloadSelector == nil {
			to.WorkloadSelector = map[string]string{}
		}
	}
	for _, p := range m.Ports {
		to.Ports = append(to.Ports, spec.ServicePort{
			Number:     int(p.GetNumber()),
			Name:       p.GetName(),
			Protocol:   spec.Protocol(p.GetProtocol()),
			TargetPort: int(p.GetTargetPort()),
		})
	}
	for _, e := range m.Endpoints {
		to.Endpoints = append(to.Endpoints, endpoint(e))
	}
	return to
}

// serviceAddresses reports addresses that Istio refuses with a resolution, although
// a gateway uses no addresses.
func (r *reader) serviceAddresses(m *networking.ServiceEntry, v *value) {
	addresses, _ := v.field("addresses")
	if addresses == nil || addresses.form != list || len(addresses.elements) == 0 {
		return
	}
	for i, e := range addresses.elements {
		if e.form == text && !isAddressOrRange(e.scalar) {
			r.errorAt(spec.CodeInvalid, fmt.Sprintf("spec.addresses[%d]", i), quote(e.scalar)+" is neither an IP address nor a range such as 10.0.0.0/8")
		}
	}
	switch m.Resolution {
	case networking.ServiceEntry_DYNAMIC_DNS:
		r.errorAt(spec.CodeConflict, "spec.addresses", "resolution DYNAMIC_DNS has no addresses")
	case networking.ServiceEntry_DNS, networking.ServiceEntry_DNS_ROUND_ROBIN:
		for i, e := range addresses.elements {
			if e.form == text && strings.Contains(e.scalar, "/") {
				r.errorAt(spec.CodeConflict, fmt.Sprintf("spec.addresses[%d]", i), quote(e.scalar)+" is a range, which resolution "+m.Resolution.String()+" cannot have")
			}
		}
	}
}

func isAddressOrRange(s string) bool {
	if strings.Contains(s, "/") {
		_, err := netip.ParsePrefix(s)
		return err == nil
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// workloadEntry translates a WorkloadEntry. As in Istio, the labels of its metadata
// also apply, and win over those of its spec.
func (r *reader) workloadEntry(m *networking.WorkloadEntry) spec.WorkloadEntry {
	to := spec.WorkloadEntry{Name: r.origin.Name, Namespace: r.origin.Namespace, Endpoint: endpoint(m), Origin: r.origin}
	if to.Labels == nil && len(r.labels) > 0 {
		to.Labels = make(map[string]string, len(r.labels))
	}
	maps.Copy(to.Labels, r.labels)
	return to
}

func endpoint(e *networking.WorkloadEntry) spec.Endpoint {
	to := spec.Endpoint{
		Address:  e.GetAddress(),
		Labels:   e.GetLabels(),
		Weight:   int(e.GetWeight()),
		Locality: e.GetLocality(),
		Network:  e.GetNetwork(),
	}
	if len(e.GetPorts()) > 0 {
		to.Ports = make(map[string]int, len(e.GetPorts()))
		for name, port := range e.GetPorts() {
			to.Ports[name] = int(port)
		}
	}
	return to
}

func (r *reader) destinationRule(m *networking.DestinationRule) spec.DestinationRule {
	to := spec.DestinationRule{
		Name:      r.origin.Name,
		Namespace: r.origin.Namespace,
		Host:      m.Host,
		ExportTo:  m.ExportTo,
		Origin:    r.origin,
	}
	to.TrafficPolicy = r.trafficPolicy(m.TrafficPolicy, "spec.trafficPolicy")
	for i, s := range m.Subsets {
		to.Subsets = append(to.Subsets, spec.Subset{
			Name: s.GetName(), Labels: s.GetLabels(),
			TrafficPolicy: r.trafficPolicy(s.GetTrafficPolicy(), fmt.Sprintf("spec.subsets[%d].trafficPolicy", i)),
		})
	}
	if w := m.WorkloadSelector; w != nil {
		to.WorkloadSelector = w.MatchLabels
		if to.WorkloadSelector == nil {
			to.WorkloadSelector = map[string]string{}
		}
	}
	return to
}
