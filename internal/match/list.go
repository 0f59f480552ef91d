// Package match finds the route of a request in a virtual host. The main types
// are View, the request as conditions see it; Clause, one compiled alternative
// of a route; and List, the clauses of a virtual host with their path index. It
// also normalizes paths. Package hosts finds the virtual host first.
package match

import (
	"math"
)

// A List is the clauses of a virtual host, in order.
type List struct {
	clauses []Clause
	index   *index // nil if a scan is as fast
}

// scanned is the number of clauses up to which a plain scan is not slower than a
// lookup by value.
const scanned = 8

// searched is the number of clauses that could be tried while the index looks for
// the path.
const searched = 4

// none is the position of no clause.
const none = math.MaxInt32

// NewList returns the list of some clauses, which it keeps.
func NewList(clauses []Clause) List {
	l := List{clauses: clauses}
	if len(clauses) <= scanned {
		return l
	}
	if x := newIndex(clauses); searched+x.tries() < len(clauses) {
		l.index = x
	}
	return l
}

// Find returns the position of the first clause that matches, or -1.
func (l *List) Find(v *View) int {
	if l.index != nil {
		if i := l.index.find(l.clauses, v); i != none {
			return int(i)
		}
		return -1
	}
	return l.Scan(v)
}

// Scan is like Find, without the index.
func (l *List) Scan(v *View) int {
	for i := range l.clauses {
		if l.clauses[i].Matches(v) {
			return i
		}
	}
	return -1
}
