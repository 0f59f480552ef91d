package spec

import (
	"fmt"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/lateengo/gateway"
)

func (r *reader) service(m *networking.ServiceEntry) gateway.Service {
	to := gateway.Service{
		Name:            r.origin.Name,
		Namespace:       r.origin.Namespace,
		Hosts:           m.Hosts,
		Internal:        m.Location == networking.ServiceEntry_MESH_INTERNAL,
		ExportTo:        m.ExportTo,
		SubjectAltNames: m.SubjectAltNames,
		Origin:          r.origin,
	}
	switch m.Resolution {
	case networking.ServiceEntry_NONE:
		to.Resolution = gateway.ResolveNone
	case networking.ServiceEntry_STATIC:
		to.Resolution = gateway.ResolveStatic
	case networking.ServiceEntry_DNS:
		to.Resolution = gateway.ResolveDNS
	case networking.ServiceEntry_DNS_ROUND_ROBIN:
		to.Resolution = gateway.ResolveDNSRoundRobin
	default:
		r.errorAt("spec.resolution", m.Resolution.String()+" is not executed by Lateen: names are not looked up per request")
	}
	for _, p := range m.Ports {
		to.Ports = append(to.Ports, gateway.ServicePort{
			Number:     int(p.GetNumber()),
			Name:       p.GetName(),
			Protocol:   p.GetProtocol(),
			TargetPort: int(p.GetTargetPort()),
		})
	}
	for _, e := range m.Endpoints {
		endpoint := gateway.Endpoint{
			Address:  e.GetAddress(),
			Labels:   e.GetLabels(),
			Weight:   int(e.GetWeight()),
			Locality: e.GetLocality(),
		}
		if len(e.GetPorts()) > 0 {
			endpoint.Ports = make(map[string]int, len(e.GetPorts()))
			for name, port := range e.GetPorts() {
				endpoint.Ports[name] = int(port)
			}
		}
		to.Endpoints = append(to.Endpoints, endpoint)
	}
	return to
}

func (r *reader) destinationRule(m *networking.DestinationRule) gateway.DestinationRule {
	to := gateway.DestinationRule{
		Name:      r.origin.Name,
		Namespace: r.origin.Namespace,
		Host:      m.Host,
		ExportTo:  m.ExportTo,
		Origin:    r.origin,
	}
	to.TrafficPolicy = r.trafficPolicy(m.TrafficPolicy, "spec.trafficPolicy")
	for i, s := range m.Subsets {
		to.Subsets = append(to.Subsets, gateway.Subset{
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
