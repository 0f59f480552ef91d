package shadow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// The codes of Istio's analyzers.
const (
	codeUnreachable = "IST0130"
	codeIneffective = "IST0131"
)

// dead reports whether no request reaches the subject.
func (s *subject) dead() bool { return !s.alive && !s.undecided && s.death != nil }

// taken reports whether other clauses take all requests of the subject.
func (s *subject) taken() bool { return s.dead() && s.death.witness != nil }

// report makes the shadows of what was found.
func (a *analysis) report() {
	byRoute := map[*spec.Route][]*subject{}
	var routes []*spec.Route
	for _, s := range a.order {
		if byRoute[s.key.route] == nil {
			routes = append(routes, s.key.route)
		}
		byRoute[s.key.route] = append(byRoute[s.key.route], s)
	}
	// A route that delegates and is dead explains those of its delegate.
	explained := map[*program.Route]bool{}
	for _, r := range routes {
		if list := byRoute[r]; list[0].delegates && list[0].dead() {
			explained[list[0].clause.Route] = true
		}
	}
	for _, r := range routes {
		a.reportRoute(byRoute[r], explained)
	}
	a.reportConditions()
	a.reportHosts()
	a.reportSubsets()
	a.limits()
}

// reportRoute reports the matches of a route.
func (a *analysis) reportRoute(list []*subject, explained map[*program.Route]bool) {
	if !list[0].delegates && explained[list[0].clause.Route] {
		return
	}
	dead := !slices.ContainsFunc(list, func(s *subject) bool { return !s.dead() })
	if dead {
		if taken := slices.DeleteFunc(slices.Clone(list), func(s *subject) bool { return !s.taken() }); len(taken) > 0 {
			a.reportTaken(inspect.ShadowRoute, taken)
		}
	}
	for _, s := range list {
		switch {
		case s.taken() && !dead:
			a.reportTaken(inspect.ShadowMatch, []*subject{s})
		case s.dead() && !s.taken() && !s.delegates:
			a.reportImpossible(s)
		case !s.alive && s.undecided && !s.delegates:
			a.add(inspect.Shadow{Kind: inspect.ShadowUndecided, Place: s.clause.Place(),
				Text: "whether a request reaches it is not known: its conditions, or those of earlier routes, are beyond the bounds of the analysis"})
		case s.alive && s.partial != nil && !s.delegates:
			a.reportPartial(s)
		}
	}
}

func (a *analysis) add(s inspect.Shadow) { a.shadows = append(a.shadows, s) }

// routePlace returns the place of a subject's route.
func (s *subject) routePlace() inspect.Place {
	if s.delegates {
		return s.clause.Route.Declared.Merged.RootPlace()
	}
	return s.clause.Route.Place()
}

// reportTaken reports a route, or a match, that others take all requests from.
func (a *analysis) reportTaken(kind inspect.ShadowKind, list []*subject) {
	s := list[0]
	at, code, verdict := s.routePlace(), spec.Code(codeUnreachable), "is never reached: "
	if kind == inspect.ShadowMatch {
		at, code, verdict = s.clause.Place(), codeIneffective, "has no effect: "
	}
	var takers []*program.Clause
	for _, s := range list {
		for _, t := range s.death.takers {
			if !slices.Contains(takers, t) {
				takers = append(takers, t)
			}
		}
	}
	out := inspect.Shadow{Kind: kind, Code: code, Place: at, Witness: witness(s.death.witness), Takers: takersNear(at, takers)}
	names := make([]string, len(out.Takers))
	for i, t := range out.Takers {
		names[i] = named(&t, at)
	}
	if len(names) == 1 {
		out.Text = fmt.Sprintf("%s%s takes all of its requests, such as %s", verdict, names[0], out.Witness)
	} else {
		out.Text = fmt.Sprintf("%s%s together take all of its requests. %s goes to %s", verdict, listed(names), out.Witness, out.Takers[0].Name)
	}
	out.Text += a.orderBetween(takers, s.clause)
	a.add(out)
}

// reportPartial reports a request that a route does not get, unless the route that takes
// it is a more specific one.
func (a *analysis) reportPartial(s *subject) {
	taker := s.partial.takers[0]
	if taker.Route == s.clause.Route || a.within(s.partial.space, taker.Clause, s.partial.clause) {
		return
	}
	at := s.clause.Place()
	out := inspect.Shadow{Kind: inspect.ShadowPartial, Place: at, Witness: witness(s.partial.witness), Takers: takersNear(at, s.partial.takers[:1])}
	out.Text = fmt.Sprintf("does not get %s: %s matches it too and comes first", out.Witness, named(&out.Takers[0], at))
	out.Text += a.orderBetween(s.partial.takers[:1], s.clause)
	a.add(out)
}

// orderBetween says why the first taker of another VirtualService comes before a clause.
func (a *analysis) orderBetween(takers []*program.Clause, c *program.Clause) string {
	own := root(c.Route)
	for _, t := range takers {
		if other := root(t.Route); other != own && !t.IsCatchAll() {
			return fmt.Sprintf(". VirtualService %s comes before %s: %s", t.Route.Service, c.Route.Service, whyFirst(other, own))
		}
	}
	return ""
}

// whyFirst returns why the routes of a VirtualService come before those of another one for
// the same host.
func whyFirst(first, second *spec.VirtualService) string {
	switch {
	case resource.Visibility(first.ExportTo) != resource.Visibility(second.ExportTo):
		return "it is exported to fewer namespaces"
	case !first.Created.Equal(second.Created):
		return "it is older"
	case first.Name != second.Name:
		return "both are of the same age, and its name is first in the alphabet"
	}
	return "both are of the same age, and its namespace is first in the alphabet"
}

// reportImpossible reports a match whose conditions exclude each other.
func (a *analysis) reportImpossible(s *subject) {
	d := s.death
	core := a.core(d.space, d.clause)
	names := make([]string, len(core))
	for i, at := range core {
		names[i] = conditionText(d.clause, at)
	}
	out := inspect.Shadow{Kind: inspect.ShadowImpossible, Place: s.clause.Place()}
	if len(core) > 0 {
		out.Place = s.clause.FieldPlace(core[len(core)-1])
	}
	switch {
	case len(names) == 0:
		out.Text = "matches no request: no request reaches the virtual host"
	case len(names) == 1 && core[0] < 0:
		out.Text = "matches no request: no request has a " + names[0] + a.normalForm(&d.clause.URI)
	case len(names) == 1:
		out.Text = "matches no request: no request has the " + names[0]
	default:
		out.Text = "matches no request: " + listed(names) + " exclude each other"
	}
	a.add(out)
}

// normalForm says what a path is compared with, if its text is not in normal form.
func (a *analysis) normalForm(u *match.URI) string {
	if u.Kind == spec.MatchRegex || !strings.HasPrefix(u.Text, "/") {
		return ""
	}
	if normal, ok := match.Normalize(a.program.Normalization, u.Text); ok && normal != u.Text {
		return fmt.Sprintf(". Paths are compared in normal form: this one is %q", normal)
	}
	return ""
}

// core returns conditions of a clause that exclude each other: none of them can be left
// out. The path is -1.
func (a *analysis) core(space *region.Space, c *match.Clause) []int {
	kept := make([]int, 0, 1+len(c.Conditions))
	for i := -1; i < len(c.Conditions); i++ {
		kept = append(kept, i)
	}
	for i := 0; i < len(kept); {
		less := slices.Delete(slices.Clone(kept), i, i+1)
		if _, v := a.solver.Solve(space, []*match.Clause{part(c, less)}, nil); v == region.None {
			kept = less
		} else {
			i++
		}
	}
	return kept
}

// part returns the clause of some conditions. The path is -1.
func part(c *match.Clause, conditions []int) *match.Clause {
	out := &match.Clause{URI: everyPath}
	for _, at := range conditions {
		if at < 0 {
			out.URI = c.URI
		} else {
			out.Conditions = append(out.Conditions, c.Conditions[at])
		}
	}
	return out
}

func conditionText(c *match.Clause, at int) string {
	if at < 0 {
		return "path " + c.URI.String()
	}
	return c.Conditions[at].String()
}

// reportConditions reports conditions that the others of their match require already.
func (a *analysis) reportConditions() {
	for _, s := range a.order {
		if s.match == nil || !s.alive {
			continue
		}
		for i := range s.clause.Conditions {
			k := a.always[s.match][i]
			if k == nil || !k.holds {
				continue
			}
			a.add(inspect.Shadow{Kind: inspect.ShadowCondition, Place: k.clause.FieldPlace(i),
				Text: "has no effect: every request that satisfies the other conditions of the match satisfies this one"})
			break // without this one, another one may be needed
		}
	}
}

// reportHosts reports the hosts of VirtualServices that others take all requests for.
func (a *analysis) reportHosts() {
	for _, u := range a.hostOrder {
		if u.alive || u.death == nil || !slices.ContainsFunc(u.subjects, func(s *subject) bool { return s.alive }) {
			continue
		}
		at := hostPlace(u.service, u.domain)
		out := inspect.Shadow{Kind: inspect.ShadowHost, Place: at, Witness: witness(u.death.witness), Takers: takersNear(at, u.death.takers)}
		first := u.death.takers[0]
		if other := root(first.Route); other != u.service {
			out.Text = fmt.Sprintf("no request for %s reaches these routes: VirtualService %s comes first and takes them, such as %s to %s. It comes first because %s",
				u.domain, first.Route.Service, out.Witness, named(&out.Takers[0], at), whyFirst(other, u.service))
			a.add(out)
		}
	}
}

// hostPlace returns the place of the host of a VirtualService that a domain is for.
func hostPlace(vs *spec.VirtualService, domain string) inspect.Place {
	at := slices.IndexFunc(vs.Hosts, func(host string) bool {
		full := strings.ToLower(resource.FullName(host, vs.Namespace))
		return full == domain || strings.ToLower(host) == domain
	})
	if at < 0 {
		at = slices.IndexFunc(vs.Hosts, func(host string) bool { return hosts.Within(domain, strings.ToLower(host)) })
	}
	return inspect.At(program.ServiceOrigin(vs), fmt.Sprintf("hosts[%d]", max(at, 0)))
}

// reportSubsets reports the subsets that only dead routes have as destinations.
func (a *analysis) reportSubsets() {
	type subset struct{ host, name string }
	used := map[subset]bool{}
	subsets := func(c *program.Clause, each func(int, subset)) {
		for i := range c.Route.Split.Destinations {
			if d := &c.Route.Split.Destinations[i]; d.Subset != "" {
				each(i, subset{d.Host, d.Subset})
			}
		}
	}
	for _, s := range a.order {
		if !s.dead() {
			subsets(s.clause, func(_ int, x subset) { used[x] = true })
		}
	}
	for _, s := range a.order {
		if !s.dead() || s.delegates {
			continue
		}
		subsets(s.clause, func(i int, x subset) {
			if used[x] {
				return
			}
			used[x] = true
			at := s.clause.Route.FieldPlace(fmt.Sprintf("route[%d].destination.subset", i))
			a.add(inspect.Shadow{Kind: inspect.ShadowSubset, Place: at,
				Text: fmt.Sprintf("no request reaches the subset %q of %s: only routes that are never reached have it", x.name, x.host)})
		})
	}
}

// witness returns a request as data.
func witness(r *region.Request) *inspect.Witness {
	w := r.Witness()
	return &w
}

// takersNear returns clauses as takers, with names that are short in the resource of a
// place.
func takersNear(at inspect.Place, clauses []*program.Clause) []inspect.Taker {
	near := at.Finding()
	out := make([]inspect.Taker, len(clauses))
	for i, c := range clauses {
		d := &c.Route.Declared
		place := c.Route.Place()
		if d.Route != nil && len(d.Route.Match) > 1 {
			place = c.Place()
		}
		f := place.Finding()
		name := cmp.Or(strings.TrimPrefix(f.Field, "spec."), "the route")
		if d.Route != nil && d.Route.Name != "" {
			name += fmt.Sprintf(" %q", d.Route.Name)
		}
		if f.Kind != near.Kind || f.Namespace != near.Namespace || f.Name != near.Name {
			name = strings.TrimSpace(f.Kind+" "+strings.TrimPrefix(f.Namespace+"/"+f.Name, "/")) + " " + name
		}
		out[i] = inspect.Taker{Name: name, VirtualService: c.Route.Service, Place: place}
	}
	return out
}

// named returns the name of a taker with its line, and with its file if that is another
// one than that of a place.
func named(t *inspect.Taker, at inspect.Place) string {
	f := t.Place.Finding()
	if f.Line == 0 {
		return t.Name
	}
	if f.File == at.Finding().File {
		return fmt.Sprintf("%s (line %d)", t.Name, f.Line)
	}
	return fmt.Sprintf("%s (%s:%d)", t.Name, f.File, f.Line)
}

// maxListed is how many names a text lists.
const maxListed = 6

// listed joins names to a list.
func listed(names []string) string {
	if len(names) > maxListed {
		names = append(slices.Clone(names[:maxListed-1]), fmt.Sprintf("%d others", len(names)-maxListed+1))
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
