package descriptor

import (
	"strings"

	"github.com/lateengo/gateway/ratelimit"
)

// A Tree has the limits of some domains. It is immutable, and safe for concurrent
// use. The zero Tree has no limits.
type Tree struct {
	domains map[string]*level
}

// A level has the descriptors for one entry.
//
// Envoy's service joins the key and the value of an entry with "_" before it looks
// for it. So the entry ("a", "b_c") finds the descriptor ("a_b", "c") too.
type level struct {
	// pairs has each descriptor under each pair that is the same when joined, so
	// that a lookup need not join.
	pairs map[ratelimit.Entry]*node
	// names has each descriptor under its joined name. A key alone finds it.
	names map[string]*node
	// patterns are those with an asterisk, in their order.
	patterns []*node
}

// A node is one descriptor.
type node struct {
	pattern pattern
	match   Match
	below   *level
}

// A Match is the result of a lookup.
type Match struct {
	// Limit is nil if there is no limit. It must not be changed.
	Limit *Limit
	// Shared is nil, or has an element for each entry: a value to count with
	// instead of the entry's own, or "". It must not be changed.
	Shared []string
}

// NewTree returns the tree of some domains, or what is wrong with them.
func NewTree(domains []Domain) (*Tree, []Problem) {
	t := &Tree{domains: make(map[string]*level, len(domains))}
	b := builder{}
	for i, d := range domains {
		b.path = append(b.path[:0], i)
		switch {
		case d.Name == "":
			b.report(FieldDomain, "the domain is empty")
		case t.domains[d.Name] != nil:
			b.report(FieldDomain, "there is already a domain with this name")
		}
		t.domains[d.Name] = b.level(d.Descriptors, nil)
	}
	return t, b.problems
}

// Match returns the limit for the entries of a descriptor. It must be the limit of
// a configured descriptor with as many entries.
//
// For each entry, the descriptor with exactly this value is first, then the first
// pattern that matches, then the one without a value. There is no way back from a
// choice: if the chosen descriptor has nothing for the next entry, there is no
// limit.
//
// A lookup takes one or two map accesses for each entry, and a comparison for each
// pattern beside it. It does not allocate, unless a key has an asterisk.
func (t *Tree) Match(domain string, entries []ratelimit.Entry) Match {
	l := t.domains[domain]
	var n *node
	for i := range entries {
		if l == nil {
			return Match{}
		}
		if n = l.find(entries[i]); n == nil {
			return Match{}
		}
		l = n.below
	}
	if n == nil {
		return Match{}
	}
	return n.match
}

// Has reports whether there is such a domain.
func (t *Tree) Has(domain string) bool { return t.domains[domain] != nil }

func (l *level) find(e ratelimit.Entry) *node {
	if n := l.pairs[e]; n != nil {
		return n
	}
	for _, n := range l.patterns {
		if n.pattern.matches(e.Key, e.Value) {
			return n
		}
	}
	return l.names[e.Key]
}

func join(key, value string) string { return key + "_" + value }

// add adds a descriptor, and returns its node, or nil if the name is taken.
func (l *level) add(key, value string) *node {
	name := key
	if value != "" {
		name = join(key, value)
	}
	if l.names[name] != nil {
		return nil
	}
	n := &node{pattern: newPattern(name)}
	l.names[name] = n
	for i := range len(name) {
		if name[i] == '_' {
			l.pairs[ratelimit.Entry{Key: name[:i], Value: name[i+1:]}] = n
		}
	}
	if n.pattern != nil {
		l.patterns = append(l.patterns, n)
	}
	return n
}

// sharedValue is what a shared descriptor counts with.
func sharedValue(d *Descriptor) string {
	if d.Value == "" {
		return d.Key
	}
	return d.Value
}

func hasAsterisk(d *Descriptor) bool {
	return strings.Contains(d.Key, "*") || strings.Contains(d.Value, "*")
}
