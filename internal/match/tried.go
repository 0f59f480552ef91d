package match

import "slices"

// Tried returns the positions of the clauses among which Find looks for a request, in
// order: all of a list without an index, and otherwise those that the index finds for the
// request's path and values. Every clause that matches is one of them, unless one before
// it matches too. The cost grows with the number of these clauses.
func (l *List) Tried(v *View) []int32 {
	if l.index == nil {
		out := make([]int32, len(l.clauses))
		for i := range out {
			out[i] = int32(i)
		}
		return out
	}
	x := l.index
	var out []int32
	if b := x.exact[v.Path]; b != nil {
		out = b.tried(v, out)
	}
	if t := x.prefixes.tree; t != nil {
		for n := t.Longest(v.Path); n >= 0; n = x.prefixes.buckets[n].parent {
			out = x.prefixes.buckets[n].tried(v, out)
		}
	}
	if t := x.folded.tree; t != nil {
		lower := make([]byte, len(v.Path))
		for i := range lower {
			lower[i] = lowerASCII[v.Path[i]]
		}
		for n := t.LongestBytes(lower); n >= 0; n = x.folded.buckets[n].parent {
			out = x.folded.buckets[n].tried(v, out)
		}
	}
	slices.Sort(out)
	return out
}

// tried appends the clauses of the bucket that may match a request.
func (b *bucket) tried(v *View, out []int32) []int32 {
	switch {
	case b.choice == nil:
		return append(out, b.first)
	case b.choice.split == nil:
		return append(out, b.choice.list...)
	}
	if value, ok := v.Value(b.choice.split); ok {
		if chosen := b.choice.values[value]; chosen != nil {
			out = chosen.tried(v, out)
		}
	}
	if b.choice.rest != nil {
		out = b.choice.rest.tried(v, out)
	}
	return out
}
