package limit

import (
	"slices"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A Set has the limits of a route, in the order in which they are asked.
type Set struct {
	limits []*Limit
	// levels are the levels of the limits, or nil if all limits apply to every
	// request. The level -1 always applies.
	levels []int8
	// inheritance is that of each level, the most specific first.
	inheritance []spec.LimitInheritance
}

// A Level has the limits of the policies on one level.
type Level struct {
	Limits      []*Limit
	Inheritance spec.LimitInheritance
}

// always reports whether the level has something to count for every request.
func (l *Level) always() bool {
	return slices.ContainsFunc(l.Limits, func(l *Limit) bool {
		switch {
		case l.General != nil:
			return len(l.General.Unless) == 0
		case l.Local != nil || l.Global != nil:
			return false
		}
		return len(l.Spec.Per) == 0 && len(l.When) == 0 && l.URI == nil
	})
}

// NewSet returns the limits of a route: those that always apply, and those of levels, the
// most specific first. The function sort puts them in order. It also returns how many of
// the levels can apply.
func NewSet(always []*Limit, levels []Level, sort func([]*Limit)) (Set, int) {
	reached := 0
	for reached < len(levels) {
		l := &levels[reached]
		reached++
		if l.Inheritance == spec.InheritIgnore || l.Inheritance == spec.InheritOverride && l.always() {
			break
		}
	}
	levels = levels[:reached]
	level := map[*Limit]int8{}
	s := Set{limits: slices.Clone(always)}
	static := true
	for i, l := range levels {
		static = static && (i == 0 || levels[i-1].Inheritance == spec.InheritInclude)
		for _, l := range l.Limits {
			if _, twice := level[l]; !twice && !slices.Contains(always, l) {
				level[l] = int8(i)
				s.limits = append(s.limits, l)
			}
		}
		s.inheritance = append(s.inheritance, l.Inheritance)
	}
	sort(s.limits)
	if static {
		s.inheritance = nil
		return s, reached
	}
	for _, l := range s.limits {
		i, ok := level[l]
		if !ok {
			i = -1
		}
		s.levels = append(s.levels, i)
	}
	return s, reached
}

// All returns all limits. They must not be changed.
func (s *Set) All() []*Limit { return s.limits }

// Describe returns limit i of All as the printed program shows it.
func (s *Set) Describe(i int) string {
	text := s.limits[i].String()
	if s.levels == nil || s.levels[i] <= 0 {
		return text
	}
	for _, above := range s.inheritance[:s.levels[i]] {
		if above == spec.InheritOverride {
			return text + ", unless a more specific limit counts"
		}
	}
	return text
}

// CountsCluster reports whether a limit counts by the destination.
func (s *Set) CountsCluster() bool {
	return slices.ContainsFunc(s.limits, func(l *Limit) bool {
		return l.Local != nil && l.Local.Actions.Cluster || l.Global != nil && l.Global.Actions.Cluster
	})
}

// Applying returns the limits that apply to a request. They must not be changed.
func (s *Set) Applying(v *match.View) []*Limit {
	if s.levels == nil {
		return s.limits
	}
	var applies [16]bool
	for level, inheritance := range s.inheritance {
		applies[level] = s.counts(int8(level), v)
		if inheritance == spec.InheritIgnore || inheritance == spec.InheritOverride && applies[level] {
			break
		}
	}
	limits := make([]*Limit, 0, len(s.limits))
	for i, l := range s.limits {
		if s.levels[i] < 0 || applies[s.levels[i]] {
			limits = append(limits, l)
		}
	}
	return limits
}

// counts reports whether a limit of a level has something to count for a request.
func (s *Set) counts(level int8, v *match.View) bool {
	for i, l := range s.limits {
		if s.levels[i] == level && l.Counts(v) {
			return true
		}
	}
	return false
}
