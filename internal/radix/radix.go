// Package radix finds all keys of a fixed set that are prefixes of a string.
package radix

import (
	"slices"
	"strings"
)

// A Tree maps keys to small numbers. It is immutable and safe for concurrent
// use. The zero Tree is empty.
type Tree struct {
	top  node
	keys int
}

// A node is a byte range that keys share. Children are sorted by first byte and
// stand next to each other in memory.
type node struct {
	label string
	// value is the number of the key that ends here, or -1.
	value int32
	// first holds the first byte of each child's label.
	first    string
	children []node
}

// Build returns the tree of keys, which must be distinct. keys[i] has number i.
func Build(keys []string) *Tree {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	t := &Tree{top: node{value: -1}, keys: len(keys)}
	t.top.fill(keys, order, 0)
	return t
}

// fill makes n, which ends at depth, the tree of the keys in order, all of which
// share their first depth bytes.
func (n *node) fill(keys []string, order []int32, depth int) {
	if len(order) > 0 && len(keys[order[0]]) == depth {
		n.value = order[0]
		order = order[1:]
	}
	if len(order) == 0 {
		return
	}
	groups := 1
	for i := 1; i < len(order); i++ {
		if keys[order[i]][depth] != keys[order[i-1]][depth] {
			groups++
		}
	}
	n.children = make([]node, 0, groups)
	first := make([]byte, 0, groups)
	for len(order) > 0 {
		head := keys[order[0]]
		end := 1
		for end < len(order) && keys[order[end]][depth] == head[depth] {
			end++
		}
		// Sorted, so what the first and the last share, all share.
		shared := len(sharedPrefix(head[depth:], keys[order[end-1]][depth:]))
		n.children = append(n.children, node{label: head[depth : depth+shared], value: -1})
		n.children[len(n.children)-1].fill(keys, order[:end], depth+shared)
		first = append(first, head[depth])
		order = order[end:]
	}
	n.first = string(first)
}

func sharedPrefix(a, b string) string {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:n]
}

// A Walk yields the numbers of the keys that are prefixes of a string, shortest
// first.
type Walk[S string | []byte] struct {
	next *node
	rest S
}

// Walk begins a walk along s.
func (t *Tree) Walk(s string) Walk[string] { return Walk[string]{t.root(), s} }

// WalkBytes is Walk for bytes, which must not change during the walk.
func (t *Tree) WalkBytes(s []byte) Walk[[]byte] { return Walk[[]byte]{t.root(), s} }

func (t *Tree) root() *node {
	if t.keys == 0 {
		return nil
	}
	return &t.top
}

// Next returns the next number, or false at the end.
func (w *Walk[S]) Next() (int32, bool) {
	for n := w.next; n != nil; {
		found := n
		n = child(n, w.rest)
		if n != nil {
			w.rest = w.rest[len(n.label):]
		}
		w.next = n
		if found.value >= 0 {
			return found.value, true
		}
	}
	return 0, false
}

// child returns the child of n whose label s begins with.
func child[S string | []byte](n *node, s S) *node {
	if len(s) == 0 || len(n.first) == 0 {
		return nil
	}
	c := s[0]
	for i := 0; i < len(n.first); i++ {
		if n.first[i] == c {
			if child := &n.children[i]; len(s) >= len(child.label) && string(s[:len(child.label)]) == child.label {
				return child
			}
			return nil
		}
	}
	return nil
}
