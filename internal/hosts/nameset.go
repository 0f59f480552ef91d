package hosts

import (
	"slices"
	"strings"
)

// A NameSet finds names that a host pattern covers. The zero value is empty.
type NameSet struct {
	byName map[string]int
	// reversed are the names read backwards, in order unless stale, so that all
	// with one ending are neighbors.
	reversed []string
	stale    bool
}

// Add adds a name with a number to find it by. The first of equal names stays.
func (n *NameSet) Add(name string, number int) {
	if n.byName == nil {
		n.byName = make(map[string]int)
	}
	if _, ok := n.byName[name]; !ok {
		n.byName[name] = number
		n.reversed = append(n.reversed, reverse(name))
		n.stale = true
	}
}

// Within returns the number of a name that pattern covers, which is a name or a
// wildcard such as "*.example.com".
func (n *NameSet) Within(pattern string) (int, bool) {
	if number, ok := n.byName[pattern]; ok {
		return number, true
	}
	ending, wildcard := strings.CutPrefix(pattern, "*")
	if !wildcard {
		return 0, false
	}
	if n.stale {
		slices.Sort(n.reversed)
		n.stale = false
	}
	ending = reverse(ending)
	i, _ := slices.BinarySearch(n.reversed, ending)
	if i < len(n.reversed) && strings.HasPrefix(n.reversed[i], ending) {
		return n.byName[reverse(n.reversed[i])], true
	}
	return 0, false
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
