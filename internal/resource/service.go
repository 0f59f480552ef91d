package resource

import (
	"github.com/lateengo/gateway/spec"
)

// PortNumbered returns the port of a service with a number, or nil.
func PortNumbered(s *spec.Service, number int) *spec.ServicePort {
	for i := range s.Ports {
		if p := &s.Ports[i]; p.Number == number {
			return p
		}
	}
	return nil
}

// RunsAtHosts reports whether the service's hosts are also its endpoints.
func RunsAtHosts(s *spec.Service) bool {
	return usesDNS(s) && len(s.Endpoints) == 0 && s.WorkloadSelector == nil
}

// usesDNS reports whether the names of endpoints are looked up.
func usesDNS(s *spec.Service) bool {
	return s.Resolution == spec.ResolveDNS || s.Resolution == spec.ResolveDNSRoundRobin
}
