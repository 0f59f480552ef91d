package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A naming is what the name of a resource is made of.
type naming struct {
	namespace, name string
	created         time.Time
	// base is what the resource is about. It becomes the name if there is none.
	base string
}

// namesOf returns the names of the resources of a kind: their own, and new ones for those
// that have none. New names leave the order of the resources, by age and name, as it is.
// kind is the name of a resource that is about nothing in particular.
func namesOf(kind string, of []naming) []string {
	names := make([]string, len(of))
	taken := map[[2]string]bool{}
	for _, n := range of {
		taken[[2]string{n.namespace, n.name}] = true
	}
	fill := func(base func(i int) string) {
		taken := maps.Clone(taken)
		for i, n := range of {
			names[i] = n.name
			if n.name != "" {
				continue
			}
			for k := 1; names[i] == "" || taken[[2]string{n.namespace, names[i]}]; k++ {
				names[i] = numbered(base(i), k)
			}
			taken[[2]string{n.namespace, names[i]}] = true
		}
	}
	base := func(i int) string { return cmp.Or(resourceName(of[i].base), kind) }
	fill(base)
	order := func(name func(i int) string) []int {
		order := make([]int, len(of))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(of[a].created.Compare(of[b].created), cmp.Compare(name(a), name(b)), cmp.Compare(of[a].namespace, of[b].namespace))
		})
		return order
	}
	if !slices.Equal(order(func(i int) string { return of[i].name }), order(func(i int) string { return names[i] })) {
		// No name of Kubernetes begins with less.
		fill(func(i int) string { return fmt.Sprintf("0-%04d-%s", i, base(i)) })
	}
	return names
}

// resourceName returns a text as the name of a resource: small letters, digits and
// hyphens.
func resourceName(s string) string {
	const longest = 50
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return '-'
	}, s)
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == '-' }), "-")
	return strings.Trim(s[:min(len(s), longest)], "-")
}

// numbered returns a name with a number from the second on.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}
