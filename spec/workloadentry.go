package spec

// A WorkloadEntry is one place where services run that select it by its labels
// with a WorkloadSelector (Istio's WorkloadEntry).
type WorkloadEntry struct {
	Name, Namespace string
	// Endpoint is where it runs. A host name is left out by services with static
	// resolution that select it, and as in Istio a socket by all. Ports go by the
	// names of the services' ports.
	Endpoint

	Origin Origin
}
