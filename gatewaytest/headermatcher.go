package gatewaytest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A headerMatcher is Envoy's HeaderMatcher.
type headerMatcher struct {
	name string
	// equals expects a value, and the empty one if there is no such header.
	equals *string
	// condition is nil if the header only has to be present.
	condition func(string) bool
	// described is the condition as text.
	described string
	absent    bool
	invert    bool
	// missingIsEmpty compares a missing header like an empty one.
	missingIsEmpty bool
}

// headerMatcher reads a HeaderMatcher.
func (n node) headerMatcher() (m headerMatcher, ok bool) {
	before := len(n.file.errors)
	conditions := 0
	set := func(described string, condition func(string) bool) {
		m.described, m.condition = described, condition
		conditions++
	}
	m.described = "any value"
	known := fields{
		"name": text(&m.name),
		"present_match": func(n node) {
			var present bool
			boolean(&present)(n)
			m.absent = !present
			conditions++
		},
		"invert_match":                  boolean(&m.invert),
		"treat_missing_header_as_empty": boolean(&m.missingIsEmpty),
		"range_match":                   func(n node) { n.rangeMatch(set) },
		"string_match":                  func(n node) { n.stringMatcher(set) },
		"safe_regex_match":              func(n node) { n.safeRegex(set) },
	}
	for name, make := range stringConditions(false) {
		known[name+"_match"] = func(n node) {
			if s, ok := n.str(); ok {
				described, condition := make(s)
				set(described, condition)
			}
		}
	}
	n.object(known)
	if m.name == "" {
		n.failf(spec.CodeMissing, "the header has no name")
	}
	if conditions > 1 {
		n.failf(spec.CodeConflict, "several conditions on one header: one is expected")
	}
	return m, len(n.file.errors) == before
}

// stringConditions are the conditions on a text, by the names of Envoy's StringMatcher.
func stringConditions(ignoreCase bool) map[string]func(string) (string, func(string) bool) {
	fold := func(s string) string { return s }
	note := ""
	if ignoreCase {
		fold, note = strings.ToLower, ", in any letter case"
	}
	of := func(word string, holds func(value, want string) bool) func(string) (string, func(string) bool) {
		return func(want string) (string, func(string) bool) {
			return word + " " + strconv.Quote(want) + note, func(value string) bool { return holds(fold(value), fold(want)) }
		}
	}
	return map[string]func(string) (string, func(string) bool){
		"exact":    of("exact", func(value, want string) bool { return value == want }),
		"prefix":   of("prefix", strings.HasPrefix),
		"suffix":   of("suffix", strings.HasSuffix),
		"contains": of("a text with", strings.Contains),
	}
}

// stringMatcher reads Envoy's StringMatcher.
func (n node) stringMatcher(set func(string, func(string) bool)) {
	ignoreCase := false
	if all, ok := n.pairs(); ok {
		for _, p := range all {
			if p.name == "ignore_case" {
				boolean(&ignoreCase)(p.node)
			}
		}
	}
	known := fields{
		"ignore_case": func(node) {},
		"safe_regex":  func(n node) { n.safeRegex(set) },
	}
	for name, make := range stringConditions(ignoreCase) {
		known[name] = func(n node) {
			if s, ok := n.str(); ok {
				set(make(s))
			}
		}
	}
	n.object(known)
}

// safeRegex reads Envoy's RegexMatcher, which must match the whole value.
func (n node) safeRegex(set func(string, func(string) bool)) {
	var expression string
	n.object(fields{"regex": text(&expression), "google_re2": func(node) {}})
	if _, err := regexp.Compile(expression); err != nil {
		n.failf(spec.CodeInvalid, "the expression does not compile: %v", err)
		return
	}
	r := regexp.MustCompile(`\A(?:` + expression + `)\z`)
	set("regex "+strconv.Quote(expression), r.MatchString)
}

// rangeMatch reads Envoy's Int64Range: from start, and less than end.
func (n node) rangeMatch(set func(string, func(string) bool)) {
	var start, end int
	n.object(fields{"start": integer(&start), "end": integer(&end)})
	set(fmt.Sprintf("a number from %d, less than %d", start, end), func(value string) bool {
		i, err := strconv.Atoi(value)
		return err == nil && start <= i && i < end
	})
}

// matches reports whether the lines of a header match.
func (m *headerMatcher) matches(lines []string) bool {
	value, present := strings.Join(lines, ","), len(lines) > 0
	switch {
	case m.equals != nil:
		if present {
			// As in Envoy, the first line counts.
			value = lines[0]
		}
		return value == *m.equals
	case m.condition == nil:
		return (present != m.absent) != m.invert
	case !present && !m.missingIsEmpty:
		// A missing header satisfies no condition, and no inverted one.
		return false
	}
	return m.condition(value) != m.invert
}

func (m *headerMatcher) text() string {
	switch {
	case m.equals != nil:
		return strconv.Quote(*m.equals)
	case m.condition == nil && m.absent != m.invert:
		return "no such header"
	case m.invert && m.condition != nil:
		return "not " + m.described
	}
	return m.described
}
