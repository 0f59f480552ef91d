package validate

import (
	"slices"
	"strings"
)

// A hostSet is a set of host patterns. It finds patterns that overlap, that is,
// have a name in common (Istio's host.Name.Matches). Letter case matters.
type hostSet struct {
	// byPattern maps the patterns; lengths are those of the wildcards' suffixes.
	byPattern map[string]int
	lengths   []int
	// reversed are the reversed patterns in order, so that patterns with the same
	// ending are adjacent. It is stale while sorted is false.
	reversed []string
	sorted   bool
}

// add adds a pattern to the set, with a number that identifies it. The first of
// equal patterns stays.
func (h *hostSet) add(pattern string, number int) {
	if h.byPattern == nil {
		h.byPattern = make(map[string]int)
	}
	if _, ok := h.byPattern[pattern]; ok {
		return
	}
	h.byPattern[pattern] = number
	h.reversed = append(h.reversed, reverse(pattern))
	h.sorted = false
	if strings.HasPrefix(pattern, "*") && !slices.Contains(h.lengths, len(pattern)-1) {
		h.lengths = append(h.lengths, len(pattern)-1)
	}
}

// overlapping returns the number of a pattern in the set that overlaps with host.
func (h *hostSet) overlapping(host string) (int, bool) {
	if len(h.byPattern) == 0 {
		return 0, false
	}
	if n, ok := h.byPattern[host]; ok {
		return n, true
	}
	name := strings.TrimPrefix(host, "*")
	for _, length := range h.lengths {
		if length <= len(name) {
			if n, ok := h.byPattern["*"+name[len(name)-length:]]; ok {
				return n, true
			}
		}
	}
	if name == host {
		return 0, false
	}
	if !h.sorted {
		slices.Sort(h.reversed)
		h.sorted = true
	}
	ending := reverse(name)
	i, _ := slices.BinarySearch(h.reversed, ending)
	if i < len(h.reversed) && strings.HasPrefix(h.reversed[i], ending) {
		return h.byPattern[reverse(h.reversed[i])], true
	}
	return 0, false
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
