package gatewaytest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/question"
)

// mostReasons bounds the lines that explain a failure.
const mostReasons = 3

// why explains the differences of a case: why the expected route did not get the request,
// or what is close to a request without a route.
func (t *Tester) why(c *Case, q *question.Question, d *gateway.Decision) (lines []string) {
	e := &c.Expect
	var wanted func(*inspect.Candidate) bool
	switch {
	case e.Route != "" && (d.Route == nil || d.Route.Name != e.Route):
		wanted = func(r *inspect.Candidate) bool { return r.Name == e.Route }
	case d.Route == nil && d.Kind == gateway.DecisionNotFound && e.Kind != gateway.DecisionNotFound,
		e.Destination != "" || e.Destinations != nil:
		wanted = t.leadsTo(e, d)
	default:
		return nil
	}
	x := q.Explain(t.gateway)
	for i := range x.Candidates {
		candidate := &x.Candidates[i]
		if !wanted(candidate) || len(lines) == mostReasons {
			continue
		}
		switch candidate.Result {
		case inspect.CandidateFailed:
			if f := candidate.Failed; f != nil {
				lines = append(lines, reason(candidate, "lacks "+f.String(), f.Condition.Place))
			}
		case inspect.CandidateLater:
			lines = append(lines, reason(candidate, "comes later", candidate.Place))
		}
	}
	if len(lines) > 0 {
		return lines
	}
	for i := range x.Hints[:min(len(x.Hints), mostReasons)] {
		h := &x.Hints[i]
		lines = append(lines, withPlace(h.Text, h.Place))
	}
	if e.Route != "" && len(lines) == 0 && !t.hasRoute(e.Route) {
		lines = append(lines, fmt.Sprintf("there is no route %q", e.Route))
	}
	return lines
}

func reason(candidate *inspect.Candidate, what string, at inspect.Place) string {
	return withPlace(candidate.Label()+" "+what, at)
}

func withPlace(text string, at inspect.Place) string {
	if place := at.String(); place != "" {
		text += " (" + place + ")"
	}
	return text
}

// leadsTo returns which candidates have an expected destination that the decision's route
// does not have.
func (t *Tester) leadsTo(e *Expect, d *gateway.Decision) func(*inspect.Candidate) bool {
	names := slices.Collect(maps.Keys(e.Destinations))
	if e.Destination != "" {
		names = append(names, e.Destination)
	}
	leads := map[int]bool{}
	table := t.gateway.Routes()
	for id, r := range table.All() {
		if id.Listener != d.Listener || id.RouteConfig != d.RouteConfig || id.VirtualHost != d.VirtualHost {
			continue
		}
		var parts []part
		for i := range r.Destinations {
			to := &r.Destinations[i]
			parts = append(parts, part{to.Cluster, to.Host, to.Subset, to.Port, 100 * float64(to.Weight) / float64(to.Total)})
		}
		by, rest := shares(names, parts)
		leads[id.Index] = len(by) == len(names) && len(names) > 0 && len(rest) == 0
	}
	return func(c *inspect.Candidate) bool { return leads[c.Index] }
}

// hasRoute reports whether some route has a name.
func (t *Tester) hasRoute(name string) bool {
	table := t.gateway.Routes()
	for _, r := range table.All() {
		if r.Name == name {
			return true
		}
	}
	return false
}
