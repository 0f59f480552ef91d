package istio

import "regexp"

// A templating is a way to write text that a tool has yet to fill in.
type templating struct {
	found *regexp.Regexp
	// problem is what a document is where the tool did not run.
	problem string
}

var templatings = []templating{
	{regexp.MustCompile(`\{\{.*`), "a Helm template that was not rendered; render it first: helm template"},
	{regexp.MustCompile(`\$\{[A-Za-z_][^}]*\}`), "a variable that was not replaced; replace it first: envsubst"},
	{regexp.MustCompile(`\$\([A-Za-z_][A-Za-z0-9_.-]*\)`), "a variable that kustomize did not replace; build it first: kustomize build"},
}

// templateIn returns what a value is that a tool should have filled in, or "".
func templateIn(v *value) string {
	switch v.form {
	case text:
		for _, t := range templatings {
			if t.found.MatchString(v.scalar) {
				return t.problem
			}
		}
	case object:
		// {{ name }} is a map whose key is a map.
		if len(v.keys) == 0 && len(v.flaws) == 1 && v.flaws[0].name == "" {
			return templatings[0].problem
		}
	}
	return ""
}

// templateAt returns where a template is that makes a text unreadable at a line,
// and what it is. It is on the line itself or on the one before: a template that
// stands alone is a map, and what follows it is one too many.
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
