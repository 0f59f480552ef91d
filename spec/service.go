package spec

import (
	"strconv"
	"time"
)

// A Service describes what is behind the host of a destination, outside of this
// process (Istio's ServiceEntry, for one or more hosts, or a Service of Kubernetes).
type Service struct {
	Name, Namespace string
	// Hosts are the names of the service in destinations.
	Hosts []string
	// Addresses are the addresses of the service for sidecars. A gateway
	// chooses services by host, and does not use them.
	Addresses []string
	// Ports are the ports that destinations can name.
	Ports []ServicePort
	// Resolution selects how endpoints become addresses.
	Resolution Resolution
	// Internal marks the service as part of the mesh.
	Internal bool
	// Endpoints are where the service runs. With DNS resolution, an empty list
	// means the hosts themselves.
	Endpoints []Endpoint
	// WorkloadSelector is used instead of Endpoints. It selects the
	// WorkloadEntries in the namespace of the service that have all of these
	// labels. An empty map selects all of them, nil selects none. Istio also
	// selects pods; Lateen does not know pods.
	WorkloadSelector map[string]string
	// Kubernetes means a Service of Kubernetes instead of a ServiceEntry. Its endpoints
	// serve only the ports in their Ports. If Endpoints is nil, it is not known where the
	// service runs, and it needs a backend; if it is empty, no endpoint is ready. It
	// comes before ServiceEntries of the same host and namespace.
	Kubernetes bool
	// Alias is the host that the service is another name of (a Service of Kubernetes with
	// an ExternalName). If a service has this host, that is used. Otherwise the endpoints
	// of this one are used, on every port.
	Alias string
	// Discovery is the name of a Discovery registered with Builder.Discovery,
	// which finds the endpoints. It is used with ResolveDiscovery.
	Discovery string
	// ExportTo lists the namespaces whose gateway workloads see the service: "*",
	// "." or a name. Empty means "*".
	ExportTo []string
	// SubjectAltNames are the names accepted in the certificate of the service.
	SubjectAltNames []string
	// Created orders services for the same host. Those of one age are ordered by name,
	// then by namespace.
	Created time.Time

	Origin Origin
}

// A ServicePort is a port of a Service (Istio's ServicePort).
type ServicePort struct {
	Number   int
	Name     string
	Protocol Protocol
	// TargetPort is the port of the endpoints. Zero means Number.
	TargetPort int
}

// A Resolution selects how the endpoints of a service become addresses (Istio's
// ServiceEntry.Resolution, plus ResolveDiscovery).
type Resolution uint8

// The values of Resolution.
const (
	// ResolveNone means that a gateway has no endpoints: every request gets
	// 503.
	ResolveNone Resolution = iota
	// ResolveStatic uses the addresses of the endpoints unchanged.
	ResolveStatic
	// ResolveDNS looks up names and uses all their addresses.
	ResolveDNS
	// ResolveDNSRoundRobin looks up names and uses the first address for each
	// new connection.
	ResolveDNSRoundRobin
	// ResolveDynamicDNS sends a request to the host in its Host header, after
	// rewrites, at the port of the service. A port in the header is ignored.
	// The hosts of the service are wildcards that limit the allowed names: a
	// request for any other name, or for an IP address, gets 503. The service
	// has no endpoints. A name is looked up at its first use, and forgotten
	// after five minutes without use. At most 1024 names are known: more names
	// get 503.
	ResolveDynamicDNS
	// ResolveDiscovery uses the endpoints that a Discovery finds. A ServiceEntry
	// cannot express it.
	ResolveDiscovery
)

// String returns Istio's name of the resolution.
func (r Resolution) String() string {
	if int(r) < len(resolutions) {
		return resolutions[r]
	}
	return strconv.Itoa(int(r))
}

var resolutions = []string{"NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS", "discovery"}
