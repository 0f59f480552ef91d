package region

import (
	"unicode/utf8"

	"github.com/lateengo/gateway/spec"
)

// An automaton reads a text rune by rune and tells whether a comparison holds for it.
// States are numbers; the first one is start.
type automaton interface {
	start() int32
	step(state int32, r rune) int32
	// accepts reports whether the comparison holds for the text so far.
	accepts(state int32) bool
	// settled reports whether the comparison holds for every text that begins like the
	// text so far, or for none.
	settled(state int32) (holds, ok bool)
	// cuts appends the runes at which some step changes.
	cuts(to []rune) []rune
}

// A trie is an automaton for texts that are one of some values or begin with one of some
// prefixes.
type trie struct {
	nodes []trieNode
	// fold means that ASCII letter case does not count.
	fold bool
}

type trieNode struct {
	children map[rune]int32
	exact    bool
	prefix   bool
}

// The states of a trie besides its nodes.
const (
	trieNone int32 = -1
	trieAll  int32 = -2
)

func newTrie(fold bool) *trie { return &trie{nodes: make([]trieNode, 1), fold: fold} }

// add adds an exact value or a prefix.
func (t *trie) add(c *comparison) {
	at := int32(0)
	for _, r := range c.text {
		if t.fold {
			r = lowerRune(r)
		}
		next, ok := t.nodes[at].children[r]
		if !ok {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, trieNode{})
			if t.nodes[at].children == nil {
				t.nodes[at].children = make(map[rune]int32, 1)
			}
			t.nodes[at].children[r] = next
		}
		at = next
	}
	if c.kind == spec.MatchExact {
		t.nodes[at].exact = true
	} else {
		t.nodes[at].prefix = true
	}
}

func (t *trie) start() int32 { return t.enter(0) }

func (t *trie) enter(node int32) int32 {
	if t.nodes[node].prefix {
		return trieAll
	}
	return node
}

func (t *trie) step(state int32, r rune) int32 {
	if state < 0 {
		return state
	}
	if t.fold {
		r = lowerRune(r)
	}
	if next, ok := t.nodes[state].children[r]; ok {
		return t.enter(next)
	}
	return trieNone
}

func (t *trie) accepts(state int32) bool {
	return state == trieAll || state >= 0 && t.nodes[state].exact
}

func (t *trie) settled(state int32) (holds, ok bool) { return state == trieAll, state < 0 }

func (t *trie) cuts(to []rune) []rune {
	for i := range t.nodes {
		for r := range t.nodes[i].children {
			to = append(to, r, r+1)
			if t.fold && 'a' <= r && r <= 'z' {
				to = append(to, r-'a'+'A', r-'a'+'A'+1)
			}
		}
	}
	return to
}

// isPlainText reports whether a text is a sequence of runes in one way only.
func isPlainText(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError {
			return false
		}
	}
	return true
}
