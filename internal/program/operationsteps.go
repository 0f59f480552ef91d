package program

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// An OperationResult is an operation on a header with what it writes for one request.
type OperationResult struct {
	inspect.HeaderOperation
	Result string
	Place  inspect.Place
}

// RequestOperations returns the operations on a request to a destination of c, in order,
// with what they write.
func (p *Program) RequestOperations(v *match.View, c *Clause, dest *Destination) []OperationResult {
	x := new(CopiedExchange)
	x.Begin(p, v, c)
	x.dest = dest
	client := p.Edge.Describe(x.in)
	x.Req.Header = x.header()
	x.edgeHeadersBefore(&client)
	places := c.Route.operationPlaces(dest, "request", func(h *spec.Headers) *spec.HeaderOperations { return &h.Request })
	var out []OperationResult
	for level, ops := range dest.Request {
		if ops == nil {
			continue
		}
		results := ops.Results(x.Req.Header, x.formatContext(ops))
		for i, op := range ops.Operations() {
			out = append(out, OperationResult{op, results[i], places.take(len(c.Route.Split.Destinations), level, op)})
		}
		ops.Apply(x.Req.Header, x.formatContext(ops), x.One)
	}
	return out
}

// ResponseOperations returns the operations on a response from a destination of c, in
// order. dest is nil for a redirect or a direct response.
func (c *Clause) ResponseOperations(dest *Destination) []OperationResult {
	of := func(h *spec.Headers) *spec.HeaderOperations { return &h.Response }
	places := c.Route.operationPlaces(dest, "response", of)
	levels := [2]*header.Operations{c.Route.Response}
	if dest != nil {
		levels = dest.Response
	}
	var out []OperationResult
	for level, ops := range levels {
		for _, op := range ops.Operations() {
			out = append(out, OperationResult{HeaderOperation: op, Place: places.take(len(c.Route.Split.Destinations), level, op)})
		}
	}
	return out
}

// A placedOperation is a declared operation.
type placedOperation struct {
	kind, key string
	// own means that the destination declares it, and not the route.
	own   bool
	place inspect.Place
}

type placedOperations []placedOperation

// operationPlaces returns the declared operations of a route and of one of its
// destinations, which may be nil.
func (rp *Route) operationPlaces(dest *Destination, side string, of func(*spec.Headers) *spec.HeaderOperations) placedOperations {
	d := &rp.Declared
	if d.Route == nil {
		return nil
	}
	var out placedOperations
	add := func(ops *spec.HeaderOperations, path string, own bool, has func(*spec.Route) bool) {
		path += "headers." + side + "."
		for i, name := range ops.Remove {
			out = append(out, placedOperation{"remove", http.CanonicalHeaderKey(name), own, d.Place(path+"remove["+strconv.Itoa(i)+"]", has)})
		}
		for kind, values := range map[string]map[string]string{"set": ops.Set, "add": ops.Add} {
			for _, name := range slices.Sorted(maps.Keys(values)) {
				out = append(out, placedOperation{kind, http.CanonicalHeaderKey(name), own, d.Place(path+kind+"["+name+"]", has)})
			}
		}
	}
	add(of(&d.Route.Headers), "", false, func(r *spec.Route) bool { return !r.Headers.IsZero() })
	if dest != nil && int(dest.Number) < len(d.Route.Destinations) {
		to := &d.Route.Destinations[dest.Number]
		add(of(&to.Headers), "route["+strconv.Itoa(int(dest.Number))+"].", true, func(r *spec.Route) bool { return len(r.Destinations) > 0 })
	}
	return out
}

// take returns the place of an operation, and removes it. With several destinations, level 0
// is that of the destination.
func (p placedOperations) take(destinations, level int, op inspect.HeaderOperation) inspect.Place {
	key := http.CanonicalHeaderKey(op.Name)
	for i := range p {
		of := &p[i]
		if of.kind == op.Kind && of.key == key && (destinations < 2 || of.own == (level == 0)) {
			of.kind = ""
			return of.place
		}
	}
	return inspect.Place{}
}
