// Package radix finds all keys of a fixed set that are prefixes of a string.
package radix

import (
	"math/bits"
	"slices"
	"strings"
)

// A Tree maps keys to small numbers. It is immutable and safe for concurrent
// use. The zero Tree is empty.
type Tree struct {
	nodes []node
	// text holds the labels, firsts the first bytes of the children of nodes
	// with many.
	text, firsts string
}

// A node is a byte range that keys share. Children are sorted by first byte and
// stand next to each other in memory. Two nodes are one cache line: what a walk
// costs is the lines that it touches.
type node struct {
	// label is where in the tree's text the label begins, and its length.
	label, length uint32
	// value is the number of the key that ends here, or -1.
	value int32
	// children is the place of the first child; count is how many there are.
	children uint32
	count    uint16
	// few holds the first byte of each child's label, lowest byte first, if
	// they fit. Otherwise few[0] is where in firsts they are.
	few [2]uint64
}

// inline is how many first bytes a node holds.
const inline = 16

// Build returns the tree of keys, which must be distinct. keys[i] has number i.
func Build(keys []string) *Tree {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	b := builder{keys: keys}
	if len(keys) > 0 {
		b.nodes = append(b.nodes, node{value: -1})
		b.fill(0, order, 0)
	}
	return &Tree{nodes: slices.Clip(b.nodes), text: b.text.String(), firsts: b.firsts.String()}
}

type builder struct {
	keys         []string
	nodes        []node
	text, firsts strings.Builder
}

// fill makes the node at, which ends at depth, the tree of the keys in order, all
// of which share their first depth bytes.
func (b *builder) fill(at int, order []int32, depth int) {
	if len(order) > 0 && len(b.keys[order[0]]) == depth {
		b.nodes[at].value = order[0]
		order = order[1:]
	}
	if len(order) == 0 {
		return
	}
	type group struct {
		order []int32
		depth int
	}
	var groups []group
	var first []byte
	children := len(b.nodes)
	for len(order) > 0 {
		head := b.keys[order[0]]
		end := 1
		for end < len(order) && b.keys[order[end]][depth] == head[depth] {
			end++
		}
		// Sorted, so what the first and the last share, all share.
		shared := len(sharedPrefix(head[depth:], b.keys[order[end-1]][depth:]))
		b.nodes = append(b.nodes, node{label: uint32(b.text.Len()), length: uint32(shared), value: -1})
		b.text.WriteString(head[depth : depth+shared])
		groups = append(groups, group{order[:end], depth + shared})
		first = append(first, head[depth])
		order = order[end:]
	}
	n := &b.nodes[at]
	n.children, n.count = uint32(children), uint16(len(first))
	if len(first) > inline {
		n.few[0] = uint64(b.firsts.Len())
		b.firsts.Write(first)
	} else {
		for i, c := range first {
			n.few[i/8] |= uint64(c) << (i % 8 * 8)
		}
	}
	for i, g := range groups {
		b.fill(children+i, g.order, g.depth)
	}
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
	tree *Tree
	next *node
	rest S
}

// Walk begins a walk along s.
func (t *Tree) Walk(s string) Walk[string] { return Walk[string]{t, t.root(), s} }

// WalkBytes is Walk for bytes, which must not change during the walk.
func (t *Tree) WalkBytes(s []byte) Walk[[]byte] { return Walk[[]byte]{t, t.root(), s} }

func (t *Tree) root() *node {
	if len(t.nodes) == 0 {
		return nil
	}
	return &t.nodes[0]
}

// Next returns the next number, or false at the end.
func (w *Walk[S]) Next() (int32, bool) {
	t, rest := w.tree, w.rest
	for n := w.next; n != nil; {
		found := n.value
		n = child(t, n, rest)
		if n != nil {
			rest = rest[n.length:]
		}
		if found >= 0 {
			w.next, w.rest = n, rest
			return found, true
		}
	}
	w.next = nil
	return 0, false
}

// child returns the child of n whose label s begins with.
func child[S string | []byte](t *Tree, n *node, s S) *node {
	if len(s) == 0 || n.count == 0 {
		return nil
	}
	var at int
	if n.count <= inline {
		// Without a branch for each byte: which child it is cannot be predicted.
		wanted := uint64(s[0]) * low
		at = zeroByte(n.few[0] ^ wanted)
		if at == 8 {
			at += zeroByte(n.few[1] ^ wanted)
		}
		if at >= int(n.count) {
			return nil
		}
	} else {
		begin := uint32(n.few[0])
		if at = strings.IndexByte(t.firsts[begin:begin+uint32(n.count)], s[0]); at < 0 {
			return nil
		}
	}
	child := &t.nodes[int(n.children)+at]
	if child.length > 1 && (len(s) < int(child.length) || string(s[1:child.length]) != t.text[child.label+1:child.label+child.length]) {
		return nil
	}
	return child
}

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// zeroByte returns the place of the lowest byte of w that is zero, or 8.
func zeroByte(w uint64) int {
	return bits.TrailingZeros64((w-low)&^w&high) / 8
}
