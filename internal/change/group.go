package change

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
)

// maxOthers is how many witnesses are kept of classes that change in the same way.
const maxOthers = 5

// maxAlike is how many kinds of changes one route may have before they are joined.
const maxAlike = 3

// A kind is changes that are reported as one.
type kind struct {
	inspect.RequestChange
	rank int
	// route is a key of the route that all have in common: the new one if there is one.
	route string
}

// group joins the classes that change in the same way, and puts the most important first.
func (c *comparison) group() {
	at := map[string]int{}
	var kinds []*kind
	for _, k := range c.classes {
		change, key, rank := k.describe()
		i, ok := at[key]
		if !ok {
			at[key] = len(kinds)
			kinds = append(kinds, &kind{change, rank, string(change.Kind) + k.routeKey()})
			continue
		}
		kinds[i].join(&inspect.RequestChange{Witness: change.Witness})
	}
	kinds = joinAlike(kinds)
	slices.SortStableFunc(kinds, func(a, b *kind) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.More, a.More))
	})
	for _, k := range kinds {
		c.out.Requests = append(c.out.Requests, k.RequestChange)
	}
	c.out.Requests = append(c.out.Requests, c.refused...)
}

// join adds another change.
func (k *kind) join(other *inspect.RequestChange) {
	k.More += 1 + other.More
	for _, w := range append([]inspect.Witness{other.Witness}, other.Others...) {
		if len(k.Others) < maxOthers {
			k.Others = append(k.Others, w)
		}
	}
}

// joinAlike joins the changes of one route, if it has many: a new route in front of all
// others changes the answers of them all.
func joinAlike(kinds []*kind) []*kind {
	count := map[string]int{}
	for _, k := range kinds {
		count[k.route]++
	}
	first := map[string]*kind{}
	out := kinds[:0]
	for _, k := range kinds {
		switch f := first[k.route]; {
		case count[k.route] <= maxAlike:
			out = append(out, k)
		case f == nil:
			first[k.route] = k
			out = append(out, k)
		default:
			f.join(&k.RequestChange)
		}
	}
	return out
}

// routeKey returns a key of the route that takes the requests now, or took them before.
func (k *class) routeKey() string {
	names := ""
	diffs, _ := k.differences()
	for _, d := range diffs {
		name, _, _ := strings.Cut(d.Name, " of ")
		names += " " + name
	}
	for _, s := range []*step{k.newStep, k.oldStep} {
		if s != nil && s.clause != nil {
			return fmt.Sprintf("%p%s", s.clause.Route, names)
		}
	}
	return k.host.domain + names
}

// describe returns the change of a class, a key that is the same for classes that change
// in the same way, and its rank: lower ones are more important.
func (k *class) describe() (change inspect.RequestChange, key string, rank int) {
	change = inspect.RequestChange{
		Kind: inspect.Changed, Witness: k.request.Witness(),
		Old: answerText(k.oldStep, k.host.old, k.request), New: answerText(k.newStep, k.host.new, k.request),
	}
	switch {
	case k.oldStep == nil:
		change.Kind, rank = inspect.Added, 1000
	case k.newStep == nil:
		change.Kind = inspect.Removed
	}
	if rank == 0 && k.newStep != nil {
		rank = 1
	}
	var keys []string
	change.Differences, keys = k.differences()
	if len(change.Differences) > 0 && change.Kind == inspect.Changed {
		rank += program.FactRank(change.Differences[0].Name)
	}
	switch {
	case change.Kind == inspect.Added && k.host.old == nil, change.Kind == inspect.Removed && k.host.new == nil:
		// The whole host comes or goes: that is said once.
		keys = []string{k.host.newTable.Name, k.host.domain}
	}
	return change, string(change.Kind) + strings.Join(keys, "\x00"), rank
}

// differences returns what differs between the answers, and a key for it.
func (k *class) differences() (out []inspect.Difference, keys []string) {
	add := func(name, old, new, key string) {
		out = append(out, inspect.Difference{Name: name, Old: old, New: new})
		keys = append(keys, name, key)
	}
	old, new := factsOf(k.oldStep), factsOf(k.newStep)
	if answerOf(old) != answerOf(new) {
		a, b := shortText(k.oldStep), shortText(k.newStep)
		add(program.FactAnswer, a, b, a+"\x00"+b)
		return out, keys
	}
	for _, name := range names(old, new) {
		a, b := valuesOf(old, name), valuesOf(new, name)
		if slices.Equal(a, b) || !k.tells(name, a, b) {
			continue
		}
		separator := ", "
		if name != program.FactDestination {
			a, b, separator = without(a, b), without(b, a), "; "
		}
		x, y := strings.Join(a, separator), strings.Join(b, separator)
		add(name, x, y, x+"\x00"+y)
	}
	if k.oldStep != nil && k.newStep != nil && k.oldStep.path != k.newStep.path {
		if a, b := k.oldStep.after(k.request.Path), k.newStep.after(k.request.Path); a != b {
			add(program.FactPath, a, b, k.oldStep.clause.PathChange()+"\x00"+k.newStep.clause.PathChange())
		}
	}
	slices.SortStableFunc(out, func(a, b inspect.Difference) int {
		return cmp.Compare(program.FactRank(a.Name), program.FactRank(b.Name))
	})
	return out, keys
}

// tells reports whether a difference says more than that the destinations differ. What is
// behind a destination that only one side has is worth a word if it gets no requests.
func (k *class) tells(name string, old, new []string) bool {
	_, place, found := strings.Cut(name, " of ")
	if !found {
		return true
	}
	goes := func(facts []program.Fact) bool {
		return slices.ContainsFunc(facts, func(f program.Fact) bool {
			return (f.Name == program.FactDestination || f.Name == program.FactMirror) && strings.HasSuffix(" "+f.Value, " "+place)
		})
	}
	if goes(k.oldStep.facts) == goes(k.newStep.facts) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(old, new), func(value string) bool {
		reason, missing := strings.CutPrefix(value, "503: ")
		return missing && reason != program.NoBackend && reason != program.NoEndpoints
	})
}

// after returns what a path is for the destination.
func (s *step) after(path string) string {
	if s.clause == nil {
		return path
	}
	return s.clause.PathAfter(path)
}

func factsOf(s *step) []program.Fact {
	if s == nil {
		return nil
	}
	return s.facts
}

// answerOf returns the kind of the answer, "" for 404.
func answerOf(facts []program.Fact) string {
	return strings.Join(valuesOf(facts, program.FactAnswer), "")
}

// names returns the names of facts of both lists, in their order.
func names(lists ...[]program.Fact) []string {
	var out []string
	for _, list := range lists {
		for _, f := range list {
			if !slices.Contains(out, f.Name) {
				out = append(out, f.Name)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(program.FactRank(a), program.FactRank(b)), cmp.Compare(a, b))
	})
	return out
}

func valuesOf(facts []program.Fact, name string) (values []string) {
	for _, f := range facts {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return values
}

// without returns the values that other has not, or has less often.
func without(values, other []string) (out []string) {
	other = slices.Clone(other)
	for _, v := range values {
		if i := slices.Index(other, v); i >= 0 {
			other = slices.Delete(other, i, i+1)
			continue
		}
		out = append(out, v)
	}
	return out
}

// shortText returns the answer of a step without what it does with the path.
func shortText(s *step) string {
	switch {
	case s == nil:
		return "404"
	case answerOf(s.facts) == program.Forwarded:
		return strings.Join(valuesOf(s.facts, program.FactDestination), ", ")
	}
	return answerOf(s.facts)
}

// answerText describes the answer of a step to a request.
func answerText(s *step, h *program.VirtualHost, r *region.Request) inspect.Answer {
	var a inspect.Answer
	if h != nil {
		a.VirtualHost = h.Domain
	}
	if s == nil {
		a.Text = "404: no route matches"
		if h == nil {
			a.Text = "404: no host matches"
		}
		return a
	}
	a.Text = shortText(s)
	if path := s.after(r.Path); path != r.Path {
		a.Text += " as " + path
	}
	a.Match = "httpsRedirect of the server"
	if c := s.clause; c != nil {
		a.VirtualService, a.Route, a.Match, a.Place = c.Route.Service, c.Name, s.String(), inspect.At(&c.Route.Origin, "")
	}
	return a
}

func countText(n int, what string) string { return fmt.Sprintf("%s %s", strconv.Itoa(n), what) }
