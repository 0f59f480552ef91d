package upstream

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// A host is one address that requests are sent to, and the connections to it.
// It outlives changes of the set of hosts that do not concern it.
type host struct {
	weight int
	// address is what new connections are made to. It changes only with
	// DNSRoundRobin.
	address atomic.Pointer[address]
	client  client
	// active counts the requests in flight.
	active atomic.Int64
	// gone is set when nothing new shall be sent to the host.
	gone atomic.Bool
}

// An address is what net.Dialer takes.
type address struct{ network, address string }

// release ends a request that pick began.
func (h *host) release() {
	if h.active.Add(-1) == 0 && h.gone.Load() {
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
	// ends are the cumulative weights, or nil if all weights are equal.
	ends []uint64
}

func newHostSet(hosts []*host) *hostSet {
	s := &hostSet{hosts: hosts}
	for _, h := range hosts {
		if h.weight != hosts[0].weight {
			var end uint64
			for _, h := range hosts {
				end += uint64(h.weight)
				s.ends = append(s.ends, end)
			}
			break
		}
	}
	return s
}

// pick chooses by least request, as Envoy does (LEAST_REQUEST with a choice
// count of two): of two hosts drawn at random, which may be the same, it takes
// the one with fewer requests in flight. Hosts are drawn, and their requests
// compared, in proportion to their weights, so that without load each host gets
// its share. It counts the request as in flight; nil means that there is no
// host.
func (s *hostSet) pick(random func() uint64) *host {
	var h *host
	switch len(s.hosts) {
	case 0:
		return nil
	case 1:
		h = s.hosts[0]
	default:
		var other *host
		if s.ends == nil {
			h, other = s.twoEven(random())
		} else {
			h, other = s.drawWeighted(random()), s.drawWeighted(random())
		}
		if other.active.Load()*int64(h.weight) < h.active.Load()*int64(other.weight) {
			h = other
		}
	}
	h.active.Add(1)
	return h
}

// twoEven draws two hosts of equal weight from the halves of one number.
func (s *hostSet) twoEven(r uint64) (*host, *host) {
	n := uint64(len(s.hosts))
	return s.hosts[(r>>32)*n>>32], s.hosts[(r&0xffffffff)*n>>32]
}

func (s *hostSet) drawWeighted(r uint64) *host {
	at, _ := bits.Mul64(r, s.ends[len(s.ends)-1])
	i, found := slices.BinarySearch(s.ends, at)
	if found {
		i++
	}
	return s.hosts[i]
}
