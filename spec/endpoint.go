package spec

// An Endpoint is one place where a Service runs (Istio's WorkloadEntry inside a
// ServiceEntry).
type Endpoint struct {
	// Address is an IP address. With DNS resolution it can also be a host name;
	// with static resolution it can also be a socket: "unix:///run/x.sock".
	Address string
	// Ports maps names of service ports to port numbers of the endpoint.
	Ports map[string]int
	// Labels are used by subsets to select endpoints. The topology labels are
	// derived from the locality: topology.kubernetes.io/region and zone,
	// topology.istio.io/subzone.
	Labels map[string]string
	// Weight is the share of requests. Zero means 1.
	Weight int
	// Network is the network of the endpoint (Istio's WorkloadEntry.network).
	// If it is set and Address is empty, Istio reaches the endpoint through the
	// gateway of that network. Lateen cannot do this and skips the endpoint.
	Network string
	// Locality is "region/zone/subzone". If it is empty, the label
	// istio-locality is used, which may have dots instead of slashes.
	Locality string
}
