package upstream

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// A host is one address that requests are sent to, and the connections to it.
// It outlives changes of the set of hosts that do not concern it.
type host struct {
	// known is what the balancer knows of the host. It is guarded by the upstream's
	// lock.
	known balance.Host
	// address is what new connections are made to. It changes only with
	// DNSRoundRobin.
	address atomic.Pointer[address]
	client  client
	// state is the host's identity for the balancer. It counts the requests in
	// flight.
	state balance.State
	// monitor counts the host's errors. It is nil without outlier detection, and
	// set before the host is in a hostSet.
	monitor *outlier.Monitor
	// gone is set when nothing new shall be sent to the host.
	gone atomic.Bool
}

// An address is what net.Dialer takes.
type address struct{ network, address string }

// newHost returns a host of the endpoint of l at a.
func (u *Upstream) newHost(a address, l *lookup) *host {
	h := &host{known: balance.Host{Address: a.address, Added: u.now()}}
	h.describe(l.endpoint)
	if u.config.Resolution == DNSRoundRobin && l.name != "" {
		// Keys stay with the name when its address changes.
		h.known.Address = l.endpoint.Address
	}
	h.known.State = &h.state
	h.address.Store(&a)
	h.client = u.newClient(h)
	return h
}

// describe sets what the balancer knows from the endpoint of h, and reports whether
// that changes it. Balancers that are in use keep what they were made with.
func (h *host) describe(e *Endpoint) bool {
	k := &h.known
	weight, locality := uint32(max(e.Weight, 1)), balance.ParseLocality(e.Locality)
	same := k.Weight == weight && k.Locality == locality && maps.Equal(k.Labels, e.Labels)
	k.Weight, k.Locality, k.Labels = weight, locality, e.Labels
	return !same
}

// now is the time by the clock that warmup and ejections go by.
func (u *Upstream) now() time.Time {
	if now := u.config.Balancing.Now; now != nil {
		return now()
	}
	return time.Now()
}

// release ends a request that pick began.
func (h *host) release() {
	if h.state.Active.Add(-1) == 0 && h.gone.Load() {
		h.client.closeIdle()
	}
}

// retire closes the idle connections of h now, and the others once they are
// not in use any more.
func (h *host) retire() {
	h.gone.Store(true)
	h.client.closeIdle()
}

// A hostSet is an immutable set of hosts to choose from.
type hostSet struct {
	hosts []*host
	// balancer chooses among hosts by their index.
	balancer *balance.Balancer
}

// newHostSet returns a set of hosts.
func (u *Upstream) newHostSet(hosts []*host) *hostSet {
	known := make([]balance.Host, len(hosts))
	for i, h := range hosts {
		known[i] = h.known
	}
	return &hostSet{hosts, balance.New(u.config.Balancing, known)}
}

// A Host is the endpoint that a request is sent to.
type Host struct {
	// Address is "ip:port", or the path of a socket.
	Address string
	// Protocol is what is spoken to it: "HTTP/1.1" or "HTTP/2".
	Protocol string

	state *balance.State
}

// A HostRecorder is implemented by response writers that want to know where a
// request is sent. UpstreamHost is called at most once in a ServeHTTP, in its
// goroutine, when the host has been chosen, and before anything is sent to it.
type HostRecorder interface{ UpstreamHost(Host) }

// public returns h as others see it.
func (h *host) public(protocol Protocol) Host {
	host := Host{Address: h.address.Load().address, Protocol: "HTTP/1.1", state: &h.state}
	if protocol == HTTP2 {
		host.Protocol = "HTTP/2"
	}
	return host
}
