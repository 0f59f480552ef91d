package program

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// Clusters returns the destinations outside this process, ordered by name. The figures
// of upstreams with the same name, which differ in what is behind them, are added.
func (p *Program) Clusters() []observe.Cluster {
	all := make([]observe.Cluster, 0, len(p.Upstreams))
	for _, remote := range p.Upstreams {
		all = append(all, cluster(remote.Upstream))
	}
	slices.SortFunc(all, func(a, b observe.Cluster) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(firstAddress(a), firstAddress(b)))
	})
	out := all[:0]
	for _, c := range all {
		if last := len(out) - 1; last >= 0 && out[last].Name == c.Name {
			join(&out[last], &c)
			continue
		}
		out = append(out, c)
	}
	return out
}

// cluster returns the figures of one upstream.
func cluster(u *upstream.Upstream) observe.Cluster {
	c := observe.Cluster{Name: u.Name(), Endpoints: endpoints(u), Ejections: u.Ejections()}
	var in upstream.Usages
	if in, c.Limited = u.Usages(); c.Limited {
		c.Connections, c.Pending = observe.Usage(in.Connections), observe.Usage(in.Pending)
		c.Requests, c.Retries = observe.Usage(in.Requests), observe.Usage(in.Retries)
	}
	return c
}

func firstAddress(c observe.Cluster) string {
	if len(c.Endpoints) == 0 {
		return ""
	}
	return c.Endpoints[0].Address
}

// join adds the figures of other to c.
func join(c, other *observe.Cluster) {
	c.Endpoints = append(c.Endpoints, other.Endpoints...)
	c.Ejections += other.Ejections
	c.Limited = c.Limited || other.Limited
	for _, usage := range [...][2]*observe.Usage{
		{&c.Connections, &other.Connections}, {&c.Pending, &other.Pending}, {&c.Requests, &other.Requests}, {&c.Retries, &other.Retries},
	} {
		usage[0].Active += usage[1].Active
		usage[0].Max += usage[1].Max
	}
}

// endpoints returns the present endpoints of a destination.
func endpoints(u *upstream.Upstream) (out []observe.Endpoint) {
	for _, h := range u.Hosts() {
		out = append(out, observe.Endpoint{Address: h.Address, Ejected: h.Ejected, Active: h.Active})
	}
	return out
}
