package change

import (
	"cmp"
	"math"
	"slices"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
)

// noStep is the position of the 404 after all steps.
const noStep = -1

// A class is the requests that take one step of each list, and a witness.
type class struct {
	host *hostPair
	// old and new are positions, or noStep. The steps are nil for noStep.
	old, new         int
	oldStep, newStep *step
	request          *region.Request
}

// pairs are the pairs of steps of one pair of virtual hosts.
type pairs struct {
	*comparison
	host     *hostPair
	old, new []step
	// inOld[j] is the position of the first old step with the conditions of new step j,
	// or beyond. inNew is the other way around.
	inOld, inNew []int
	result       *hostResult
	list         [][2]int
	// told are the steps of which was said that they are unknown.
	told map[*step]bool
}

// beyond is after all steps.
const beyond = math.MaxInt

func newPairs(c *comparison, h *hostPair, old, new []step) *pairs {
	return &pairs{comparison: c, host: h, old: old, new: new, result: &hostResult{}, inOld: make([]int, len(new)), inNew: make([]int, len(old)), told: map[*step]bool{}}
}

// find finds the witnesses.
//
// A request that takes old step i matches its conditions. If new step n has the same
// conditions, the request takes n or an earlier step. So i has no request in common with
// steps after n, and the same holds the other way around. In two lists with a common part
// in the same order, each step of that part can only be paired with its own twin or with
// a step outside of the common part.
func (p *pairs) find() {
	p.align()
	steady := p.steady()
	inOld, inNew := newOverlaps(p.old), newOverlaps(p.new)
	for i := range p.old {
		if p.inNew[i] < 0 {
			continue
		}
		if steady[i] {
			p.add(i, p.inNew[i])
			continue
		}
		inNew.with(&p.old[i], func(j int) { p.add(i, j) })
		p.add(i, noStep)
	}
	steadyNew := make([]bool, len(p.new))
	for i, is := range steady {
		if is {
			steadyNew[p.inNew[i]] = true
		}
	}
	for j := range p.new {
		if p.inOld[j] < 0 || steadyNew[j] {
			continue
		}
		inOld.with(&p.new[j], func(i int) {
			if steady[i] {
				p.add(i, j)
			}
		})
		p.add(noStep, j)
	}
	slices.SortFunc(p.list, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, pair := range slices.Compact(p.list) {
		p.search(pair[0], pair[1])
	}
}

// shadowed marks a step that no request takes, because an earlier one has its conditions.
const shadowed = -1

// align fills inOld and inNew.
func (p *pairs) align() {
	first := func(list []step, of []int) map[string]int {
		at := make(map[string]int, len(list))
		for i := range list {
			key := list[i].Key()
			if _, twice := at[key]; twice {
				of[i] = shadowed
				continue
			}
			at[key] = i
		}
		return at
	}
	oldAt, newAt := first(p.old, p.inNew), first(p.new, p.inOld)
	fill := func(list []step, of []int, at map[string]int) {
		for i := range list {
			if of[i] == shadowed {
				continue
			}
			of[i] = beyond
			if j, ok := at[list[i].Key()]; ok {
				of[i] = j
			}
		}
	}
	fill(p.old, p.inNew, newAt)
	fill(p.new, p.inOld, oldAt)
}

// steady marks the old steps of the longest common part of both lists.
func (p *pairs) steady() []bool {
	// The longest increasing subsequence of inNew. ends[n] is the old step that ends the
	// best one of length n+1.
	var ends []int
	before := make([]int, len(p.old))
	for i, j := range p.inNew {
		before[i] = -1
		if j == beyond || j < 0 {
			continue
		}
		n, _ := slices.BinarySearchFunc(ends, j, func(end, j int) int { return cmp.Compare(p.inNew[end], j) })
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	steady := make([]bool, len(p.old))
	if len(ends) == 0 {
		return steady
	}
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		steady[i] = true
	}
	return steady
}

// add adds a pair that may have a witness.
func (p *pairs) add(i, j int) {
	if i != noStep && position(j) > p.inNew[i] || j != noStep && position(i) > p.inOld[j] {
		return
	}
	a, b := stepAt(p.old, i), stepAt(p.new, j)
	if a != nil && b != nil && (a.same(b) && a.unknown == "" || a.Excludes(b.Clause)) {
		return
	}
	p.list = append(p.list, [2]int{i, j})
}

// position returns where a step is tried.
func position(i int) int {
	if i == noStep {
		return beyond
	}
	return i
}

func stepAt(list []step, i int) *step {
	if i == noStep {
		return nil
	}
	return &list[i]
}

// maxUnseen is how many requests are tried that do not show a difference of paths and
// headers.
const maxUnseen = 16

// search looks for a request that takes both steps, and gets different answers.
func (p *pairs) search(i, j int) {
	old, new := stepAt(p.old, i), stepAt(p.new, j)
	if s := unknown(old, new); s != nil {
		if !p.told[s] {
			p.told[s] = true
			p.unproved(old, new, s.unknown)
		}
		return
	}
	if p.searches++; p.searches > maxSearches {
		if p.searches == maxSearches+1 {
			p.unproved(nil, nil, "too many routes differ")
		}
		return
	}
	for _, e := range effectsOf(old, new) {
		r, verdict := p.witness(i, j, e)
		switch {
		case verdict == region.Found:
			p.result.classes = append(p.result.classes, &class{p.host, i, j, old, new, r})
		case verdict == region.None && (e == nil || e.whole):
		case verdict == region.GaveUp && (e == nil || e.whole):
			p.unproved(old, new, "no request was found that matches both, and no proof that there is none")
		default:
			continue
		}
		return
	}
}

// witness looks for a request that takes both steps and shows an effect, if that is not
// nil.
func (p *pairs) witness(i, j int, e *effect) (*region.Request, region.Verdict) {
	old, new := stepAt(p.old, i), stepAt(p.new, j)
	var in []*match.Clause
	for _, s := range []*step{old, new} {
		if s != nil {
			in = append(in, s.Clause)
		}
	}
	tried := 0
	next := func(r *region.Request) (objection *match.Clause, accepted bool) {
		if other := p.host.others(r.Authority); other != nil {
			return other, false
		}
		a, b := p.host.ask(p.comparison, r, p.old, p.new)
		switch {
		case a == i && b == j:
		case a != i && a >= 0:
			return p.old[a].Clause, false
		case b != j && b >= 0:
			return p.new[b].Clause, false
		default:
			return nil, false
		}
		if e == nil || e.shows(p, r, old, new) {
			return nil, true
		}
		if tried++; tried > maxUnseen {
			return nil, false
		}
		return e.objection(r), false
	}
	r, _, verdict := p.solver.Search(&p.host.space, in, next)
	return r, verdict
}

// unknown returns the step of which it is not known what it does, or nil.
func unknown(steps ...*step) *step {
	for _, s := range steps {
		if s != nil && s.unknown != "" {
			return s
		}
	}
	return nil
}

func (p *pairs) unproved(old, new *step, reason string) {
	u := inspect.Unproved{RouteConfig: p.host.newTable.Name, Host: p.host.domain, Reason: reason}
	if old != nil {
		u.Old = old.String()
	}
	if new != nil {
		u.New = new.String()
	}
	p.result.unproved = append(p.result.unproved, u)
}

// misled is the position of no step: the request does not reach the virtual host, or is
// refused.
const misled = -2

// ask returns which steps a request takes.
func (h *hostPair) ask(c *comparison, r *region.Request, old, new []step) (int, int) {
	return taken(c.old, h.oldTable, h.old, old, r), taken(c.new, h.newTable, h.new, new, r)
}

func taken(s *side, t *program.RouteTable, want *program.VirtualHost, list []step, r *region.Request) int {
	var v match.View
	host, clause, outcome := s.Route(t, &v, r.HTTP())
	if host == program.Blackhole {
		host = nil
	}
	if host != want {
		return misled
	}
	switch outcome {
	case program.OutcomeRoute:
		at := int(clause.Position)
		if len(list) > 0 && list[0].clause == nil {
			at++
		}
		return at
	case program.OutcomeHTTPSRedirect:
		return 0
	case program.OutcomeNoHost, program.OutcomeNoRoute, program.OutcomeBlackhole:
		return noStep
	}
	return misled
}
