package match

import (
	"cmp"

	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

// Compile compiles the conditions on the request. Conditions on the server and
// the workload are decided earlier.
func Compile(m *spec.Match, regexes regex.Cache) (URI, []Condition, error) {
	uri := URI{Kind: m.URI.Kind, Text: m.URI.Value, ignoreCase: m.IgnoreURICase}
	switch {
	case uri.Kind == spec.MatchAny:
		uri = URI{Kind: spec.MatchPrefix, Text: "/"}
	case uri.Kind == spec.MatchRegex:
		re, err := regexes.Compile(uri.Text)
		if err != nil {
			return uri, nil, err
		}
		uri.regex, uri.ignoreCase = re, false
	}
	var conditions []Condition
	var failed error
	add := func(s Source, m spec.StringMatch, negate bool) {
		if m == spec.Regex("*") {
			m = spec.StringMatch{} // Istio's other form of presence
		}
		compared, err := CompileComparison(m, regexes)
		if err != nil {
			failed = cmp.Or(failed, err)
			return
		}
		conditions = append(conditions, Condition{source: s, Comparison: compared, negate: negate})
	}
	if n := len(m.Headers) + len(m.WithoutHeaders) + len(m.QueryParams); n > 0 || m.Method.Kind != spec.MatchAny || m.Scheme.Kind != spec.MatchAny || m.Authority.Kind != spec.MatchAny {
		conditions = make([]Condition, 0, n+1)
	}
	if m.Method.Kind != spec.MatchAny {
		add(Source{kind: PartMethod}, m.Method, false)
	}
	if m.Scheme.Kind != spec.MatchAny {
		add(Source{kind: PartScheme}, m.Scheme, false)
	}
	if m.Authority.Kind != spec.MatchAny {
		add(Source{kind: PartAuthority}, m.Authority, false)
	}
	for _, name := range sortedNames(m.Headers) {
		add(HeaderSource(name), m.Headers[name], false)
	}
	for _, name := range sortedNames(m.QueryParams) {
		add(Source{PartQuery, name}, m.QueryParams[name], false)
	}
	for _, name := range sortedNames(m.WithoutHeaders) {
		add(HeaderSource(name), m.WithoutHeaders[name], true)
	}
	return uri, conditions, failed
}

// DecodeParameters makes conditions on query parameters compare decoded names and values.
func DecodeParameters(conditions []Condition) {
	for i := range conditions {
		if s := &conditions[i].source; s.kind == PartQuery {
			s.kind = PartParameter
		}
	}
}

// Fields returns the path of the field behind each condition of Compile, in the same
// order, such as "headers[x-user].exact". The first one is for the URI; it is "" if the
// match has none.
func Fields(m *spec.Match) []string {
	fields := []string{""}
	if m.URI.Kind != spec.MatchAny {
		fields[0] = fieldOf("uri", m.URI)
	}
	for _, f := range []struct {
		name string
		spec.StringMatch
	}{{"method", m.Method}, {"scheme", m.Scheme}, {"authority", m.Authority}} {
		if f.Kind != spec.MatchAny {
			fields = append(fields, fieldOf(f.name, f.StringMatch))
		}
	}
	for _, f := range []struct {
		name       string
		conditions map[string]spec.StringMatch
	}{{"headers", m.Headers}, {"queryParams", m.QueryParams}, {"withoutHeaders", m.WithoutHeaders}} {
		for _, key := range sortedNames(f.conditions) {
			fields = append(fields, fieldOf(f.name+"["+key+"]", f.conditions[key]))
		}
	}
	return fields
}

// fieldOf returns the path of the text of a StringMatch.
func fieldOf(path string, m spec.StringMatch) string {
	if m.Kind == spec.MatchAny {
		return path
	}
	return path + "." + m.Kind.String()
}
