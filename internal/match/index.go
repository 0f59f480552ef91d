package match

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/radix"
	"github.com/lateengo/gateway/spec"
)

// An index reduces the clauses of a virtual host to the few that fit the path
// and some exact values. It may include clauses that do not match, but never
// leaves out one that does: the result is always the same as for a scan in
// order. The cost grows with the number of clauses that differ only in
// conditions an index cannot use.
type index struct {
	exact    map[string]*bucket
	prefixes prefixIndex
	// folded are prefixes and exact paths that ignore letter case, in lower
	// case.
	folded prefixIndex
}

// A prefixIndex finds the buckets of all keys that are a prefix of a path. tree
// is nil if there are no keys.
type prefixIndex struct {
	tree    *radix.Tree
	buckets []bucket
}

// A bucket is a set of clauses that are tried in order.
type bucket struct {
	// first is the lowest position in the bucket.
	first int32
	// parent is the bucket of the next shorter key that is a prefix of this key,
	// or -1.
	parent int32
	// choice is nil if the clause at first matches every request that reaches the
	// bucket: its path was found, and so were all values that it requires.
	choice *choice
}

// A choice finds the clause of a bucket. list has all clauses, or the value of
// split selects them: values has the clauses that require a value, rest has all
// others.
type choice struct {
	list []int32
	// found means that the path of a request at this point is the one that each
	// clause requires.
	found  bool
	split  *Source
	values map[string]*bucket
	rest   *bucket
}

func newIndex(clauses []Clause) *index {
	var exact, prefixes, folded []keyed
	prefixes = make([]keyed, 0, len(clauses))
	for i := range clauses {
		u, at := &clauses[i].URI, int32(i)
		switch {
		case u.Kind == spec.MatchRegex:
			prefixes = append(prefixes, keyed{literalPrefix(u.Text), at})
		case u.ignoreCase:
			// The folded exact path is kept as a prefix: too many candidates do
			// no harm.
			key := strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, u.Text)
			folded = append(folded, keyed{key, at})
		case u.Kind == spec.MatchExact:
			exact = append(exact, keyed{u.Text, at})
		default:
			prefixes = append(prefixes, keyed{u.Text, at})
		}
	}
	x := &index{prefixes: newPrefixIndex(clauses, prefixes), folded: newPrefixIndex(clauses, folded)}
	if len(exact) > 0 {
		paths, lists := group(exact)
		x.exact = make(map[string]*bucket, len(paths))
		buckets := make([]bucket, len(paths))
		for i, path := range paths {
			buckets[i] = newBucket(clauses, lists[i], nil)
			x.exact[path] = &buckets[i]
		}
	}
	return x
}

// A keyed is the position of a clause, and the text under which it is found.
type keyed struct {
	key string
	at  int32
}

// group returns the keys in order, and the positions under each of them, in order.
func group(all []keyed) (keys []string, lists [][]int32) {
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.at, b.at)) })
	keys, lists = make([]string, 0, len(all)), make([][]int32, 0, len(all))
	positions := make([]int32, len(all))
	for i, begin := 0, 0; i < len(all); i++ {
		positions[i] = all[i].at
		if i == len(all)-1 || all[i+1].key != all[i].key {
			keys, lists = append(keys, all[i].key), append(lists, positions[begin:i+1:i+1])
			begin = i + 1
		}
	}
	return keys, lists
}

func newPrefixIndex(clauses []Clause, all []keyed) prefixIndex {
	if len(all) == 0 {
		return prefixIndex{}
	}
	keys, lists := group(all)
	tree, parents := radix.Build(keys)
	x := prefixIndex{tree, make([]bucket, len(keys))}
	for i := range keys {
		x.buckets[i] = newBucket(clauses, lists[i], nil)
		x.buckets[i].parent = parents[i]
	}
	return x
}

// tries returns the maximum number of clauses tried for a request, without those
// of shorter prefixes.
func (x *index) tries() int {
	most := 0
	for _, b := range x.exact {
		most = max(most, b.tries())
	}
	for _, buckets := range [][]bucket{x.prefixes.buckets, x.folded.buckets} {
		for i := range buckets {
			most = max(most, buckets[i].tries())
		}
	}
	return most
}

func (b *bucket) tries() int {
	if b == nil || b.choice == nil {
		return 0
	}
	chosen := 0
	for _, v := range b.choice.values {
		chosen = max(chosen, v.tries())
	}
	return len(b.choice.list) + chosen + b.choice.rest.tries()
}

// newBucket makes a bucket of the clauses in list, which is in order. The sources
// in used were already split.
func newBucket(clauses []Clause, list []int32, used []Source) bucket {
	b := bucket{first: list[0], parent: -1}
	if c := &clauses[list[0]]; c.URI.isKey() && c.isSplitBy(used) {
		return b // clauses after it are never reached
	}
	b.choice = &choice{list: list, found: !slices.ContainsFunc(list, func(at int32) bool { return !clauses[at].URI.isKey() })}
	if len(list) <= scanned {
		return b
	}
	s, ok := bestSplit(clauses, list, used)
	if !ok {
		return b
	}
	values := map[string][]int32{}
	var rest []int32
	for _, at := range list {
		if value, ok := exactValue(&clauses[at], s); ok {
			values[value] = append(values[value], at)
		} else {
			rest = append(rest, at)
		}
	}
	used = append(slices.Clip(used), s)
	b.choice.list, b.choice.split = nil, &s
	b.choice.values = make(map[string]*bucket, len(values))
	for value, l := range values {
		chosen := newBucket(clauses, l, used)
		b.choice.values[value] = &chosen
	}
	if len(rest) > 0 {
		others := newBucket(clauses, rest, used)
		b.choice.rest = &others
	}
	return b
}

// isSplitBy reports whether every request that reaches the clause's bucket has
// all values the clause requires: it has only exact conditions on sources that
// were split.
func (c *Clause) isSplitBy(used []Source) bool {
	for i := range c.Conditions {
		r := &c.Conditions[i]
		if value, ok := exactValue(c, r.source); !ok || value != r.Text || !r.isExact() || !slices.Contains(used, r.source) {
			return false
		}
	}
	return true
}

// bestSplit returns the source that leaves the fewest clauses to try: its largest
// group with one value, and all clauses without a value.
func bestSplit(clauses []Clause, list []int32, used []Source) (Source, bool) {
	type count struct{ all, largest int }
	counts := map[Source]*count{}
	values := map[Source]map[string]int{}
	var order []Source
	for _, at := range list {
		c := &clauses[at]
		for i := range c.Conditions {
			if !c.Conditions[i].isExact() {
				continue
			}
			s := c.Conditions[i].source
			if counts[s] == nil {
				counts[s], values[s] = new(count), map[string]int{}
				order = append(order, s)
			}
			counts[s].all++
			values[s][c.Conditions[i].Text]++
			counts[s].largest = max(counts[s].largest, values[s][c.Conditions[i].Text])
		}
	}
	var best Source
	fewest := len(list) - len(list)/4 // a split that saves less is not worth its lookup
	found := false
	for _, s := range order {
		if slices.Contains(used, s) {
			continue
		}
		if left := len(list) - counts[s].all + counts[s].largest; left <= fewest && (left < fewest || !found) {
			best, fewest, found = s, left, true
		}
	}
	return best, found
}

// exactValue returns the value that a clause requires of a source, if it requires
// exactly one.
func exactValue(c *Clause, s Source) (string, bool) {
	for i := range c.Conditions {
		if c.Conditions[i].isExact() && c.Conditions[i].source == s {
			return c.Conditions[i].Text, true
		}
	}
	return "", false
}

// literalPrefix returns a text with which every path begins that matches the
// expression.
func literalPrefix(expression string) string {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return ""
	}
	return leadingLiteral(re.Simplify())
}

func leadingLiteral(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return ""
		}
		return string(re.Rune)
	case syntax.OpCapture:
		return leadingLiteral(re.Sub[0])
	case syntax.OpConcat:
		var prefix strings.Builder
		for _, sub := range re.Sub {
			switch sub.Op {
			case syntax.OpBeginLine, syntax.OpBeginText:
				continue
			}
			prefix.WriteString(leadingLiteral(sub))
			if sub.Op != syntax.OpLiteral || sub.Flags&syntax.FoldCase != 0 {
				break
			}
		}
		return prefix.String()
	}
	return ""
}

// find returns the position of the first clause that matches, or none.
func (x *index) find(clauses []Clause, v *View) int32 {
	best := int32(none)
	if x.exact != nil {
		if b := x.exact[v.Path]; b != nil {
			best = b.find(clauses, v, best)
		}
	}
	if t := x.prefixes.tree; t != nil {
		best = x.prefixes.find(t.Longest(v.Path), clauses, v, best)
	}
	if x.folded.tree != nil {
		best = x.findFolded(clauses, v, best)
	}
	return best
}

// foldedPath is the longest path whose lower-case form needs no allocation.
const foldedPath = 256

func (x *index) findFolded(clauses []Clause, v *View, best int32) int32 {
	var buffer [foldedPath]byte
	lower := buffer[:0]
	if len(v.Path) > foldedPath {
		lower = make([]byte, 0, len(v.Path))
	}
	for i := 0; i < len(v.Path); i++ {
		lower = append(lower, lowerASCII[v.Path[i]])
	}
	return x.folded.find(x.folded.tree.LongestBytes(lower), clauses, v, best)
}

// find searches the bucket of the longest key and those of its parents.
func (x *prefixIndex) find(longest int32, clauses []Clause, v *View, best int32) int32 {
	for n := longest; n >= 0; n = x.buckets[n].parent {
		best = x.buckets[n].find(clauses, v, best)
	}
	return best
}

// find returns the lowest position of a clause in b that matches, or best if
// that is lower.
func (b *bucket) find(clauses []Clause, v *View, best int32) int32 {
	if b.choice == nil || b.first >= best {
		return min(b.first, best)
	}
	return b.choice.find(clauses, v, best)
}

func (c *choice) find(clauses []Clause, v *View, best int32) int32 {
	if c.split == nil {
		return c.scan(clauses, v, best)
	}
	if value, ok := v.Value(c.split); ok {
		if chosen := c.values[value]; chosen != nil {
			best = chosen.find(clauses, v, best)
		}
	}
	if c.rest != nil {
		best = c.rest.find(clauses, v, best)
	}
	return best
}

// scan tries the clauses in the list.
func (c *choice) scan(clauses []Clause, v *View, best int32) int32 {
	for _, at := range c.list {
		if at >= best {
			break
		}
		if clause := &clauses[at]; (c.found || clause.URI.Holds(v.Path)) && clause.restHolds(v) {
			return at
		}
	}
	return best
}
