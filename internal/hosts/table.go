// Package hosts compares the host names of servers and VirtualServices, and
// checks and cuts the Host header of a request. The main type is Table, which
// finds the virtual host of a request.
package hosts

import (
	"slices"
	"strings"
)

// A Table finds the virtual host for a Host header: the exact name, then the
// wildcard with the longest suffix, then "*". There is no second choice: if the
// chosen virtual host has no route for the request, the answer is 404 (Envoy's
// RouteMatcher::findVirtualHost).
type Table[T any] struct {
	exact map[string]T
	// suffixes maps the text after the * of a wildcard, which matches at least
	// one character. lengths are the lengths of its keys, longest first.
	suffixes map[string]T
	lengths  []int
	any      T
	hasAny   bool
}

// Add adds a domain, in lower case, to the table. A domain that is already there
// keeps its value.
func (t *Table[T]) Add(domain string, value T) {
	switch {
	case domain == "*":
		if !t.hasAny {
			t.any, t.hasAny = value, true
		}
	case strings.HasPrefix(domain, "*"):
		if t.suffixes == nil {
			t.suffixes = make(map[string]T)
		}
		suffix := domain[1:]
		if _, ok := t.suffixes[suffix]; !ok {
			t.suffixes[suffix] = value
			if i, found := slices.BinarySearchFunc(t.lengths, len(suffix), func(a, b int) int { return b - a }); !found {
				t.lengths = slices.Insert(t.lengths, i, len(suffix))
			}
		}
	default:
		if t.exact == nil {
			t.exact = make(map[string]T)
		}
		if _, ok := t.exact[domain]; !ok {
			t.exact[domain] = value
		}
	}
}

// Find returns the value for a Host header. It ignores the port and letter case.
func (t *Table[T]) Find(authority string) (T, bool) {
	if len(t.exact) == 0 && len(t.lengths) == 0 {
		return t.any, t.hasAny
	}
	return t.FindName(strings.ToLower(WithoutPort(authority)))
}

// FindName is like Find, for a name in lower case without port.
func (t *Table[T]) FindName(name string) (T, bool) {
	if len(t.exact) > 0 {
		if v, ok := t.exact[name]; ok {
			return v, true
		}
	}
	for _, n := range t.lengths {
		if n < len(name) {
			if v, ok := t.suffixes[name[len(name)-n:]]; ok {
				return v, true
			}
		}
	}
	return t.any, t.hasAny
}
