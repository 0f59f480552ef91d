package gateway

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A clause is one alternative of a route's Match, compiled: the unit that a
// virtual host tries in order.
type clause struct {
	uri  uriCondition
	rest []condition
}

// matches reports whether all of the clause's conditions hold.
func (c *clause) matches(v *view) bool {
	return c.uri.holds(v.path) && c.restHolds(v)
}

func (c *clause) restHolds(v *view) bool {
	for i := range c.rest {
		if !c.rest[i].holds(v) {
			return false
		}
	}
	return true
}

// isCatchAll reports whether the clause takes every request, in the sense in
// which Istio stops reading and moves routes to the end: the prefix "/" or the
// regex ".*", and no other condition. The prefix "" takes every request too
// and is none.
func (c *clause) isCatchAll() bool {
	if len(c.rest) > 0 {
		return false
	}
	return c.uri.kind == spec.MatchPrefix && c.uri.text == "/" || c.uri.kind == spec.MatchRegex && c.uri.text == ".*"
}

// A uriCondition compares the path. A match without URI is the prefix "/".
type uriCondition struct {
	kind       spec.MatchKind // never Any
	ignoreCase bool
	text       string
	regex      *regexp.Regexp
}

func (u *uriCondition) holds(path string) bool {
	switch u.kind {
	case spec.MatchExact:
		if u.ignoreCase {
			return equalFoldASCII(path, u.text)
		}
		return path == u.text
	case spec.MatchPrefix:
		if u.ignoreCase {
			return len(path) >= len(u.text) && equalFoldASCII(path[:len(u.text)], u.text)
		}
		return strings.HasPrefix(path, u.text)
	default:
		return u.regex.MatchString(path)
	}
}

// matchedLength returns how much of a path that holds was matched: what a
// rewrite replaces.
func (u *uriCondition) matchedLength(path string) int {
	if u.kind == spec.MatchPrefix {
		return len(u.text)
	}
	return len(path)
}

// equalFoldASCII compares without regard to the case of ASCII letters.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lowerASCII[a[i]] != lowerASCII[b[i]] {
			return false
		}
	}
	return true
}

var lowerASCII = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) + 'a' - 'A'
	}
	return t
}()

// A condition compares one value of a request.
type condition struct {
	source source
	kind   spec.MatchKind
	negate bool
	text   string
	regex  *regexp.Regexp
}

func (c *condition) holds(v *view) bool {
	value, present := v.value(&c.source)
	if c.kind == spec.MatchAny {
		return present != c.negate
	}
	// A missing value satisfies no comparison, except that a negated one takes
	// it for an empty value (Envoy's treat_missing_header_as_empty).
	if !present && !c.negate {
		return false
	}
	return c.compares(value) != c.negate
}

func (c *condition) compares(value string) bool {
	switch c.kind {
	case spec.MatchExact:
		return value == c.text
	case spec.MatchPrefix:
		return strings.HasPrefix(value, c.text)
	default:
		return c.regex.MatchString(value)
	}
}

// isExact reports whether an index may find the clause by the source's value.
func (c *condition) isExact() bool { return c.kind == spec.MatchExact && !c.negate }

// compileMatch compiles the conditions that look at a request. Those that look
// at the server or the workload are settled before.
func compileMatch(m *spec.Match, regexes regexCache) (uriCondition, []condition, error) {
	uri := uriCondition{kind: m.URI.Kind, text: m.URI.Value, ignoreCase: m.IgnoreURICase}
	switch {
	case uri.kind == spec.MatchAny:
		uri = uriCondition{kind: spec.MatchPrefix, text: "/"}
	case uri.kind == spec.MatchRegex:
		re, err := regexes.compile(uri.text)
		if err != nil {
			return uri, nil, err
		}
		uri.regex, uri.ignoreCase = re, false
	}
	var conditions []condition
	var failed error
	add := func(s source, m spec.StringMatch, negate bool) {
		if m == spec.Regex("*") {
			m = spec.StringMatch{} // Istio's other spelling of presence
		}
		c := condition{source: s, kind: m.Kind, text: m.Value, negate: negate}
		if c.kind == spec.MatchRegex {
			re, err := regexes.compile(c.text)
			if err != nil {
				failed = cmp.Or(failed, err)
				return
			}
			c.regex = re
		}
		conditions = append(conditions, c)
	}
	if n := len(m.Headers) + len(m.WithoutHeaders) + len(m.QueryParams); n > 0 || m.Method.Kind != spec.MatchAny || m.Scheme.Kind != spec.MatchAny || m.Authority.Kind != spec.MatchAny {
		conditions = make([]condition, 0, n+1)
	}
	if m.Method.Kind != spec.MatchAny {
		add(source{kind: sourceMethod}, m.Method, false)
	}
	if m.Scheme.Kind != spec.MatchAny {
		add(source{kind: sourceScheme}, m.Scheme, false)
	}
	if m.Authority.Kind != spec.MatchAny {
		add(source{kind: sourceAuthority}, m.Authority, false)
	}
	for _, name := range sortedNames(m.Headers) {
		add(headerSource(name), m.Headers[name], false)
	}
	for _, name := range sortedNames(m.QueryParams) {
		add(source{sourceQuery, name}, m.QueryParams[name], false)
	}
	for _, name := range sortedNames(m.WithoutHeaders) {
		add(headerSource(name), m.WithoutHeaders[name], true)
	}
	return uri, conditions, failed
}

// sortedNames returns the names that conditions go by, in order, so that what is
// compiled does not depend on the map's.
func sortedNames(conditions map[string]spec.StringMatch) []string {
	if len(conditions) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(conditions))
}
