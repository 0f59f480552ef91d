package match

import (
	"maps"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A Clause is one alternative of a route's Match, compiled: the unit that a
// virtual host tries in order.
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

// IsCatchAll reports whether the clause takes every request, in the sense in
// which Istio stops reading and moves routes to the end: the prefix "/" or the
// regex ".*", and no other condition. The prefix "" takes every request too
// and is none.
func (c *Clause) IsCatchAll() bool {
	if len(c.Conditions) > 0 {
		return false
	}
	return c.URI.Kind == spec.MatchPrefix && c.URI.Text == "/" || c.URI.Kind == spec.MatchRegex && c.URI.Text == ".*"
}

// sortedNames returns the names that conditions go by, in order, so that what is
// compiled does not depend on the map's.
func sortedNames(conditions map[string]spec.StringMatch) []string {
	if len(conditions) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(conditions))
}
