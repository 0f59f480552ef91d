// Package shadow finds the parts of a program that can never act: routes and matches that
// earlier ones take all requests from, conditions that exclude each other, hosts and
// destinations that only such routes have. Of each it tells a request that a person would
// expect there. The function is Of.
//
// The program itself says which clause takes a request. So a clause costs as many questions
// as other clauses lie over it, however many there are.
package shadow

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// Of returns the shadows of a program, in the order of the sources.
func Of(p *program.Program) []inspect.Shadow {
	a := &analysis{program: p, subjects: map[key]*subject{}, hosts: map[servedHost]*hostUse{}, regexes: regex.Cache{}, always: map[*spec.Match]map[int]*always{}}
	for _, l := range p.Listeners {
		if l.Plain != nil {
			a.table(l.Plain, l.Plain == a.fallback())
		}
		for _, c := range l.Order {
			if c.Table != nil {
				a.table(c.Table, false)
			}
		}
	}
	a.notServed()
	a.report()
	return a.sorted()
}

// An analysis is the analysis of one program.
type analysis struct {
	program *program.Program
	solver  region.Solver
	regexes regex.Cache
	// subjects are the declared matches. order has them as they were met.
	subjects map[key]*subject
	order    []*subject
	// hosts are the hosts of VirtualServices that share a virtual host with others.
	hosts     map[servedHost]*hostUse
	hostOrder []*hostUse
	// services are the VirtualServices that were met, each with a place where it is
	// served.
	services []service
	// always are the conditions that held in all places so far.
	always map[*spec.Match]map[int]*always
	// places are the virtual hosts that were analyzed.
	places  []*place
	shadows []inspect.Shadow
}

// A key is a declared match of a declared route. match is nil if the route has none.
type key struct {
	route *spec.Route
	match *spec.Match
}

// A subject is a declared match, and what is known about it. It may be compiled into
// several clauses, in several virtual hosts. It is alive if one of them is.
type subject struct {
	key
	// clause is the first one.
	clause *program.Clause
	// delegates means that the route delegates to others, which the clauses are of.
	delegates bool
	alive     bool
	// undecided means that the analysis gave up in some place.
	undecided bool
	// death is why the first clause is dead, and partial a request that it does not get.
	death   *death
	partial *death
}

// A death is why a clause is dead in a virtual host, or one request that it does not get.
type death struct {
	// clause is the dead one.
	clause *match.Clause
	space  *region.Space
	// witness is nil if no request matches the clause.
	witness *region.Request
	// takers take all requests. The first one takes the witness.
	takers []*program.Clause
}

// A service is a VirtualService with a virtual host that has its routes.
type service struct {
	*spec.VirtualService
	in *place
	// last is a clause of the VirtualService.
	last *program.Clause
}

// A place is a virtual host of a table.
type place struct {
	table *program.RouteTable
	host  *program.VirtualHost
	space region.Space
}

// fallback returns the table that gets the requests of a TLS server around the gateway
// that is none of ours.
func (a *analysis) fallback() *program.RouteTable {
	for _, l := range a.program.Listeners {
		if l.Plain != nil {
			return l.Plain
		}
	}
	return nil
}

// table analyzes the virtual hosts of a table. both means that requests can come by http
// and by https.
func (a *analysis) table(t *program.RouteTable, both bool) {
	for _, h := range t.Order {
		in := &place{table: t, host: h}
		in.space = region.Space{
			Hosts: []region.Host{{Domain: h.Domain, Owner: t.Owner}},
			Port:  t.Port, Normalization: a.program.Normalization, Edge: &a.program.Edge, Strict: a.program.Strict != nil,
		}
		switch {
		case t.TLS:
			in.space.Schemes = []string{"https"}
		case both || a.program.Edge.Trusted > 0:
			in.space.Schemes = []string{"http", "https"}
		default:
			in.space.Schemes = []string{"http"}
		}
		if t.TLS && a.program.Edge.Trusted > 0 {
			in.space.Schemes = []string{"https", "http"}
		}
		if h.RedirectsToHTTPS() {
			// Nothing but https reaches a route.
			in.space.Schemes = slices.DeleteFunc(in.space.Schemes, func(s string) bool { return s == "http" })
			if len(in.space.Schemes) == 0 || a.program.Edge.Trusted > 0 {
				continue
			}
		}
		a.places = append(a.places, in)
		a.host(in)
	}
}

// everyPath is the URI of a match without one.
var everyPath = match.URI{Kind: spec.MatchPrefix, Text: "/"}

// root returns the VirtualService that a route is served for.
func root(r *program.Route) *spec.VirtualService {
	if m := r.Declared.Merged; m != nil {
		return m.Service
	}
	return r.Declared.Service
}

// host analyzes the clauses of a virtual host.
func (a *analysis) host(in *place) {
	clauses := in.host.Clauses
	shared := slices.ContainsFunc(clauses, func(c program.Clause) bool { return c.Route.Service != clauses[0].Route.Service })
	for i := range clauses {
		c := &clauses[i]
		if c.Route.Declared.Route == nil {
			continue
		}
		a.meet(root(c.Route), in, c)
		var use *hostUse
		if shared {
			use = a.hostUse(in, c)
		}
		subjects := a.subjectsOf(c)
		a.alwaysHold(in, c)
		known := !slices.ContainsFunc(subjects, func(s *subject) bool { return !s.alive })
		if known && (use == nil || use.alive) {
			continue
		}
		first, verdict := a.examine(in, c.Clause, c.Position)
		for _, s := range subjects {
			s.note(first, verdict)
		}
		if use != nil {
			use.note(first, verdict)
		}
	}
}

// meet notes where a VirtualService is served.
func (a *analysis) meet(vs *spec.VirtualService, in *place, c *program.Clause) {
	if n := len(a.services); n > 0 && a.services[n-1].VirtualService == vs {
		return
	}
	if !slices.ContainsFunc(a.services, func(s service) bool { return s.VirtualService == vs }) {
		a.services = append(a.services, service{vs, in, c})
	}
}

// subjectsOf returns the declared matches of a clause: that of the route, and that of the
// route that delegates to it.
func (a *analysis) subjectsOf(c *program.Clause) []*subject {
	d, at := &c.Route.Declared, int(c.Match)
	if d.Merged == nil {
		k := key{route: d.Route}
		if at < len(d.Route.Match) {
			k.match = &d.Route.Match[at]
		}
		return []*subject{a.subject(k, c)}
	}
	own, delegating := key{route: d.Merged.Own}, key{route: d.Merged.Root}
	if at < len(d.Merged.Matches) {
		sources := d.Merged.Matches[at]
		own.match = sources[len(sources)-1]
	}
	both := []*subject{a.subject(own, c), a.subject(delegating, c)}
	both[1].delegates = true
	return both
}

func (a *analysis) subject(k key, c *program.Clause) *subject {
	s := a.subjects[k]
	if s == nil {
		s = &subject{key: k, clause: c}
		a.subjects[k] = s
		a.order = append(a.order, s)
	}
	return s
}

// note notes what was found about a clause of the subject.
func (s *subject) note(first *death, v region.Verdict) {
	switch v {
	case region.Found:
		s.alive = true
		if s.partial == nil {
			s.partial = first
		}
	case region.GaveUp:
		s.undecided = true
	default:
		if s.death == nil {
			s.death = first
		}
	}
}

// examine looks for a request that the clause at a position of a virtual host gets; a
// clause that is not there has the position -1. The death is that of a dead clause. Of one
// that is alive it is the request that was expected first, if another clause takes that,
// or nil.
func (a *analysis) examine(in *place, c *match.Clause, position int32) (*death, region.Verdict) {
	d := &death{clause: c, space: &in.space}
	takers := map[*match.Clause]*program.Clause{}
	_, out, verdict := a.solver.Search(&in.space, []*match.Clause{c}, func(r *region.Request) (*match.Clause, bool) {
		var v match.View
		h, taker, o := a.program.Route(in.table, &v, r.HTTP())
		if h != in.host || o != program.OutcomeRoute {
			return nil, false
		}
		if taker.Position == position {
			return nil, true
		}
		if d.witness == nil {
			d.witness = r
		}
		takers[taker.Clause] = taker
		return taker.Clause, false
	})
	if verdict == region.None {
		out = a.needed(&in.space, c, out)
	}
	for _, o := range out {
		d.takers = append(d.takers, takers[o])
	}
	if verdict == region.Found && len(out) == 0 {
		d = nil
	}
	return d, verdict
}

// maxNeeded is how many takers are tried one by one.
const maxNeeded = 16

// needed returns the clauses that cover a clause together. The first one stays: it takes
// the witness.
func (a *analysis) needed(space *region.Space, c *match.Clause, out []*match.Clause) []*match.Clause {
	if len(out) > maxNeeded {
		return out
	}
	for i := 1; i < len(out); {
		without := slices.Delete(slices.Clone(out), i, i+1)
		if _, v := a.solver.Solve(space, []*match.Clause{c}, without); v == region.None {
			out = without
		} else {
			i++
		}
	}
	return out
}

// within reports whether a matches only requests that b matches. It returns true if that
// cannot be decided.
func (a *analysis) within(space *region.Space, inner, outer *match.Clause) bool {
	_, v := a.solver.Solve(space, []*match.Clause{inner}, []*match.Clause{outer})
	return v != region.Found
}

// sorted returns the shadows in the order of the sources.
func (a *analysis) sorted() []inspect.Shadow {
	type placed struct {
		inspect.Shadow
		at spec.Finding
	}
	all := make([]placed, len(a.shadows))
	for i, s := range a.shadows {
		all[i] = placed{s, s.Place.Finding()}
	}
	slices.SortStableFunc(all, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.at.File, y.at.File), cmp.Compare(x.at.Line, y.at.Line), cmp.Compare(x.at.Column, y.at.Column))
	})
	out := make([]inspect.Shadow, len(all))
	for i := range all {
		out[i] = all[i].Shadow
	}
	return out
}
