package change

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// An effect is what two steps do with a request that they send to the same destinations,
// if they differ in nothing but its path and its headers. Whether a request shows the
// difference depends on the request: a header that it lacks need not be removed.
type effect struct {
	path bool
	// headers are those that the steps change in different ways.
	headers []string
	// whole means that these are all the differences of the two steps. If they are not,
	// that no request shows them proves nothing.
	whole bool
}

// effectsOf returns the effects to look for, one after the other: of two steps that
// differ in their headers and their path, first one of them. It is a nil effect if the
// steps differ in more.
func effectsOf(old, new *step) []*effect {
	e := effectOf(old, new)
	switch {
	case e == nil:
		return []*effect{nil}
	case !e.path && len(e.headers) == 0:
		return nil // they rewrite all paths alike
	case !e.path || len(e.headers) == 0:
		return []*effect{e}
	}
	return []*effect{{headers: e.headers}, {path: true}, e}
}

// effectOf returns all differences of two steps, or nil if they differ in more.
func effectOf(old, new *step) *effect {
	if old == nil || new == nil || old.clause == nil || new.clause == nil {
		return nil
	}
	e := &effect{path: old.path != new.path && !old.clause.RewritesAlike(new.clause), whole: true}
	for _, name := range names(old.facts, new.facts) {
		a, b := valuesOf(old.facts, name), valuesOf(new.facts, name)
		if slices.Equal(a, b) {
			continue
		}
		if kind, _, _ := strings.Cut(name, " of "); kind != program.FactRequestHeader {
			return nil
		}
		for _, line := range slices.Concat(without(a, b), without(b, a)) {
			words := strings.Fields(strings.TrimPrefix(line, "then "))
			if len(words) < 2 || words[0] != "remove" && words[0] != "set" && words[0] != "add" {
				return nil
			}
			e.headers = append(e.headers, textproto.CanonicalMIMEHeaderKey(strings.TrimSuffix(words[1], ":")))
		}
	}
	slices.Sort(e.headers)
	e.headers = slices.Compact(e.headers)
	return e
}

// shows reports whether a request shows the difference.
func (e *effect) shows(p *pairs, r *region.Request, old, new *step) bool {
	return sent(p.comparison.old, p.host.oldTable, old, r) != sent(p.comparison.new, p.host.newTable, new, r)
}

// sent returns the requests that destinations get, with the path of a redirect.
func sent(s *side, t *program.RouteTable, st *step, r *region.Request) string {
	if len(st.clause.Route.Split.Destinations) == 0 {
		return st.after(r.Path)
	}
	deciding := s.Deciding()
	var v match.View
	_, c, _ := deciding.Route(t, &v, r.HTTP())
	var all []string
	for i := range c.Route.Split.Destinations {
		d := &c.Route.Split.Destinations[i]
		x := new(program.CopiedExchange)
		x.Begin(deciding, &v, c)
		x.Prepare(d)
		// The shares are among the facts, which are the same.
		all = append(all, fmt.Sprint(d.Place(), " ", x.Req.Host, " ", rawpath.Target(x.Req), x.Req.Header))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

// objection returns a clause for the requests that are like r in everything that the
// effect depends on.
func (e *effect) objection(r *region.Request) *match.Clause {
	var m spec.Match
	if e.path {
		m.URI = spec.Exact(r.Path)
	}
	for _, name := range e.headers {
		if value := r.Header.Get(name); len(r.Header[name]) > 0 {
			if m.Headers == nil {
				m.Headers = map[string]spec.StringMatch{}
			}
			m.Headers[name] = spec.Exact(value)
			continue
		}
		if m.WithoutHeaders == nil {
			m.WithoutHeaders = map[string]spec.StringMatch{}
		}
		m.WithoutHeaders[name] = spec.StringMatch{}
	}
	uri, conditions, _ := match.Compile(&m, regex.Cache{})
	return &match.Clause{URI: uri, Conditions: conditions}
}
