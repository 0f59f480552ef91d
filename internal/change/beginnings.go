package change

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/match"
)

// beginnings finds the steps of a list whose paths may be those of another step.
type beginnings struct {
	// sorted are the steps by the text that their paths begin with.
	sorted []beginning
}

type beginning struct {
	text string
	// whole means that the text is the only path.
	whole bool
	at    int
}

func newBeginnings(list []step) beginnings {
	var x beginnings
	for i := range list {
		text, whole := list[i].URI.Beginning()
		x.sorted = append(x.sorted, beginning{text, whole, i})
	}
	slices.SortFunc(x.sorted, func(a, b beginning) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.at, b.at)) })
	return x
}

// overlapping calls found with the positions of all steps that may have a path in common
// with u, and perhaps of some that do not.
func (x *beginnings) overlapping(u *match.URI, found func(at int)) {
	text, whole := u.Beginning()
	for n := 0; n < len(text); n++ {
		for i := x.first(text[:n]); i < len(x.sorted) && x.sorted[i].text == text[:n]; i++ {
			if !x.sorted[i].whole {
				found(x.sorted[i].at)
			}
		}
	}
	for i := x.first(text); i < len(x.sorted) && strings.HasPrefix(x.sorted[i].text, text); i++ {
		if whole && x.sorted[i].text != text {
			break
		}
		found(x.sorted[i].at)
	}
}

// first returns the index of the first entry that is not less than text.
func (x *beginnings) first(text string) int {
	i, _ := slices.BinarySearchFunc(x.sorted, text, func(b beginning, text string) int { return cmp.Compare(b.text, text) })
	return i
}
