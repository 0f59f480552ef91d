package shadow

import (
	"slices"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
)

// always is a condition that holds whenever the others of its match hold.
type always struct {
	clause *program.Clause
	holds  bool
}

// alwaysHold notes which conditions of a clause always hold in a virtual host. One that
// compares the scheme is not looked at: there it is often written for the reader.
func (a *analysis) alwaysHold(in *place, c *program.Clause) {
	d := &c.Route.Declared
	if d.Merged != nil || int(c.Match) >= len(d.Route.Match) {
		return
	}
	m := &d.Route.Match[c.Match]
	for i := range c.Conditions {
		if known := a.always[m][i]; known != nil && !known.holds || !mayAlwaysHold(c.Clause, i) {
			continue
		}
		rest := match.Clause{URI: c.URI, Conditions: slices.Delete(slices.Clone(c.Conditions), i, i+1)}
		alone := match.Clause{URI: everyPath, Conditions: c.Conditions[i : i+1]}
		_, v := a.solver.Solve(&in.space, []*match.Clause{&rest}, []*match.Clause{&alone})
		_, w := a.solver.Solve(&in.space, []*match.Clause{&rest}, nil)
		if a.always[m] == nil {
			a.always[m] = map[int]*always{}
		}
		a.always[m][i] = &always{c, v == region.None && w == region.Found}
	}
}

// mayAlwaysHold reports whether the rest of a clause can say something about a condition.
func mayAlwaysHold(c *match.Clause, at int) bool {
	s := c.Conditions[at].Source()
	switch s.Part() {
	case match.PartScheme, match.PartEdgeHeader:
		return false
	case match.PartTarget:
		return true
	}
	for i := range c.Conditions {
		if other := c.Conditions[i].Source(); i != at && (*other == *s || other.Part() == match.PartTarget) {
			return true
		}
	}
	return false
}
