package change

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/match"
)

// An overlaps finds the steps of a list that may match a request that another step
// matches.
type overlaps struct {
	// sorted are the steps by the text that their paths begin with.
	sorted []beginning
	// source is a value that nearly all steps require. values has the steps by what they
	// require, and rest the few others. It is not used if values is nil.
	source match.Source
	values map[string][]beginning
	rest   []beginning
}

// A beginning is a step and the text that its paths begin with.
type beginning struct {
	text string
	// whole means that the text is the only path.
	whole bool
	at    int
}

func newOverlaps(list []step) overlaps {
	x := overlaps{sorted: make([]beginning, len(list))}
	counts := map[match.Source]int{}
	for i := range list {
		text, whole := list[i].URI.Beginning()
		x.sorted[i] = beginning{text, whole, i}
		for source := range list[i].Required() {
			counts[source]++
			if counts[source] > counts[x.source] {
				x.source = source
			}
		}
	}
	if n := counts[x.source]; n > 0 && len(list)-n <= 1+len(list)/100 {
		x.byValue(list)
	}
	slices.SortFunc(x.sorted, func(a, b beginning) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.at, b.at)) })
	return x
}

func (x *overlaps) byValue(list []step) {
	x.values = map[string][]beginning{}
	for i, b := range x.sorted {
		if value, ok := required(&list[i], x.source); ok {
			x.values[value] = append(x.values[value], b)
		} else {
			x.rest = append(x.rest, b)
		}
	}
}

// required returns the value that a step requires of a source.
func required(s *step, source match.Source) (string, bool) {
	for other, value := range s.Required() {
		if other == source {
			return value, true
		}
	}
	return "", false
}

// with calls found with the positions of all steps that may match a request that s
// matches, and perhaps of some that do not.
func (x *overlaps) with(s *step, found func(at int)) {
	text, whole := s.URI.Beginning()
	if x.values != nil {
		if value, ok := required(s, x.source); ok {
			for _, list := range [][]beginning{x.values[value], x.rest} {
				for _, b := range list {
					if b.overlaps(text, whole) {
						found(b.at)
					}
				}
			}
			return
		}
	}
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

// overlaps reports whether a path may begin with both texts.
func (b *beginning) overlaps(text string, whole bool) bool {
	if len(text) < len(b.text) {
		return !whole && strings.HasPrefix(b.text, text)
	}
	return (!b.whole || len(text) == len(b.text)) && strings.HasPrefix(text, b.text)
}

// first returns the index of the first entry that is not less than text.
func (x *overlaps) first(text string) int {
	i, _ := slices.BinarySearchFunc(x.sorted, text, func(b beginning, text string) int { return cmp.Compare(b.text, text) })
	return i
}
