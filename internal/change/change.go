// Package change finds out which requests get another answer from one program than from
// another. The main function is Compare.
//
// It does not compare texts. Two lists of clauses differ where a request takes a clause
// of each and the two do not answer the same. So for each virtual host it looks at all
// pairs of clauses, one of each list, that may have a request in common and that answer
// differently, and asks package region for a request that takes both: the witness. A pair
// without a witness is proved to have none. What is left is the proof that nothing else
// changes.
package change

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// maxSearches is how many pairs of clauses are looked at in one comparison. Beyond it,
// the rest is reported as not proved.
const maxSearches = 200_000

// Compare returns what the new program changes.
func Compare(old, new *program.Program, o inspect.Comparing) inspect.Changes {
	c := &comparison{
		o: &o, old: newSide(old, &o), new: newSide(new, &o), interned: map[string]int{}, solved: map[string]*hostResult{},
	}
	c.out.Names = [2]string{cmp.Or(o.Names[0], "old"), cmp.Or(o.Names[1], "new")}
	c.settings()
	if o.RouteConfigs != nil {
		c.named(o.RouteConfigs)
	} else {
		c.listeners()
	}
	c.group()
	c.out.Proved = len(c.out.Unproved) == 0
	return c.out
}

// A comparison is one in progress.
type comparison struct {
	o        *inspect.Comparing
	old, new *side
	solver   region.Solver
	interned map[string]int
	// solved are the results for pairs of lists of clauses.
	solved   map[string]*hostResult
	searches int
	classes  []*class
	// refused are the changes of which requests are refused as doubtful.
	refused []inspect.RequestChange
	out     inspect.Changes
}

// A side is one of the two programs.
type side struct {
	*program.Program
	facts *program.Facts
	// answers are the interned facts of routes, without the ignored ones.
	answers map[*program.Route]*answer
	https   step
}

// An answer is what a route does, without what it does with the path.
type answer struct {
	facts []program.Fact
	id    int
	// unknown is why it is not known what the route does, or "".
	unknown string
}

// A step is a clause of a virtual host, or the redirect to https before all of them.
type step struct {
	*match.Clause
	// clause is nil for the redirect.
	clause *program.Clause
	*answer
	// path is the interned PathChange.
	path int
}

func newSide(p *program.Program, o *inspect.Comparing) *side {
	return &side{Program: p, facts: program.NewFacts(p), answers: map[*program.Route]*answer{}}
}

// intern returns a number for a text, the same one for the same text.
func (c *comparison) intern(text string) int {
	id, ok := c.interned[text]
	if !ok {
		id = len(c.interned)
		c.interned[text] = id
	}
	return id
}

// settings reports settings of the programs as a whole that differ. The proofs are about
// what the routes say.
func (c *comparison) settings() {
	for _, s := range []struct{ name, old, new string }{
		{"semantics", c.old.Semantics.String(), c.new.Semantics.String()},
		{"path normalization", c.old.Normalization.String(), c.new.Normalization.String()},
		{"number of trusted proxies", strconv.Itoa(c.old.Edge.Trusted), strconv.Itoa(c.new.Edge.Trusted)},
		{"strict reading", c.old.Strict.String(), c.new.Strict.String()},
		{"number of requests in flight", bound(c.old.Load.Most()), bound(c.new.Load.Most())},
	} {
		if s.old != s.new {
			c.out.Unproved = append(c.out.Unproved, inspect.Unproved{Reason: "the " + s.name + " differs: " + s.old + " and " + s.new})
		}
	}
}

// bound returns a bound as text.
func bound(n int64) string {
	if n == 0 {
		return "any"
	}
	return strconv.FormatInt(n, 10)
}

// steps returns the steps of a virtual host, which may be nil.
func (c *comparison) steps(s *side, h *program.VirtualHost, secure bool) []step {
	if h == nil {
		return nil
	}
	steps := make([]step, 0, len(h.Clauses)+1)
	if h.RedirectsToHTTPS() && !secure {
		steps = append(steps, c.toHTTPS(s))
		if s.Edge.Trusted == 0 {
			return steps // no request over plain text has another scheme
		}
	}
	for i := range h.Clauses {
		cl := &h.Clauses[i]
		steps = append(steps, step{cl.Clause, cl, c.answer(s, cl), c.intern("path " + cl.PathChange())})
	}
	return steps
}

// toHTTPS returns the redirect to https.
func (c *comparison) toHTTPS(s *side) step {
	if s.https.answer == nil {
		uri, conditions, _ := match.Compile(&spec.Match{Scheme: spec.Exact("http")}, regex.Cache{})
		facts := []program.Fact{{Name: program.FactAnswer, Value: "redirect 301 to https"}}
		s.https = step{&match.Clause{URI: uri, Conditions: conditions}, nil, &answer{facts: facts, id: c.intern(factsText(facts))}, c.intern("path ")}
	}
	return s.https
}

func (c *comparison) answer(s *side, cl *program.Clause) *answer {
	if a := s.answers[cl.Route]; a != nil {
		return a
	}
	a := new(answer)
	for _, f := range s.facts.Of(cl) {
		if !c.o.Ignores(f.Name) {
			a.facts = append(a.facts, f)
		}
	}
	if c.o.Unknown != nil {
		a.unknown = c.o.Unknown(cl.Route.Origin)
	}
	a.id = c.intern(factsText(a.facts))
	s.answers[cl.Route] = a
	return a
}

func factsText(facts []program.Fact) string {
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(strconv.Quote(f.Name) + strconv.Quote(f.Value))
	}
	return b.String()
}

// same reports whether two steps answer every request of both in the same way.
func (a *step) same(b *step) bool { return a.id == b.id && a.path == b.path && a.unknown == b.unknown }
