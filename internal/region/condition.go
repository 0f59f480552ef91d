package region

import (
	"regexp"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A condition is a comparison with the value of one dimension, as a clause makes it.
type condition struct {
	dimension int
	comparison
	// negated is that of match.Condition.
	negated bool
}

// A comparison is a set of texts. The kind MatchAny is all texts.
type comparison struct {
	kind spec.MatchKind
	text string
	// fold means that ASCII letter case does not count.
	fold  bool
	regex *regexp.Regexp
}

// A value is a text, or absent.
type value struct {
	text    string
	present bool
}

// A bound is a set of values: the texts for which the comparison is want, and the absent
// value if absent.
type bound struct {
	comparison
	want, absent bool
}

// compares reports whether a text is in the set.
func (c *comparison) compares(text string) bool {
	switch c.kind {
	case spec.MatchAny:
		return true
	case spec.MatchRegex:
		return c.regex.MatchString(text)
	case spec.MatchExact:
		return text == c.text || c.fold && lowerASCII(text) == lowerASCII(c.text)
	}
	if len(text) < len(c.text) {
		return false
	}
	return text[:len(c.text)] == c.text || c.fold && lowerASCII(text[:len(c.text)]) == lowerASCII(c.text)
}

// lowerASCII returns text with its ASCII letters in lower case.
func lowerASCII(text string) string {
	return strings.Map(lowerRune, text)
}

func lowerRune(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// bound returns the values for which the condition holds, or those for which it does not.
// They are those of match.Condition.Holds: a missing value satisfies no comparison, and
// counts as an empty one if the comparison is negated.
func (c *condition) bound(holds bool) bound {
	if c.kind == spec.MatchAny {
		present := c.negated != holds
		return bound{comparison: c.comparison, want: present, absent: !present}
	}
	b := bound{comparison: c.comparison, want: c.negated != holds}
	if !c.negated {
		b.absent = !holds
	} else {
		b.absent = c.compares("") != holds
	}
	return b
}

func (b *bound) has(v value) bool {
	if !v.present {
		return b.absent
	}
	return b.compares(v.text) == b.want
}

// holds reports whether the condition holds for a value.
func (c *condition) holds(v value) bool {
	b := c.bound(true)
	return b.has(v)
}

// conditions returns the conditions of a clause that some requests of the space do not
// satisfy. It returns false if a condition holds for no request.
func (p *problem) conditions(c *match.Clause) ([]condition, bool) {
	out := make([]condition, 0, 1+len(c.Conditions))
	u := &c.URI
	if u.Kind != spec.MatchPrefix || u.Text != "" && u.Text != "/" {
		out = append(out, condition{
			dimension: p.dimension(match.PartTarget, ""), comparison: comparison{u.Kind, u.Text, u.IgnoresCase(), p.same(u.Regex())},
		})
	}
	for i := range c.Conditions {
		m := &c.Conditions[i]
		compared := condition{comparison: comparison{kind: m.Kind, text: m.Text, regex: p.same(m.Regex)}, negated: m.Negated()}
		if constant, v := p.space.constant(*m.Source()); constant {
			if !compared.holds(v) {
				return nil, false
			}
			continue
		}
		compared.dimension = p.dimensionOf(*m.Source())
		if p.dimensions[compared.dimension].required && m.Kind == spec.MatchAny {
			if m.Negated() {
				return nil, false
			}
			continue
		}
		out = append(out, compared)
	}
	return out, true
}

// constant returns the value of a source that is the same for all requests of the space.
func (s *Space) constant(source match.Source) (bool, value) {
	if source.Part() == match.PartHeader && s.edge().Drops(source.Name()) {
		return true, value{}
	}
	if source.Part() != match.PartEdgeHeader || s.edge().Open {
		return false, value{}
	}
	switch source.Name() {
	case edge.RequestIDHeader:
		return true, value{present: true}
	case edge.ForwardedProtoHeader, edge.ForwardedForHeader, edge.ExternalAddressHeader, edge.ClientCertHeader:
		return false, value{}
	}
	return true, value{}
}

// same returns one Regexp for all of the same text, so that conditions of two programs
// can be compared.
func (s *Solver) same(re *regexp.Regexp) *regexp.Regexp {
	if re == nil {
		return nil
	}
	text := re.String()
	if known, ok := s.regexes[text]; ok {
		return known
	}
	if s.regexes == nil {
		s.regexes = map[string]*regexp.Regexp{}
	}
	s.regexes[text] = re
	return re
}
