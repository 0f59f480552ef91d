package match

import (
	"maps"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A Clause is one compiled alternative of a route's Match. A virtual host tries
// its clauses in order.
type Clause struct {
	URI        URI
	Conditions []Condition
}

// Matches reports whether all of the clause's conditions hold.
func (c *Clause) Matches(v *View) bool {
	return c.URI.Holds(v.Path) && c.restHolds(v)
}

func (c *Clause) restHolds(v *View) bool {
	for i := range c.Conditions {
		if !c.Conditions[i].Holds(v) {
			return false
		}
	}
	return true
}

// IsCatchAll reports whether the clause is a catch-all in Istio's sense, which
// moves routes to the end: the prefix "/" or the regex ".*", and no other
// condition. The prefix "" also matches every request but is not a catch-all.
func (c *Clause) IsCatchAll() bool {
	if len(c.Conditions) > 0 {
		return false
	}
	return c.URI.Kind == spec.MatchPrefix && c.URI.Text == "/" || c.URI.Kind == spec.MatchRegex && c.URI.Text == ".*"
}

// sortedNames returns the names of the conditions in sorted order, so that the
// compiled result does not depend on the order of the map.
func sortedNames(conditions map[string]spec.StringMatch) []string {
	if len(conditions) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(conditions))
}
