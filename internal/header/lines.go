package header

import (
	"cmp"
	"slices"
	"strings"
)

// Lines returns the operations as text, one line each, such as "set x-user: 7".
// Operations with the same lines do the same. They may be nil.
func (p *Operations) Lines() []string {
	if p == nil {
		return nil
	}
	var out []string
	for _, key := range p.remove {
		out = append(out, "remove "+strings.ToLower(key))
	}
	slices.Sort(out)
	out = slices.Compact(out)
	byKey := func(a, b Value) int { return cmp.Compare(a.Key, b.Key) }
	set := slices.Clone(p.Set)
	slices.SortStableFunc(set, byKey)
	for i := range set {
		// Of several values for a header, the last one that is not empty stays. A
		// constant is not empty.
		if last := i + 1; last < len(set) && set[last].Key == set[i].Key && set[last].Format == nil {
			continue
		}
		out = append(out, "set "+strings.ToLower(set[i].Key)+": "+set[i].declared())
	}
	add := slices.Clone(p.Add)
	slices.SortStableFunc(add, byKey)
	for i := range add {
		out = append(out, "add "+strings.ToLower(add[i].Key)+": "+add[i].declared())
	}
	return out
}

// Commutes reports whether two levels of operations do the same in either order, and as
// one level: they have no header in common, and compute nothing. It may return false
// for such levels. Both may be nil.
func (p *Operations) Commutes(other *Operations) bool {
	if p == nil || other == nil {
		return true
	}
	if p.Dynamic || other.Dynamic {
		return false
	}
	keys := p.keys()
	return !slices.ContainsFunc(other.keys(), func(key string) bool { return slices.Contains(keys, key) })
}

// keys returns the headers that the operations change.
func (p *Operations) keys() []string {
	keys := slices.Clone(p.remove)
	for _, list := range [][]Value{p.Set, p.Add} {
		for i := range list {
			keys = append(keys, list[i].Key)
		}
	}
	return keys
}
