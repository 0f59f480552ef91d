package limit

import (
	"iter"

	"github.com/lateengo/gateway/internal/match"
)

// Sources are the values of a request that the limits compare, or count by. One can come
// more than once.
func (s *Set) Sources() iter.Seq[*match.Source] {
	return func(yield func(*match.Source) bool) {
		for _, l := range s.limits {
			for i := range l.When {
				if !yield(l.When[i].Source()) {
					return
				}
			}
			for i := range l.Headers {
				if l.Spec.Per[i].Header != "" && !yield(&l.Headers[i]) {
					return
				}
			}
			if l.Local != nil && !l.Local.Actions.sources(yield) || l.Global != nil && !l.Global.Actions.sources(yield) {
				return
			}
		}
	}
}

// sources yields the sources of the actions. It returns false if yield did.
func (a *Actions) sources(yield func(*match.Source) bool) bool {
	for i := range a.list {
		if a.list[i].Name != "" && !yield(&a.list[i].source) {
			return false
		}
		for j := range a.list[i].conditions {
			if !yield(&a.list[i].conditions[j].source) {
				return false
			}
		}
	}
	return true
}
