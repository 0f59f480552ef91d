package spec

// An Endpoint is one place where a Service runs (Istio's WorkloadEntry, written
// in a ServiceEntry).
type Endpoint struct {
	// Address is an IP address, with DNS resolution also a host name, or with
	// static resolution a socket: "unix:///run/x.sock".
	Address string
	// Ports maps names of service ports to the endpoint's own numbers.
	Ports map[string]int
	// Labels are what subsets select by. The topology labels are derived from the
	// locality: topology.kubernetes.io/region and zone, topology.istio.io/subzone.
	Labels map[string]string
	// Weight is the share of requests. Zero counts as 1.
	Weight int
	// Locality is "region/zone/subzone". Empty is that of the label istio-locality,
	// which may have dots for the slashes.
	Locality string
}
