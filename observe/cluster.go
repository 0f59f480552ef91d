package observe

// A Cluster is a destination outside this process with its present figures. Envoy has
// them under cluster.<name>.
type Cluster struct {
	// Name is Envoy's name: "outbound|port|subset|host".
	Name string
	// Endpoints are the known endpoints.
	Endpoints []Endpoint
	// Ejections counts how many times outlier detection has ejected an endpoint.
	Ejections uint64
	// Limited means that a DestinationRule limits the destination: the fields below
	// are set. They are Envoy's circuit breakers.
	Limited bool
	// Connections are those to all endpoints. Pending are the requests that wait for
	// a connection. Requests are those that have one. Retries are the retries in
	// progress.
	Connections, Pending, Requests, Retries Usage
}

// A Usage is how much of a limit is in use.
type Usage struct {
	Active, Max int64
}

// Open reports whether the limit is reached, so that more is refused.
func (u Usage) Open() bool { return u.Max > 0 && u.Active >= u.Max }
