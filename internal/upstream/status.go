package upstream

// A HostStatus is the present state of an endpoint.
type HostStatus struct {
	Address string
	Ejected bool
	Active  int64
}

// Hosts returns the present state of the endpoints, in order. Names of a dynamic DNS
// are not among them.
func (u *Upstream) Hosts() []HostStatus {
	if u.detector != nil {
		u.detector.Sweep()
	}
	set := u.hosts.Load()
	if set == nil {
		return nil
	}
	out := make([]HostStatus, len(set.hosts))
	for i, h := range set.hosts {
		out[i] = HostStatus{h.address.Load().address, h.state.Ejected.Load(), h.state.Active.Load()}
	}
	return out
}

// Ejections returns how many endpoints outlier detection has ejected since the start.
func (u *Upstream) Ejections() uint64 {
	if u.detector == nil {
		return 0
	}
	return u.detector.Ejections()
}

// A Usage is how much of a limit of a destination is in use.
type Usage struct {
	Active, Max int64
}

// Usages are those of a destination's circuit breaker.
type Usages struct {
	Connections, Pending, Requests, Retries Usage
}

// Usages returns what is in use, and false for a destination without limits.
func (u *Upstream) Usages() (Usages, bool) {
	b := u.breaker
	if b == nil {
		return Usages{}, false
	}
	return Usages{
		Connections: Usage{b.Connections.Active(), b.Connections.Max()},
		Pending:     Usage{b.Pending.Active(), b.Pending.Max()},
		Requests:    Usage{b.Requests.Active(), b.Requests.Max()},
		Retries:     Usage{b.Retries(), b.MaxRetries()},
	}, true
}

// Name returns the name of the destination.
func (u *Upstream) Name() string { return u.config.Name }
