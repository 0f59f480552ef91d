package shadow

import (
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
)

// A limitKey is a declared rate limit.
type limitKey struct {
	file            string
	line            int
	kind, namespace string
	name, path      string
	field           string
}

// A limitUse is what a rate limit can count.
type limitUse struct {
	*limit.Limit
	// acts means that a route that gets requests has it, and that some of them can
	// satisfy its conditions. reached means the first half.
	acts, reached bool
	// own means that a route declares it.
	own bool
}

// limits reports the rate limits that count no request.
func (a *analysis) limits() {
	uses := map[limitKey]*limitUse{}
	var order []*limitUse
	for _, in := range a.places {
		for i := range in.host.Clauses {
			c := &in.host.Clauses[i]
			if c.Route.Declared.Route == nil {
				continue
			}
			for _, l := range c.Route.Limits.All() {
				o := l.Origin
				if o == nil {
					continue
				}
				k := limitKey{o.File, o.Line, o.Kind, o.Namespace, o.Name, o.Path, l.Field}
				u := uses[k]
				if u == nil {
					u = &limitUse{Limit: l, own: o.Kind == c.Route.Origin.Kind && o.Name == c.Route.Origin.Name && o.Namespace == c.Route.Origin.Namespace}
					uses[k] = u
					order = append(order, u)
				}
				if u.acts || a.subjectsOf(c)[0].dead() {
					continue
				}
				u.reached = true
				u.acts = a.counts(in, c, l)
			}
		}
	}
	for _, u := range order {
		at := inspect.At(u.Origin, u.Field)
		switch {
		case u.acts || at.IsZero():
		case u.reached:
			a.add(inspect.Shadow{Kind: inspect.ShadowLimit, Place: at, Text: "limits nothing: its conditions hold for no request of the routes that have it"})
		case !u.own:
			a.add(inspect.Shadow{Kind: inspect.ShadowLimit, Place: at, Text: "limits nothing: it is only for routes that are never reached"})
		}
	}
}

// counts reports whether a limit may count a request of a clause.
func (a *analysis) counts(in *place, c *program.Clause, l *limit.Limit) bool {
	if len(l.When) == 0 && l.URI == nil {
		return true
	}
	when := &match.Clause{URI: everyPath, Conditions: l.When}
	if l.URI != nil {
		when.URI = *l.URI
	}
	_, v := a.solver.Solve(&in.space, []*match.Clause{c.Clause, when}, nil)
	return v != region.None
}
