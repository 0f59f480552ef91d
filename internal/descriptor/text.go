package descriptor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/text"
)

// Text returns the limits of a domain, one line each: domains with the same text have
// the same limits. It is empty for a domain without limits.
func (t *Tree) Text(domain string) string {
	var lines text.Lines
	if l := t.domains[domain]; l != nil {
		l.print(&lines, nil)
	}
	return lines.String()
}

func (l *level) print(t *text.Lines, above []string) {
	ordered := make(map[*node]int, len(l.patterns))
	for i, n := range l.patterns {
		ordered[n] = i + 1
	}
	// Patterns are tried in their order, so that is part of the text.
	names := slices.SortedFunc(maps.Keys(l.names), func(a, b string) int {
		return cmp.Or(cmp.Compare(ordered[l.names[a]], ordered[l.names[b]]), cmp.Compare(a, b))
	})
	for _, name := range names {
		n := l.names[name]
		path := append(slices.Clip(above), name)
		if n.match.Limit != nil || n.match.Shared != nil {
			shared := ""
			if n.match.Shared != nil {
				shared = fmt.Sprintf(" counted as %q", n.match.Shared)
			}
			t.Line("%s: %s%s", strings.Join(path, " "), n.match.Limit.text(), shared)
		}
		if n.below != nil {
			n.below.print(t, path)
		}
	}
}

func (l *Limit) text() string {
	if l == nil {
		return "no limit"
	}
	p := text.Phrase{fmt.Sprintf("%d per %s", l.Requests, l.Unit)}
	if l.Unlimited {
		p = text.Phrase{"unlimited"}
	}
	if l.Shadow {
		p.Add("refuses nothing")
	}
	p.Text("named", l.Name)
	p.Texts("replaces", l.Replaces)
	p.Count("weight", l.Weight)
	if l.AlwaysApply {
		p.Add("always applies")
	}
	return p.String()
}
