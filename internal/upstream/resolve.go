package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// A lookup is one endpoint, and what is known about its addresses.
type lookup struct {
	endpoint *Endpoint
	name     string // empty if addresses never change
	port     string
	// hosts are the latest hosts, by the address for which they were made; nil
	// before the first answer.
	hosts map[address]*host
	// failed means that the last lookup failed.
	failed bool
}

// start makes the hosts of endpoints that need no lookup. It starts lookups or
// discovery for the others in the background.
func (u *Upstream) start() {
	ctx, cancel := context.WithCancel(context.Background())
	u.stop = cancel
	u.resolved = make(chan struct{})
	if u.config.Resolution == DynamicDNS {
		if len(u.config.Endpoints) > 0 {
			u.names = newNameTable(ctx, u, &u.config.Endpoints[0])
		}
		u.publish(false)
		close(u.resolved)
		return
	}
	var names []*lookup
	for i := range u.config.Endpoints {
		e := &u.config.Endpoints[i]
		l := &lookup{endpoint: e}
		u.lookups = append(u.lookups, l)
		if a, fixed := e.fixedAddress(); fixed {
			u.update(l, []address{a})
			continue
		}
		l.name, l.port, _ = net.SplitHostPort(e.Address)
		names = append(names, l)
	}
	u.publish(false)
	u.unresolved.Store(int64(len(names)))
	if u.config.Discovery != nil {
		u.stopped.Go(func() { u.discover(ctx) })
		return
	}
	if len(names) == 0 {
		close(u.resolved)
	}
	for _, l := range names {
		u.stopped.Go(func() { u.refresh(ctx, l) })
	}
}

// refresh looks l up until ctx ends.
func (u *Upstream) refresh(ctx context.Context, l *lookup) {
	for first := true; ; first = false {
		wait := u.resolve(ctx, l)
		if first && u.unresolved.Add(-1) == 0 {
			close(u.resolved)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// resolve looks l up once, and returns the wait before the next lookup. If that
// fails, the known hosts stay. If a name has no addresses, its hosts are
// removed, unless the name itself is one host (Envoy's StrictDnsClusterImpl and
// LogicalDnsCluster).
func (u *Upstream) resolve(ctx context.Context, l *lookup) time.Duration {
	answer, err := u.config.lookUp(ctx, l.name)
	if ctx.Err() == nil {
		u.noteLookup(l, failureOf(answer, err))
	}
	if err != nil {
		return u.config.untilNextLookup(Answer{})
	}
	found := usable(answer, l.port)
	if u.config.Resolution != DNSRoundRobin || len(found) > 0 {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.update(l, found)
		u.publish(false)
	}
	return u.config.untilNextLookup(answer)
}

// update sets the hosts of l to those at the given addresses. Known hosts stay
// the same.
func (u *Upstream) update(l *lookup, addresses []address) {
	if u.config.Resolution == DNSRoundRobin && l.name != "" {
		addresses = addresses[:1]
		for _, h := range l.hosts {
			h.address.Store(&addresses[0])
			return
		}
	}
	hosts := make(map[address]*host, len(addresses))
	for _, a := range addresses {
		h, ok := l.hosts[a]
		if !ok {
			h = u.newHost(a, l)
		}
		hosts[a] = h
	}
	l.hosts = hosts
}

// publish makes the hosts of all lookups available to requests, and retires
// those that are no longer used. changed means that what the balancer knows
// about one of them has changed.
func (u *Upstream) publish(changed bool) {
	var hosts []*host
	for _, l := range u.lookups {
		addresses := make([]address, 0, len(l.hosts))
		for a := range l.hosts {
			addresses = append(addresses, a)
		}
		slices.SortFunc(addresses, func(a, b address) int { return compareAddresses(a.address, b.address) })
		for _, a := range addresses {
			hosts = append(hosts, l.hosts[a])
		}
	}
	old := u.hosts.Load()
	if old != nil && !changed && slices.Equal(old.hosts, hosts) {
		return
	}
	if u.detector != nil {
		for _, h := range hosts {
			if h.monitor == nil {
				h.monitor = u.detector.Add(&h.state.Ejected, u.reportEjections(h))
			}
		}
	}
	set := u.newHostSet(hosts)
	u.hosts.Store(set)
	// An ejection in between was reported to the old balancer.
	set.balancer.Update()
	if old == nil {
		return
	}
	for _, h := range old.hosts {
		if slices.Contains(hosts, h) {
			continue
		}
		if h.monitor != nil {
			u.detector.Remove(h.monitor)
		}
		h.retire()
	}
}

// fixedAddress returns the address of an endpoint that needs no lookup.
func (e *Endpoint) fixedAddress() (address, bool) {
	if path, ok := socketPath(e.Address); ok {
		return address{"unix", path}, true
	}
	host, port, _ := net.SplitHostPort(e.Address)
	ip, err := netip.ParseAddr(host)
	return address{"tcp", net.JoinHostPort(ip.String(), port)}, err == nil
}

// compareAddresses orders by address, then by port.
func compareAddresses(a, b string) int {
	x, errX := netip.ParseAddrPort(a)
	y, errY := netip.ParseAddrPort(b)
	if errX != nil || errY != nil {
		return 0
	}
	return x.Compare(y)
}
