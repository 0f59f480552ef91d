// Package radix finds the longest of a fixed set of keys with which a string
// begins.
package radix

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// A Tree maps keys to small numbers. It is immutable and safe for concurrent
// use. The zero Tree is empty.
type Tree struct {
	// table finds keys that end at a slash or at the end of the string. It is
	// searched first, and usually knows all keys.
	table table
	// nodes holds all keys, unless the table knows them all. text holds the
	// labels. firsts holds the first bytes of children, for nodes with many
	// children.
	nodes        []node
	text, firsts string
	// resume[i] is the node of key i if the table, after it found the key, may
	// have missed a longer one. Otherwise it is -1.
	resume []int32
}

// A node is a byte range that keys share. Children are sorted by first byte and
// adjacent in memory. Two nodes fit in one cache line: the cost of a walk is
// the number of lines that it reads.
type node struct {
	// label is the index of the label in the tree's text, and length is its
	// length.
	label, length uint32
	// value is the number of the key that ends here, or -1.
	value int32
	// children is the index of the first child; count is the number of
	// children.
	children uint32
	count    uint16
	// few holds the first byte of each child's label, lowest byte first, if
	// they fit. Otherwise few[0] is their index in firsts.
	few [2]uint64
}

// inline is how many first bytes a node holds.
const inline = 16

// Build returns the tree of keys, which must be distinct and must not change.
// keys[i] has number i, and parents[i] is the number of the longest other key
// with which it begins, or -1.
func Build(keys []string) (t *Tree, parents []int32) {
	if len(keys) == 0 {
		return new(Tree), nil
	}
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	t = &Tree{table: newTable(keys)}
	parents = parentsOf(keys, order)
	if !slices.ContainsFunc(keys, func(k string) bool { return !t.table.knows(k) }) {
		return t, parents
	}
	b := builder{keys: keys, nodes: []node{{value: -1}}, places: make([]int32, len(keys))}
	b.fill(0, order, 0)
	t.nodes, t.text, t.firsts = slices.Clip(b.nodes), b.text.String(), b.firsts.String()
	t.resume = b.places
	for i, hides := range t.table.hiding(parents) {
		if !hides {
			t.resume[i] = -1
		}
	}
	return t, parents
}

// parentsOf finds the parents. In sorted order, the keys with which a key
// begins come before it.
func parentsOf(keys []string, order []int32) []int32 {
	out := make([]int32, len(keys))
	above := int32(-1)
	for _, at := range order {
		for above >= 0 && !strings.HasPrefix(keys[at], keys[above]) {
			above = out[above]
		}
		out[at] = above
		above = at
	}
	return out
}

type builder struct {
	keys  []string
	nodes []node
	// places are the nodes of the keys.
	places       []int32
	text, firsts strings.Builder
}

// fill builds the tree of the keys in order at the node at, which ends at
// depth. All of these keys share their first depth bytes.
func (b *builder) fill(at int, order []int32, depth int) {
	if len(order) > 0 && len(b.keys[order[0]]) == depth {
		b.nodes[at].value, b.places[order[0]] = order[0], int32(at)
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
		// The keys are sorted, so all of them share what the first and the last
		// share.
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

// Longest returns the number of the longest key with which s begins, or -1. The
// shorter keys are its parent, the parent of that, and so on.
func (t *Tree) Longest(s string) int32 { return longest(t, s) }

// LongestBytes is Longest for bytes.
func (t *Tree) LongestBytes(s []byte) int32 { return longest(t, s) }

// longest searches the table at each cut, last first. If the table does not
// know all keys, it searches the nodes for a longer one.
func longest[S string | []byte](t *Tree, s S) int32 {
	last := uint64(len(t.table.groups) - 1)
	for _, c := range t.table.cuts {
		size, h := before(s, c)
		if size < 0 {
			continue
		}
		for at := h >> (t.table.shift & 63); ; at++ {
			g := &t.table.groups[at&last]
			for same := word.Equal(g.tags, tagOf(h)); same != 0; same &= same - 1 {
				number := g.numbers[word.First(same)&7]
				if t.table.keys[number] != string(s[:size]) {
					continue
				}
				if len(t.nodes) == 0 || t.resume[number] < 0 {
					return number
				}
				return walk(t, t.resume[number], s[size:], number)
			}
			if word.Equal(g.tags, 0) != 0 {
				break
			}
		}
	}
	if len(t.nodes) == 0 {
		return t.table.empty - 1
	}
	return walk(t, 0, s, t.table.empty-1)
}

// walk returns the number of the longest key that leads from a node along s, or
// found if there is none.
func walk[S string | []byte](t *Tree, from int32, s S, found int32) int32 {
	for n := &t.nodes[from]; ; {
		if n = child(t, n, s); n == nil {
			return found
		}
		s = s[n.length:]
		if n.value >= 0 {
			found = n.value
		}
	}
}

// child returns the child of n with whose label s begins.
func child[S string | []byte](t *Tree, n *node, s S) *node {
	if len(s) == 0 || n.count == 0 {
		return nil
	}
	var at int
	if n.count <= inline {
		// No branch for each byte, because the right child cannot be predicted.
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

// zeroByte returns the index of the lowest byte of w that is zero, or 8.
func zeroByte(w uint64) int {
	return bits.TrailingZeros64((w-low)&^w&high) / 8
}
