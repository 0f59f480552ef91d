package program

import (
	"net/http"
	"strconv"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/observe"
)

// Reach connects a destination with an upstream.
func (d *Destination) Reach(r *Remote) {
	d.Backend, d.Budget, d.Remote, d.direct = r.Upstream, r.Budget, true, r.Direct
}

// A Split is the compiled destinations of a spec.Route.
type Split struct {
	Destinations []Destination
	// Total is the sum of the weights, or 0 for a single destination.
	Total uint64
}

// A Destination is a spec.Destination with its backend.
type Destination struct {
	Host, Subset string
	Weight       uint32
	Port         uint16
	// Number is the position in the declared route.
	Number int16
	// Remote means that Backend is outside this process, and Declared that it
	// is a Service.
	Remote, Declared bool
	// direct means that Backend is an upstream that keeps no reference to a
	// request without a body after it returns. net/http's client may keep one.
	direct bool
	// Writes is the set of the edge's headers that operations may write.
	Writes edgeWrites
	// Adds is how many headers the destination may get in addition to the
	// client's.
	Adds int
	// Computes means that operations have values that read the request.
	Computes bool
	// upTo is the sum of the weights up to and including this destination's.
	upTo uint64
	// Backend is nil if the name has no backend, and Missing says why.
	Backend http.Handler
	Missing string
	// Request and Response are the levels of header operations, in order.
	Request, Response [2]*header.Operations
	// Authority replaces the Host header, if not empty.
	Authority string
	// Budget limits repetitions; nil for a backend in this process.
	Budget *forward.Budget
	// Observed is the destination as observers get it.
	Observed *observe.Destination
	// Policy is declared by DestinationRules. It is nil if it is the default.
	Policy *traffic.Policy
}

// Cluster returns Istio's name of the cluster behind the destination.
func (d *Destination) Cluster() string {
	return "outbound|" + strconv.Itoa(int(d.Port)) + "|" + d.Subset + "|" + d.Host
}

func (p *Split) Add(d Destination) { p.Destinations = append(p.Destinations, d) }

// Settle drops destinations that get no requests and sums the weights.
func (p *Split) Settle() {
	if len(p.Destinations) == 1 {
		return
	}
	kept := p.Destinations[:0]
	for _, d := range p.Destinations {
		if d.Weight > 0 {
			p.Total += uint64(d.Weight)
			d.upTo = p.Total
			kept = append(kept, d)
		}
	}
	p.Destinations = kept
}

// Pick draws a destination: one random number, modulo the sum of the weights.
func (p *Split) Pick(random func() uint64) *Destination {
	if len(p.Destinations) == 1 {
		return &p.Destinations[0]
	}
	drawn := random() % p.Total
	for i := range p.Destinations {
		if drawn < p.Destinations[i].upTo {
			return &p.Destinations[i]
		}
	}
	return &p.Destinations[len(p.Destinations)-1]
}
