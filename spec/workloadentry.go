package spec

// A WorkloadEntry is one place where services run (Istio's WorkloadEntry).
// Services select it by its labels with a WorkloadSelector.
type WorkloadEntry struct {
	Name, Namespace string
	// Endpoint is where the services run. Services with static resolution skip
	// an entry with a host name. As in Istio, all services skip a socket. The
	// keys of Ports are the port names of the services.
	Endpoint

	Origin Origin
}
