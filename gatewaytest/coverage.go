package gatewaytest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/question"
)

// A Coverage is which parts of a gateway's routes cases have met. A part is
//
//   - a match of a route: it is met if a case is routed by it;
//   - a condition of a match: it is met if a case fails it, and no other condition of the
//     match, so that a later route, or none, gets the request. Without such a case the
//     condition could be left out, and all requests would still have the same routes;
//   - a share of a split: it is met if a case that is routed there expects something of
//     that destination.
//
// A route in several virtual hosts has its parts once.
type Coverage struct {
	// Routes are all matches of routes, in the order of the gateway.
	Routes []RouteCoverage `json:"routes"`
	// by finds the parts of a route of the gateway.
	by map[inspect.RouteID]int
	// regexes are those that have been needed.
	regexes map[string]*regexp.Regexp
}

// A RouteCoverage is what cases have met of a match of a route.
type RouteCoverage struct {
	// Name and VirtualService are as in inspect.Route, and Match is its conditions as
	// text.
	Name           string `json:"name,omitempty"`
	VirtualService string `json:"virtualService"`
	Match          string `json:"match"`
	// Place is where the match was declared, "file:line:col", or "".
	Place string `json:"place,omitempty"`
	// Cases is how many cases are routed by the match.
	Cases int `json:"cases"`
	// Conditions are those that can fail.
	Conditions []ConditionCoverage `json:"conditions,omitempty"`
	// Shares are the destinations of a split. A single destination is not listed.
	Shares []ShareCoverage `json:"shares,omitempty"`

	key string
	// declared are the conditions, those that cannot fail too.
	declared []inspect.Condition
}

// A ConditionCoverage is about how many cases a condition decides.
type ConditionCoverage struct {
	// Condition is the condition as text, and Place where it was declared. Failed is how
	// many cases fail it, and no other condition of the match.
	Condition string `json:"condition"`
	Place     string `json:"place,omitempty"`
	Failed    int    `json:"failed"`
}

// A ShareCoverage is how many cases have expected something of a share of a split.
type ShareCoverage struct {
	// Destination is "host:port/subset", and Percent its share.
	Destination string  `json:"destination"`
	Percent     float64 `json:"percent"`
	Cases       int     `json:"cases"`

	cluster string
}

// A Count is how many of some parts are met.
type Count struct{ Met, Total int }

// Share returns the share that is met, 1 if there is nothing to meet.
func (c Count) Share() float64 {
	if c.Total == 0 {
		return 1
	}
	return float64(c.Met) / float64(c.Total)
}

func (c *Count) add(met bool) {
	c.Total++
	if met {
		c.Met++
	}
}

// newCoverage returns the coverage of a gateway by no case.
func newCoverage(gw *gateway.Gateway) *Coverage {
	c := &Coverage{by: map[inspect.RouteID]int{}, regexes: map[string]*regexp.Regexp{}}
	table := gw.Routes()
	unreachable := map[inspect.RouteID]bool{}
	for id := range redirected(&table) {
		unreachable[id] = true
	}
	keys := map[string]int{}
	for id, r := range table.All() {
		if unreachable[id] {
			continue
		}
		of := newRouteCoverage(r)
		at, known := keys[of.key]
		if !known {
			at = len(c.Routes)
			keys[of.key] = at
			c.Routes = append(c.Routes, of)
		}
		c.by[id] = at
	}
	return c
}

// redirected returns the routes that no request reaches, as plain text gets a redirect.
func redirected(t *inspect.Table) map[inspect.RouteID]bool {
	out := map[inspect.RouteID]bool{}
	for _, l := range t.Listeners {
		for _, c := range l.RouteConfigs {
			for _, h := range c.VirtualHosts {
				for i := range h.Routes {
					if h.RedirectsToHTTPS {
						out[inspect.RouteID{Listener: l.Name, RouteConfig: c.Name, VirtualHost: h.Domain, Index: h.Routes[i].Index}] = true
					}
				}
			}
		}
	}
	return out
}

func newRouteCoverage(r *inspect.Route) RouteCoverage {
	of := RouteCoverage{Name: r.Name, VirtualService: r.VirtualService, Place: r.Place.String()}
	var words []string
	for i := range r.Conditions {
		condition := &r.Conditions[i]
		words = append(words, condition.Text)
		at := condition.Place.String()
		if i == 0 && at != "" {
			of.Place = at
		}
		if !condition.Implied {
			of.Conditions = append(of.Conditions, ConditionCoverage{Condition: condition.Text, Place: at})
		}
	}
	of.Match = strings.Join(words, ", ")
	if len(r.Destinations) > 1 {
		for i := range r.Destinations {
			to := &r.Destinations[i]
			of.Shares = append(of.Shares, ShareCoverage{
				Destination: shortCluster(to.Host, to.Port, to.Subset), Percent: 100 * float64(to.Weight) / float64(to.Total), cluster: to.Cluster,
			})
		}
	}
	of.declared = r.Conditions
	of.key = strings.Join([]string{r.VirtualService, r.Delegate, r.Name, r.Place.String(), of.Place, of.Match}, "\x00")
	return of
}

// clone returns a copy.
func (c *Coverage) clone() *Coverage {
	out := &Coverage{Routes: slices.Clone(c.Routes), by: maps.Clone(c.by)}
	for i := range out.Routes {
		out.Routes[i].Conditions = slices.Clone(out.Routes[i].Conditions)
		out.Routes[i].Shares = slices.Clone(out.Routes[i].Shares)
	}
	return out
}

// idOf returns the identity of the decision's route.
func idOf(d *gateway.Decision) inspect.RouteID {
	return inspect.RouteID{Listener: d.Listener, RouteConfig: d.RouteConfig, VirtualHost: d.VirtualHost, Index: d.Route.Index}
}

// note takes down what a case has met.
func (c *Coverage) note(gw *gateway.Gateway, q *question.Question, d *gateway.Decision, named func(*gateway.DecidedDestination) bool) {
	c.noteFailed(gw, q, d)
	if d.Route == nil {
		return
	}
	at, ok := c.by[idOf(d)]
	if !ok {
		return
	}
	r := &c.Routes[at]
	r.Cases++
	for i := range d.Destinations {
		to := &d.Destinations[i]
		for j := range r.Shares {
			if r.Shares[j].cluster == to.Cluster && named(to) {
				r.Shares[j].Cases++
			}
		}
	}
}

// noteFailed takes down which conditions decide about a request: each is the only one that
// keeps a match before the request's route from it.
func (c *Coverage) noteFailed(gw *gateway.Gateway, q *question.Question, d *gateway.Decision) {
	if d.VirtualHost == "" {
		return
	}
	x := q.Explain(gw)
	id := inspect.RouteID{Listener: d.Listener, RouteConfig: d.RouteConfig, VirtualHost: d.VirtualHost}
	described := map[int]*inspect.Candidate{}
	for i := range x.Candidates {
		described[x.Candidates[i].Index] = &x.Candidates[i]
	}
	last := x.Routes
	if d.Route != nil {
		last = d.Route.Index
	}
	others := conditions{request: q.Request(), path: d.Path, regexes: c.regexes}
	for id.Index = 0; id.Index < last; id.Index++ {
		at, ok := c.by[id]
		if !ok {
			continue
		}
		r := &c.Routes[at]
		if candidate := described[id.Index]; candidate != nil {
			if f := candidate.Failed; f != nil && f.Only {
				r.noteFailed(f.Condition.Text)
			}
		} else if failed := others.onlyFailure(r.declared); failed != nil {
			r.noteFailed(failed.Text)
		}
	}
}

// noteFailed takes down that a condition has decided.
func (r *RouteCoverage) noteFailed(condition string) {
	for i := range r.Conditions {
		if r.Conditions[i].Condition == condition {
			r.Conditions[i].Failed++
		}
	}
}

// names reports whether a case expects something of a destination.
func (c *Case) names(to *gateway.DecidedDestination, d *gateway.Decision) bool {
	e := &c.Expect
	if check, ok := c.foreign.(*routerCheck); ok {
		return check.drawn(d) == to
	}
	if v, ok := c.foreign.(*validatorExpectation); ok {
		return v.has["route"] && v.wantMatch
	}
	names := slices.Collect(maps.Keys(e.Destinations))
	names = slices.AppendSeq(names, maps.Keys(e.Upstreams))
	if e.Destination != "" {
		names = append(names, e.Destination)
	}
	p := part{to.Cluster, to.Host, to.Subset, to.Port, 0}
	_, covered := coveringName(names, &p)
	return covered || !e.Upstream.isZero() || !e.Response.isZero()
}

// Count returns how many routes, conditions and shares are met.
func (c *Coverage) Count() (routes, conditions, shares Count) {
	for i := range c.Routes {
		r := &c.Routes[i]
		routes.add(r.Cases > 0)
		for j := range r.Conditions {
			conditions.add(r.Conditions[j].Failed > 0)
		}
		for j := range r.Shares {
			shares.add(r.Shares[j].Cases > 0)
		}
	}
	return routes, conditions, shares
}

// Share returns the share of all parts that is met, from 0 to 1. It is 1 if there is none.
func (c *Coverage) Share() float64 {
	routes, conditions, shares := c.Count()
	return Count{routes.Met + conditions.Met + shares.Met, routes.Total + conditions.Total + shares.Total}.Share()
}

// String returns the coverage as text: a line of counts, and a line for each part that no
// case has met, with its place. Conditions and shares of a route that no case is routed by
// have no lines.
func (c *Coverage) String() string {
	routes, conditions, shares := c.Count()
	var b strings.Builder
	fmt.Fprintf(&b, "coverage %s: %s, %s, %s\n", percent(c.Share()), countText(routes, "route"), countText(conditions, "condition"), countText(shares, "share"))
	for i := range c.Routes {
		r := &c.Routes[i]
		if r.Cases == 0 {
			line(&b, r.Place, "no case is routed by %s: %s", r.title(), r.Match)
		}
		for j := range r.Conditions {
			if k := &r.Conditions[j]; k.Failed == 0 && r.Cases > 0 {
				at := k.Place
				if at == "" {
					at = r.Place
				}
				line(&b, at, "no case fails only the condition of %s: %s", r.title(), k.Condition)
			}
		}
		for j := range r.Shares {
			if s := &r.Shares[j]; s.Cases == 0 && r.Cases > 0 {
				line(&b, r.Place, "no case expects the share of %s: %s %s%%", r.title(), s.Destination, number(s.Percent))
			}
		}
	}
	return b.String()
}

// title names the route.
func (r *RouteCoverage) title() string {
	if r.Name != "" {
		return r.VirtualService + " " + r.Name
	}
	return r.VirtualService
}

func countText(c Count, what string) string {
	if c.Total != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d of %d %s", c.Met, c.Total, what)
}

func line(b *strings.Builder, at, format string, args ...any) {
	if at != "" {
		b.WriteString(at + ": ")
	}
	fmt.Fprintf(b, format+"\n", args...)
}
