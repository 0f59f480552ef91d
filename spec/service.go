package spec

import (
	"strconv"
	"time"
)

// A Service is what a destination's host stands for, outside this process
// (Istio's ServiceEntry, for one or more hosts).
type Service struct {
	Name, Namespace string
	// Hosts are the names by which destinations know it.
	Hosts []string
	// Ports are the ports that destinations may name.
	Ports []ServicePort
	// Resolution says how endpoints become addresses.
	Resolution Resolution
	// Internal says that the service is part of the mesh.
	Internal bool
	// Endpoints are where it runs. With DNS resolution, none means the hosts
	// themselves.
	Endpoints []Endpoint
	// WorkloadSelector selects, in place of Endpoints, the WorkloadEntries of the
	// service's namespace that have all of these labels. An empty map selects all
	// of them, nil none. The pods that Istio selects beside them are not known
	// here.
	WorkloadSelector map[string]string
	// Discovery is the name under which Builder.Discovery knows what finds the
	// endpoints, with the resolution ResolveDiscovery.
	Discovery string
	// ExportTo lists the namespaces whose gateway workloads see it: "*", "."
	// or a name. Empty means "*".
	ExportTo []string
	// SubjectAltNames are accepted in the service's certificate.
	SubjectAltNames []string
	// Created orders services of the same host.
	Created time.Time

	Origin Origin
}

// A ServicePort is a port of a Service (Istio's ServicePort).
type ServicePort struct {
	Number   int
	Name     string
	Protocol string
	// TargetPort is the endpoints' port. Zero is Number.
	TargetPort int
}

// A Resolution says how a service's endpoints become addresses (Istio's
// ServiceEntry.Resolution, and one more).
type Resolution uint8

// The resolutions of a service.
const (
	// ResolveNone has no endpoints at a gateway: every request answers 503.
	ResolveNone Resolution = iota
	// ResolveStatic takes the endpoints' addresses as they are.
	ResolveStatic
	// ResolveDNS looks names up and uses all addresses found.
	ResolveDNS
	// ResolveDNSRoundRobin looks names up and uses the first address for each
	// new connection.
	ResolveDNSRoundRobin
	// ResolveDynamicDNS sends a request to the host that its Host header names, as
	// rewritten, at the port of the service; a port in the header does not count.
	// The hosts of the service are wildcards, which say what may be named: a
	// request for anything else, an IP address included, answers 503. It has no
	// endpoints. Names are looked up when they are asked for, and forgotten when
	// they have not been for five minutes; at 1024 of them, new ones answer 503.
	ResolveDynamicDNS
	// ResolveDiscovery has the endpoints that a Discovery finds. A ServiceEntry
	// cannot say it.
	ResolveDiscovery
)

// String returns Istio's word for the resolution.
func (r Resolution) String() string {
	if int(r) < len(resolutions) {
		return resolutions[r]
	}
	return strconv.Itoa(int(r))
}

var resolutions = []string{"NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS", "discovery"}
