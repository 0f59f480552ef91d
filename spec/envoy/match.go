package envoy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// match reads a RouteMatch. separated means that it is a path_separated_prefix, and the
// match is for that path itself.
func (x *reader) match(o *object) (matches []spec.Match, separated bool) {
	var m spec.Match
	switch {
	case o.has("prefix"):
		if p := o.text("prefix"); p != "/" && p != "" {
			m.URI = spec.Prefix(p)
		}
	case o.has("path"):
		m.URI = spec.Exact(o.text("path"))
	case o.has("safe_regex"):
		m.URI = spec.Regex(x.regex(o.object("safe_regex")))
	case o.has("path_separated_prefix"):
		m.URI, separated = spec.Exact(o.text("path_separated_prefix")), true
	default:
		x.fail("the path of its match is not understood")
	}
	if !o.boolean("case_sensitive", true) && m.URI.Kind != spec.MatchRegex && m.URI.Kind != spec.MatchAny {
		m.IgnoreURICase = true
	}
	for _, h := range o.objects("headers") {
		x.header(&m, h)
	}
	for _, q := range o.objects("query_parameters") {
		name := q.text("name")
		var is spec.StringMatch
		switch {
		case q.has("string_match"):
			is = x.stringMatch(q.object("string_match"))
		case !q.boolean("present_match", true):
			x.fail("the absence of the query parameter %s is not understood", name)
		}
		if _, twice := m.QueryParams[name]; twice {
			x.fail("several conditions on the query parameter %s are not understood", name)
		}
		if m.QueryParams == nil {
			m.QueryParams = map[string]spec.StringMatch{}
		}
		m.QueryParams[name] = is
		x.done(q, "query parameter")
	}
	if f := o.object("runtime_fraction"); len(f.fields) > 0 {
		if percent, err := f.object("default_value").percent(); err != nil || percent != 100 {
			x.fail("a runtime_fraction of the match is not understood")
		}
	}
	x.done(o, "match")
	var any spec.StringMatch
	if m.URI == any && m.Method == any && m.Scheme == any && m.Authority == any && len(m.Headers)+len(m.WithoutHeaders)+len(m.QueryParams) == 0 {
		return nil, separated
	}
	return []spec.Match{m}, separated
}

func (x *reader) regex(o *object) string {
	o.ignore("google_re2")
	text := o.text("regex")
	x.done(o, "regular expression")
	return text
}

// stringMatch reads a StringMatcher.
func (x *reader) stringMatch(o *object) (m spec.StringMatch) {
	fold := o.boolean("ignore_case", false)
	switch {
	case o.has("exact"):
		m = spec.Exact(o.text("exact"))
	case o.has("prefix"):
		m = spec.Prefix(o.text("prefix"))
	case o.has("suffix"):
		m = spec.Regex(`(?s).*` + regexp.QuoteMeta(o.text("suffix")))
	case o.has("contains"):
		m = spec.Regex(`(?s).*` + regexp.QuoteMeta(o.text("contains")) + `.*`)
	case o.has("safe_regex"):
		m, fold = spec.Regex(x.regex(o.object("safe_regex"))), false
	default:
		x.fail("a string_match is not understood")
	}
	if fold {
		switch m.Kind {
		case spec.MatchExact:
			m = spec.Regex(regexp.QuoteMeta(m.Value))
		case spec.MatchPrefix:
			m = spec.Regex(`(?s)` + regexp.QuoteMeta(m.Value) + `.*`)
		}
		m.Value = `(?i)` + m.Value
	}
	x.done(o, "string_match")
	return m
}

// header reads a HeaderMatcher.
func (x *reader) header(m *spec.Match, o *object) {
	name := strings.ToLower(o.text("name"))
	invert, missingIsEmpty := o.boolean("invert_match", false), o.boolean("treat_missing_header_as_empty", false)
	var is spec.StringMatch
	switch {
	case o.has("string_match"):
		is = x.stringMatch(o.object("string_match"))
	case o.has("exact_match"):
		is = spec.Exact(o.text("exact_match"))
	case o.has("prefix_match"):
		is = spec.Prefix(o.text("prefix_match"))
	case o.has("suffix_match"):
		is = spec.Regex(`(?s).*` + regexp.QuoteMeta(o.text("suffix_match")))
	case o.has("contains_match"):
		is = spec.Regex(`(?s).*` + regexp.QuoteMeta(o.text("contains_match")) + `.*`)
	case o.has("safe_regex_match"):
		is = spec.Regex(x.regex(o.object("safe_regex_match")))
	case o.has("present_match"):
		if !o.boolean("present_match", true) {
			invert = !invert
		}
	case o.has("range_match"):
		x.fail("a range_match of the header %s is not understood", name)
	}
	x.done(o, "header matcher")
	any := is.Kind == spec.MatchAny
	switch {
	case !invert && missingIsEmpty && !any:
		x.fail("treat_missing_header_as_empty of the header %s is not understood without invert_match", name)
	case !invert:
		x.condition(m, name, is)
	case any, missingIsEmpty:
		x.not(m, name, is)
	default:
		// Without treat_missing_header_as_empty, the header must be there.
		x.condition(m, name, spec.StringMatch{})
		x.not(m, name, is)
	}
}

// condition adds a condition on a header or a pseudo-header.
func (x *reader) condition(m *spec.Match, name string, is spec.StringMatch) {
	var field *spec.StringMatch
	switch name {
	case ":method":
		field = &m.Method
	case ":authority", "host":
		field = &m.Authority
	case ":scheme":
		field = &m.Scheme
	}
	if field != nil && field.Kind == spec.MatchAny && is.Kind != spec.MatchAny {
		*field = is
		return
	}
	x.put(&m.Headers, name, is)
}

func (x *reader) not(m *spec.Match, name string, is spec.StringMatch) {
	x.put(&m.WithoutHeaders, name, is)
}

func (x *reader) put(to *map[string]spec.StringMatch, name string, is spec.StringMatch) {
	if other, twice := (*to)[name]; twice && other != is {
		x.fail("%s", fmt.Sprintf("several conditions on the header %s are not understood", name))
		return
	}
	if *to == nil {
		*to = map[string]spec.StringMatch{}
	}
	(*to)[name] = is
}
