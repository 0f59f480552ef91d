package istio

import (
	"regexp"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// condition reads a matcher of a header or of a query parameter, by the name of its
// message in the table of fields.
func (r *reader) condition(v *value, message string) spec.ActionCondition {
	var to spec.ActionCondition
	if !r.is(v, object) {
		return to
	}
	comparison := r.alone()
	r.parts(v, message, func(name string, e *value) {
		switch name {
		case "name":
			to.Name, _ = r.text(e)
		case "invertMatch":
			if inverted, _ := r.boolean(e); inverted {
				to.Not = !to.Not
			}
		case "treatMissingHeaderAsEmpty":
			to.MissingIsEmpty, _ = r.boolean(e)
		default:
			if !comparison(e) {
				return
			}
			switch name {
			case "presentMatch":
				if present, ok := r.boolean(e); ok && !present {
					to.Not = !to.Not
				}
			case "stringMatch":
				to.Match = r.stringMatcher(e)
			case "safeRegexMatch":
				to.Match = r.regexMatcher(e)
			default:
				to.Match = r.comparison(e, strings.TrimSuffix(name, "Match"), false)
			}
		}
	})
	return to
}

// alone returns a function that records an error if it is called for a second
// field.
func (r *reader) alone() func(*value) bool {
	first := ""
	return func(v *value) bool {
		if first != "" {
			r.failf(spec.CodeConflict, v, "cannot be combined with %s, which is also set", first)
			return false
		}
		first = r.path[len(r.path)-1].name
		return true
	}
}

func (r *reader) stringMatcher(v *value) spec.StringMatch {
	var to spec.StringMatch
	if !r.is(v, object) {
		return to
	}
	ignoreCase, compared, refused := false, false, len(r.errors)
	before := len(r.broken)
	for _, name := range []string{"ignoreCase", "ignore_case"} {
		// The other fields depend on it, and may be written first.
		if e, _ := v.field(name); e != nil && e.form == boolean {
			ignoreCase = truth(e.scalar)
		}
	}
	comparison := r.alone()
	r.parts(v, "RateLimitConfig.StringMatcher", func(name string, e *value) {
		switch {
		case name == "ignoreCase":
			r.boolean(e)
		case !comparison(e):
		case name == "safeRegex":
			compared = true
			if to = r.regexMatcher(e); ignoreCase {
				r.warn(e.line, e.column, "", "letter case is not ignored, as in Envoy: ignoreCase has no effect on a regular expression; begin it with (?i)")
			}
		default:
			compared = true
			to = r.comparison(e, name, ignoreCase)
		}
	})
	if !compared && !r.brokenSince(before) && len(r.errors) == refused {
		r.failf(spec.CodeMissing, v, "expected a comparison, such as exact")
	}
	return to
}

func (r *reader) regexMatcher(v *value) spec.StringMatch {
	to := spec.StringMatch{Kind: spec.MatchRegex}
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.RegexMatcher", func(name string, e *value) {
		if name == "regex" {
			to.Value, _ = r.text(e)
		}
	})
	return to
}

// comparison reads the text of a comparison. What a StringMatch lacks becomes a
// regular expression with the same meaning.
func (r *reader) comparison(v *value, name string, ignoreCase bool) spec.StringMatch {
	written, ok := r.text(v)
	switch {
	case !ok:
		return spec.StringMatch{}
	case written == "" && name != "exact":
		r.failf(spec.CodeInvalid, v, "must not be empty: it would be true for every value")
		return spec.StringMatch{}
	}
	expression := regexp.QuoteMeta(written)
	if ignoreCase {
		expression = anyCase(written)
	}
	switch name {
	case "exact":
		if !ignoreCase {
			return spec.Exact(written)
		}
	case "prefix":
		if !ignoreCase {
			return spec.Prefix(written)
		}
		expression = "(?s)" + expression + ".*"
	case "suffix":
		expression = "(?s).*" + expression
	case "contains":
		expression = "(?s).*" + expression + ".*"
	}
	return spec.Regex(expression)
}

// anyCase returns a regular expression for a text in any case of its ASCII letters.
// The flag i of regular expressions would also fold other letters.
func anyCase(s string) string {
	var b strings.Builder
	for _, c := range s {
		upper, lower := strings.ToUpper(string(c)), strings.ToLower(string(c))
		if c < 0x80 && upper != lower {
			b.WriteString("[" + upper + lower + "]")
			continue
		}
		b.WriteString(regexp.QuoteMeta(string(c)))
	}
	return b.String()
}
