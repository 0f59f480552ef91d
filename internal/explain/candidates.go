package explain

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
)

// These bound the cost of an explanation, whatever the number of routes.
const (
	// described is how many candidates are described.
	described = 50
	// scanned is how many clauses of a virtual host are looked at beside those that
	// its index finds.
	scanned = 1000
	// spelled is how many paths are looked at for one that is spelled like the request's,
	// and compared is how many of these are compared in full.
	spelled, compared = 10_000, 64
	// alike is how many clauses are described that the index leaves out for a value
	// of the request, and not for its path.
	alike = 10
	// later is how many clauses are described that would take the request as well.
	later = 3
)

// candidates describes the routes that were tried, and those that would have come next.
func (x *explainer) candidates() {
	clauses := x.host.Clauses
	x.Routes = len(clauses)
	if !x.hasPath() {
		return
	}
	taken := len(clauses)
	if x.clause != nil {
		taken = int(x.clause.Position)
	}
	tried := x.host.List.Tried(&x.view)
	if at, _ := slices.BinarySearch(tried, int32(taken)); at < len(tried) {
		tried = tried[:at]
	}
	x.tried = len(tried)
	positions := x.withAlike(tried, taken)
	positions = x.mostRelevant(positions)
	for _, at := range positions {
		c := x.describe(&clauses[at], inspect.CandidateFailed)
		c.Failed = x.failure(&clauses[at])
		x.Candidates = append(x.Candidates, c)
	}
	if x.clause == nil {
		return
	}
	x.Candidates = append(x.Candidates, x.describe(x.clause, inspect.CandidateTaken))
	found := 0
	for at := taken + 1; at < min(len(clauses), taken+1+scanned) && found < later; at++ {
		if clauses[at].Matches(&x.view) {
			x.Candidates = append(x.Candidates, x.describe(&clauses[at], inspect.CandidateLater))
			found++
		}
	}
}

// hasPath reports whether the request has a path that routes are compared with: CONNECT and
// OPTIONS * have none.
func (x *explainer) hasPath() bool {
	return x.request.Method != http.MethodConnect && strings.HasPrefix(x.view.Path, "/")
}

// withAlike adds some of the clauses before a position whose path holds, and that the index
// leaves out for another value.
func (x *explainer) withAlike(tried []int32, before int) []int32 {
	if len(tried) == before {
		return tried
	}
	var more []int32
	for at := 0; at < min(before, scanned) && len(more) < alike; at++ {
		if _, found := slices.BinarySearch(tried, int32(at)); !found && x.host.Clauses[at].URI.Holds(x.view.Path) {
			more = append(more, int32(at))
		}
	}
	if len(more) == 0 {
		return tried
	}
	all := append(more, tried...)
	slices.Sort(all)
	return all
}

// mostRelevant returns at most as many positions as are described: first those whose path
// holds.
func (x *explainer) mostRelevant(positions []int32) []int32 {
	if len(positions) <= described {
		return positions
	}
	x.Untold = len(positions) - described
	var kept, others []int32
	for _, at := range positions {
		if x.host.Clauses[at].URI.Holds(x.view.Path) {
			kept = append(kept, at)
		} else if len(others) < described {
			others = append(others, at)
		}
	}
	kept = append(kept, others...)[:described]
	slices.Sort(kept)
	return kept
}

func (x *explainer) describe(c *program.Clause, result inspect.CandidateResult) inspect.Candidate {
	out := inspect.Candidate{
		Index: int(c.Position), Name: c.Name, VirtualService: c.Route.Service, Place: c.Route.Place(),
		Conditions: c.DescribedConditions(), Result: result,
	}
	if m := c.Route.Declared.Merged; m != nil {
		out.Delegate = m.Delegate
	}
	return out
}

// failure returns the first condition of a clause that does not hold.
func (x *explainer) failure(c *program.Clause) *inspect.Failure {
	first, failed := firstFailure(c.Clause, &x.view)
	if failed == 0 {
		return nil
	}
	f := &inspect.Failure{Condition: c.DescribedConditions()[first], Had: x.view.Path, Present: true, Only: failed == 1}
	if first > 0 {
		f.Had, f.Present = x.view.Value(c.Conditions[first-1].Source())
	}
	return f
}

// firstFailure returns the number of the first condition that does not hold, 0 for that of
// the path, and how many do not hold.
func firstFailure(c *match.Clause, v *match.View) (first, failed int) {
	first = -1
	if !c.URI.Holds(v.Path) {
		first, failed = 0, 1
	}
	for i := range c.Conditions {
		if !c.Conditions[i].Holds(v) {
			if failed++; first < 0 {
				first = i + 1
			}
		}
	}
	return first, failed
}
