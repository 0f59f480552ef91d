package match

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Key returns the conditions as text. Clauses with the same key match the same
// requests.
func (c *Clause) Key() string {
	if len(c.Conditions) == 0 {
		return c.URI.key()
	}
	parts := make([]string, 0, 1+len(c.Conditions))
	for i := range c.Conditions {
		parts = append(parts, c.Conditions[i].key())
	}
	slices.Sort(parts)
	return strings.Join(append(slices.Compact(parts), c.URI.key()), " ")
}

func (u *URI) key() string {
	if u.IsAny() {
		return "any"
	}
	key := "path " + u.Kind.String() + strconv.Quote(u.Text)
	if u.ignoreCase {
		key += "i"
	}
	return key
}

// IsAny reports whether the condition holds for every path. All paths begin with a
// slash.
func (u *URI) IsAny() bool { return u.Kind == spec.MatchPrefix && (u.Text == "" || u.Text == "/") }

func (c *Condition) key() string {
	key := strconv.Itoa(int(c.source.kind)) + strconv.Quote(c.source.name) + c.Kind.String() + strconv.Quote(c.Text)
	if c.negate {
		key += "n"
	}
	return key
}

// Same reports whether two clauses have the same conditions in the same order, which
// is cheaper to know than whether their keys are the same.
func (c *Clause) Same(other *Clause) bool {
	if c.URI.Kind != other.URI.Kind || c.URI.Text != other.URI.Text || c.URI.ignoreCase != other.URI.ignoreCase {
		return false
	}
	return slices.EqualFunc(c.Conditions, other.Conditions, func(a, b Condition) bool {
		return a.source == b.source && a.negate == b.negate && a.Kind == b.Kind && a.Text == b.Text
	})
}

// Beginning returns a text with which every matching path begins. whole means that it
// is the only matching path.
func (u *URI) Beginning() (text string, whole bool) {
	switch {
	case u.ignoreCase:
		return "", false
	case u.Kind == spec.MatchRegex:
		return literalPrefix(u.Text), false
	}
	return u.Text, u.Kind == spec.MatchExact
}

// Excludes reports whether no request matches both clauses because they require
// different values of one source. It says nothing about their paths.
func (c *Clause) Excludes(other *Clause) bool {
	for i := range c.Conditions {
		a := &c.Conditions[i]
		if !a.isExact() {
			continue
		}
		if value, ok := exactValue(other, a.source); ok && value != a.Text {
			return true
		}
	}
	return false
}

// Required returns the sources of which the clause requires one value, with the values.
func (c *Clause) Required() iter.Seq2[Source, string] {
	return func(yield func(Source, string) bool) {
		for i := range c.Conditions {
			if r := &c.Conditions[i]; r.isExact() && !yield(r.source, r.Text) {
				return
			}
		}
	}
}

// ReadsAuthority reports whether a condition compares the Host header.
func (c *Clause) ReadsAuthority() bool {
	return slices.ContainsFunc(c.Conditions, func(r Condition) bool { return r.source.kind == PartAuthority })
}
