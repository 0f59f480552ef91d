package match

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

// A Condition compares one value of a request.
type Condition struct {
	source Source
	Comparison
	negate bool
}

// A Comparison is a compiled spec.StringMatch.
type Comparison struct {
	Kind  spec.MatchKind
	Text  string
	Regex *regexp.Regexp
}

// CompileComparison compiles a StringMatch.
func CompileComparison(m spec.StringMatch, regexes regex.Cache) (Comparison, error) {
	c := Comparison{Kind: m.Kind, Text: m.Value}
	if c.Kind == spec.MatchRegex {
		re, err := regexes.Compile(c.Text)
		if err != nil {
			return c, err
		}
		c.Regex = re
	}
	return c, nil
}

// Holds reports whether the condition holds for a request.
func (c *Condition) Holds(v *View) bool {
	value, present := v.Value(&c.source)
	if c.Kind == spec.MatchAny {
		return present != c.negate
	}
	// A missing value satisfies no comparison. Only a negated comparison treats
	// it as an empty value (Envoy's treat_missing_header_as_empty).
	if !present && !c.negate {
		return false
	}
	return c.Compares(value) != c.negate
}

// Compares reports whether a value satisfies the comparison.
func (c *Comparison) Compares(value string) bool {
	switch c.Kind {
	case spec.MatchExact:
		return value == c.Text
	case spec.MatchPrefix:
		return strings.HasPrefix(value, c.Text)
	default:
		return c.Regex.MatchString(value)
	}
}

// isExact reports whether an index may find the clause by the source's value.
func (c *Condition) isExact() bool { return c.Kind == spec.MatchExact && !c.negate }

// String returns the condition as text, such as: header x-user exact "7".
func (c *Condition) String() string {
	s := c.source.String()
	switch {
	case c.Kind == spec.MatchAny && c.negate:
		return s + " absent"
	case c.Kind == spec.MatchAny:
		return s + " present"
	case c.negate:
		s += " not"
	}
	return s + " " + c.Comparison.String()
}

// String returns the comparison as text, such as: exact "7".
func (c *Comparison) String() string { return c.Kind.String() + " " + strconv.Quote(c.Text) }

// Source returns the value of a request that the condition compares.
func (c *Condition) Source() *Source { return &c.source }

// Negated reports whether the comparison must not be true.
func (c *Condition) Negated() bool { return c.negate }
