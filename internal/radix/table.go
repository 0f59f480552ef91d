package radix

import (
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// A table finds keys at the cuts of a string: before each slash, after it, and
// at the end. Tables of paths usually have keys at one or two cuts, so a search
// needs as many hashes. A walk needs a branch and a cache line for each part
// that keys share. A table cannot find keys that end within a segment of the
// string.
type table struct {
	keys   []string
	groups []group
	// shift reduces a hash to the number of a group.
	shift uint8
	// empty is the number of the key "" plus one, or zero. It is in no group.
	empty int32
	// cuts are the cuts with keys, last first.
	cuts []cut
}

// A group holds at most eight keys. When a group is full, the next group takes
// the key.
type group struct {
	// tags has one byte of each key's hash. All bytes are compared together, so
	// that no branch depends on how many keys come first. 0 is no key.
	tags    uint64
	numbers [word.Size]int32
}

// tagOf returns a hash's byte in a group.
func tagOf(h uint64) byte { return byte(h) | 1 }

// mostCuts is the maximum number of cuts in a table: a search for a missing key
// tries each of them.
const mostCuts = 8

func newTable(keys []string) table {
	size := uint64(2)
	for size*word.Size < 2*uint64(len(keys)) {
		size *= 2
	}
	t := table{
		keys: keys, groups: make([]group, size), shift: uint8(64 - bits.TrailingZeros64(size)),
		cuts: commonCuts(keys),
	}
	for i, k := range keys {
		c := cutOf(k)
		if k == "" {
			t.empty = int32(i) + 1
		} else if slices.Contains(t.cuts, c) {
			_, h := before(k, c)
			t.add(int32(i), h)
		}
	}
	return t
}

func (t *table) add(number int32, h uint64) {
	for at := h >> t.shift; ; at++ {
		g := &t.groups[at%uint64(len(t.groups))]
		if free := word.Equal(g.tags, 0); free != 0 {
			place := word.First(free)
			g.tags |= uint64(tagOf(h)) << (8 * place)
			g.numbers[place] = number
			return
		}
	}
}

// commonCuts returns the places where most keys end, last first.
func commonCuts(keys []string) []cut {
	counts := map[cut]int{}
	for _, k := range keys {
		if k != "" {
			counts[cutOf(k)]++
		}
	}
	cuts := slices.SortedFunc(maps.Keys(counts), cut.compare)
	slices.SortStableFunc(cuts, func(c, d cut) int { return counts[d] - counts[c] })
	cuts = slices.Clone(cuts[:min(len(cuts), mostCuts)])
	slices.SortFunc(cuts, cut.compare)
	return cuts
}

// knows reports whether key is found in all strings that begin with it.
func (t *table) knows(key string) bool {
	return key == "" || strings.HasSuffix(key, "/") && slices.Contains(t.cuts, cutOf(key))
}

// hiding reports for each key whether a string in which it is found may begin
// with a longer key that is not found.
func (t *table) hiding(parents []int32) []bool {
	out := make([]bool, len(t.keys))
	for i, k := range t.keys {
		if t.knows(k) {
			continue
		}
		// A marked key was seen with the same following bytes, and so were the
		// keys above it.
		for above := parents[i]; above >= 0 && !out[above]; above = parents[above] {
			a := t.keys[above]
			out[above] = t.knows(a) || k[len(a)] == '/'
		}
	}
	return out
}
