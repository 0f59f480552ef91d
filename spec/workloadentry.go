package spec

// A WorkloadEntry is one place where services run. Services select it by its
// labels with a WorkloadSelector (Istio's WorkloadEntry).
type WorkloadEntry struct {
	Name, Namespace string
	// Endpoint is where the services run. Services with static resolution skip an
	// entry with a host name, and as in Istio all services skip a socket. Ports
	// uses the port names of the services.
	Endpoint

	Origin Origin
}
