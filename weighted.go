package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// Split returns a middleware that spreads requests over backends by weight.
// A destination without Host is the handler that the middleware wraps; the
// others are found in backends as by Builder.Backend: under "host", "host:port",
// "host/subset" or "host:port/subset", the most particular name first, or "*".
// A destination's Headers are applied to what it gets and to its responses. The
// error joins an *Error for each problem.
func Split(s []spec.Destination, backends map[string]http.Handler) (func(http.Handler) http.Handler, error) {
	o := caller("Middleware", "", "")
	var f findings
	at := f.at(o)
	var registered []backend
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		n, err := parseBackendName(name)
		switch {
		case err != nil:
			at.errorf("%v", err)
		case backends[name] == nil:
			at.errorf("backend %q: the handler is nil", name)
		default:
			registered = append(registered, backend{name: n, handler: backends[name]})
		}
	}
	known := newBackendIndex(registered, defaultNamespace)
	named := slices.Clone(s)
	found := make([]http.Handler, len(s))
	for i := range named {
		d := &named[i]
		if d.Host == "" {
			d.Host = wrappedHost
			continue
		}
		to := known.find(d.Host, d.Host, d.Port, d.Subset)
		if to == nil {
			to = known.byName[backendName{host: "*"}]
		}
		if to == nil {
			at.field("route").index(i).field("host").errorf("no backend is registered for %q", d.Host)
			continue
		}
		found[i] = to.handler
	}
	f.addError(checkRoute((&spec.Route{Destinations: named, Origin: o})))
	if len(s) == 0 {
		at.field("route").errorf("there is no destination")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return aloneSplit(s, found, next) }, nil
}

// A splitProgram is a Split, compiled.
type splitProgram struct {
	destinations []destination
	// total is the sum of the weights, 0 for a single destination.
	total uint64
}

// A destination is a Destination with what stands behind it.
type destination struct {
	host, subset string
	weight       uint32
	port         uint16
	// remote says that backend is outside of this process, and declared that it is a
	// Service.
	remote, declared bool
	// direct says that backend is an upstream which keeps nothing of a request
	// without a body once it has returned: net/http's client may.
	direct bool
	// writes says which of the edge's headers operations may write.
	writes edgeWrites
	// adds is how many headers the destination may get beside the client's.
	adds int
	// computes says that operations have values which look at the request.
	computes bool
	// upTo is the sum of the weights up to and including this one's.
	upTo uint64
	// backend is nil if nothing stands behind the name.
	backend http.Handler
	// request and response are the levels of header operations, in order.
	request, response [2]*headerProgram
	// authority replaces the Host header, if not empty.
	authority string
	// budget limits repetitions; nil for a backend in this process.
	budget *repeatBudget
	// policy is what DestinationRules say, nil if it is the default.
	policy *destinationPolicy
}

// cluster returns Istio's name of the cluster behind the destination.
func (d *destination) cluster() string {
	return fmt.Sprintf("outbound|%d|%s|%s", d.port, d.subset, d.host)
}

func (p *splitProgram) add(d destination) { p.destinations = append(p.destinations, d) }

// settle drops destinations that get no requests and sums the weights.
func (p *splitProgram) settle() {
	if len(p.destinations) == 1 {
		return
	}
	kept := p.destinations[:0]
	for _, d := range p.destinations {
		if d.weight > 0 {
			p.total += uint64(d.weight)
			d.upTo = p.total
			kept = append(kept, d)
		}
	}
	p.destinations = kept
}

// pick draws a destination: one random number, modulo the sum of the weights.
func (p *splitProgram) pick(random func() uint64) *destination {
	if len(p.destinations) == 1 {
		return &p.destinations[0]
	}
	drawn := random() % p.total
	for i := range p.destinations {
		if drawn < p.destinations[i].upTo {
			return &p.destinations[i]
		}
	}
	return &p.destinations[len(p.destinations)-1]
}
