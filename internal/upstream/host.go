package upstream

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// A host is one address that requests are sent to, and the connections to it.
// It stays the same when other hosts change.
type host struct {
	// known is what the balancer knows about the host. The upstream's lock
	// guards it.
	known balance.Host
	// address is the address for new connections. It changes only with
	// DNSRoundRobin.
	address atomic.Pointer[address]
	client  client
	// state is the host's identity for the balancer. It counts the requests in
	// flight.
	state balance.State
	// monitor counts the host's errors. It is nil without outlier detection, and
	// set before the host is in a hostSet.
	monitor *outlier.Monitor
	// gone is set when nothing new may be sent to the host.
	gone atomic.Bool
}

// An address is the arguments that net.Dialer takes.
type address struct{ network, address string }

// newHost returns a host at a for the endpoint of l.
func (u *Upstream) newHost(a address, l *lookup) *host {
	h := &host{known: balance.Host{Address: a.address, Added: u.now()}}
	h.describe(l.endpoint)
	if u.config.Resolution == DNSRoundRobin && l.name != "" {
		// Hash keys depend on the name, and stay when its address changes.
		h.known.Address = l.endpoint.Address
	}
	h.known.State = &h.state
	h.address.Store(&a)
	h.client = u.newClient(h)
	return h
}

// describe sets what the balancer knows about h from the endpoint, and reports
// whether that changed anything. Balancers in use keep the old values.
func (h *host) describe(e *Endpoint) bool {
	k := &h.known
	weight, locality := uint32(max(e.Weight, 1)), balance.ParseLocality(e.Locality)
	same := k.Weight == weight && k.Locality == locality && maps.Equal(k.Labels, e.Labels)
	k.Weight, k.Locality, k.Labels = weight, locality, e.Labels
	return !same
}

// now is the time on the clock of warmups and ejections.
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

// retire closes the idle connections of h now, and the others when they are no
// longer in use.
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
	// Protocol is the protocol used with it: "HTTP/1.1" or "HTTP/2".
	Protocol string

	state *balance.State
}

// A HostRecorder is implemented by response writers that need to know where a
// request is sent. UpstreamHost is called at most once in a ServeHTTP, in its
// goroutine, after the host has been chosen and before anything is sent to it.
type HostRecorder interface{ UpstreamHost(Host) }

// public returns the exported form of h.
func (h *host) public(protocol Protocol) Host {
	host := Host{Address: h.address.Load().address, Protocol: "HTTP/1.1", state: &h.state}
	if protocol == HTTP2 {
		host.Protocol = "HTTP/2"
	}
	return host
}
