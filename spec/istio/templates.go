package istio

import "regexp"

// A templating is a syntax for text that a tool must still replace.
type templating struct {
	found *regexp.Regexp
	// problem describes a document on which the tool did not run.
	problem string
}

var templatings = []templating{
	{regexp.MustCompile(`\{\{.*`), "a Helm template that was not rendered; render it first: helm template"},
	{regexp.MustCompile(`\$\{[A-Za-z_][^}]*\}`), "a variable that was not replaced; replace it first: envsubst"},
	{regexp.MustCompile(`\$\([A-Za-z_][A-Za-z0-9_.-]*\)`), "a variable that kustomize did not replace; build it first: kustomize build"},
}

// templateIn describes a value that a tool should have replaced, or returns "".
func templateIn(v *value) string {
	switch v.form {
	case text:
		for _, t := range templatings {
			if t.found.MatchString(v.scalar) {
				return t.problem
			}
		}
	case object:
		// {{ name }} is a map with a map as its key.
		if len(v.keys) == 0 && len(v.flaws) == 1 && v.flaws[0].name == "" {
			return templatings[0].problem
		}
	}
	return ""
}

// templateAt returns the place of a template that makes a text unreadable at a
// line, and its description. It is on this line or on the previous one: a template
// alone on a line is a map, which makes the following text invalid.
func templateAt(line func(int) string, n int) (at, column int, problem string) {
	for at := n; at >= 0; at-- {
		text := line(at)
		if isComment(text) {
			continue
		}
		for i, t := range templatings {
			found := t.found.FindStringIndex(text)
			if found != nil && (at == n || i == 0 && found[0] == indentOf(text)) {
				return at, found[0], t.problem
			}
		}
		if at < n {
			break
		}
	}
	return 0, 0, ""
}
