package resource

import (
	"cmp"

	"github.com/lateengo/gateway/spec"
)

// PortNumbered returns the port of a service with a number, or nil. A service that is
// another name of a host has every port.
func PortNumbered(s *spec.Service, number int) *spec.ServicePort {
	for i := range s.Ports {
		if p := &s.Ports[i]; p.Number == number {
			return p
		}
	}
	if s.Alias != "" {
		return &spec.ServicePort{Number: number}
	}
	return nil
}

// ServiceKind returns the kind of a service for messages.
func ServiceKind(s *spec.Service) string {
	if s.Kubernetes {
		return "Service"
	}
	return "ServiceEntry"
}

// CompareServices orders services as Istio does: those of Kubernetes first, so that a
// ServiceEntry cannot take their hosts, and the older ones first. Services of the same age
// are in the order of their names, then of their namespaces.
func CompareServices(a, b *spec.Service) int {
	rank := func(s *spec.Service) int {
		if s.Kubernetes {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
}

// RunsAtHosts reports whether the service's hosts are also its endpoints.
func RunsAtHosts(s *spec.Service) bool {
	return usesDNS(s) && len(s.Endpoints) == 0 && s.WorkloadSelector == nil
}

// usesDNS reports whether the names of endpoints are looked up.
func usesDNS(s *spec.Service) bool {
	return s.Resolution == spec.ResolveDNS || s.Resolution == spec.ResolveDNSRoundRobin
}
