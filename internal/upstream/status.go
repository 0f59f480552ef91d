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
