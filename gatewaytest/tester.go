package gatewaytest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A Suite says which gateway is tested. The zero Suite has a gateway without routes.
type Suite struct {
	// Source is the configuration. It is read once.
	Source spec.Source
	// Semantics are those of the gateway. Use gateway.Envoy to test the configuration of a
	// cluster; the zero value is gateway.Native.
	Semantics gateway.Semantics
	// Configure makes other settings, such as Backend, Workload or Limiter. It is called
	// for each gateway that the tests need, and must do the same each time. Destinations
	// without a backend get one that answers what Case.Backend says. Nil means none.
	Configure func(*gateway.Builder)
	// MinCoverage is the coverage below which Run fails, from 0 to 1.
	MinCoverage float64
}

// Open builds the gateway. The error joins a *spec.Error for each problem of the
// configuration.
func (s *Suite) Open() (*Tester, error) {
	t := &Tester{suite: *s}
	if s.Source != nil {
		t.declared, t.problems = s.Source.Declare()
	}
	var err error
	t.gateway, t.warnings, err = t.build(&t.declared, t.problems, noRandom, http.NotFoundHandler())
	if err != nil {
		return nil, err
	}
	t.coverage = newCoverage(t.gateway)
	return t, nil
}

// A Tester checks cases, without package testing. Suite.Open returns one. Its methods are
// safe for concurrent use. Close it at the end.
type Tester struct {
	suite    Suite
	declared spec.Declarations
	problems error
	gateway  *gateway.Gateway
	warnings []spec.Warning

	mu       sync.Mutex
	coverage *Coverage
	// still serves without what is random, slow or limited, and without endpoints. missing
	// does the same for destinations that are missing. They are nil until a case needs
	// them.
	still, missing *stillGateway
	// unbound has all VirtualServices without the Gateways, and routes has no faults and
	// CORS policies. They are nil until a case needs them.
	unbound, routes *gateway.Gateway
}

// Warnings returns the warnings about the configuration.
func (t *Tester) Warnings() []spec.Warning { return t.warnings }

// Gateway returns the gateway that the cases ask.
func (t *Tester) Gateway() *gateway.Gateway { return t.gateway }

// Coverage returns what the cases so far have covered.
func (t *Tester) Coverage() *Coverage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.coverage.clone()
}

// Close ends the gateway.
func (t *Tester) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var problems []error
	for _, s := range []*stillGateway{t.still, t.missing} {
		if s != nil {
			problems = append(problems, s.gateway.Close())
		}
	}
	for _, gw := range []*gateway.Gateway{t.unbound, t.routes} {
		if gw != nil {
			problems = append(problems, gw.Close())
		}
	}
	return errors.Join(append(problems, t.gateway.Close())...)
}

// build builds a gateway. The backend is for the destinations that Configure gives none.
func (t *Tester) build(d spec.Source, problems error, set func(*gateway.Builder), backend http.Handler) (*gateway.Gateway, []spec.Warning, error) {
	builder := func(others bool) *gateway.Builder {
		b := gateway.New().Semantics(t.suite.Semantics).Resolver(offline{})
		if t.suite.Configure != nil {
			t.suite.Configure(b)
		}
		set(b.Load(alreadyRead{d, problems}))
		if others {
			b.Backend("*", backend)
		}
		return b
	}
	b := builder(true)
	gw, err := b.Build()
	for e := range spec.Errors(err) {
		// Configure has named a backend for all others.
		if e.Kind == "Backend" && e.Name == "*" && e.Code == spec.CodeDuplicate {
			b = builder(false)
			gw, err = b.Build()
			break
		}
	}
	return gw, b.Warnings(), err
}

// noRandom makes the random values of decisions, such as the request's id, the same.
func noRandom(b *gateway.Builder) { b.Random(func() uint64 { return 0 }) }

// alreadyRead is a Source that was read before, with its problems.
type alreadyRead struct {
	spec.Source
	problems error
}

func (s alreadyRead) Declare() (spec.Declarations, error) {
	d, err := s.Source.Declare()
	return d, errors.Join(s.problems, err)
}

// Check checks a case.
func (t *Tester) Check(c Case) Result {
	r := Result{Case: c}
	for _, p := range c.problems() {
		r.Problems = append(r.Problems, c.finding(p))
	}
	if c.skip != "" {
		r.Skipped = c.skip
	}
	if len(r.Problems) > 0 || r.Skipped != "" {
		return r
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a, err := t.ask(&c)
	if err != nil {
		r.Problems = append(r.Problems, c.finding(problem{path: "request", text: err.Error()}))
		return r
	}
	r.Decision = a.decision
	if !a.unbound {
		t.coverage.note(t.gateway, a.q, &r.Decision, func(to *gateway.DecidedDestination) bool { return c.names(to, &r.Decision) })
	}
	x := comparison{tester: t, c: &c, asked: a, d: &r.Decision}
	x.all()
	r.Differences, r.Skipped = x.differences, x.skipped
	if len(r.Differences) > 0 && !a.unbound {
		r.Why = t.why(&c, a.q, &r.Decision)
	}
	return r
}

// ask decides about the request of a case.
func (t *Tester) ask(c *Case) (*asked, error) {
	if c.foreign != nil {
		return t.askForeign(c)
	}
	q, err := c.question()
	if err != nil {
		return nil, err
	}
	return &asked{q: q, decision: q.Ask(t.gateway)}, nil
}

// finding places a problem of a case.
func (c *Case) finding(p problem) *spec.Error {
	o := c.Origin
	f := o.At(p.path, p.text)
	f.Code, f.Suggestion = spec.CodeInvalid, p.suggestion
	return &spec.Error{Finding: f}
}

// A served is an answer that the gateway gave when it served a request.
type served struct {
	// destination is the one that was drawn.
	destination *gateway.DecidedDestination
	*httptest.ResponseRecorder
}

// serveEach serves the request once for each destination.
func (t *Tester) serveEach(c *Case, a *asked) ([]served, error) {
	if a.unbound {
		return nil, errors.New("the VirtualService is not bound to a Gateway, so nothing can be served")
	}
	var out []served
	drawn := uint64(0)
	for i := range a.decision.Destinations {
		to := &a.decision.Destinations[i]
		still, err := t.stillOf(to)
		if err != nil {
			return nil, fmt.Errorf("the gateway cannot serve: %w", err)
		}
		out = append(out, served{to, still.serve(c, a.q, drawn)})
		drawn += uint64(to.Weight)
	}
	return out, nil
}

// stillOf returns the gateway that serves requests to a destination.
func (t *Tester) stillOf(to *gateway.DecidedDestination) (s *stillGateway, err error) {
	d := withoutChance(&t.declared)
	if to.Missing {
		if t.missing == nil {
			t.missing, err = t.newStill(d)
		}
		return t.missing, err
	}
	if t.still == nil {
		d.Services = answering(d.Services)
		t.still, err = t.newStill(d)
	}
	return t.still, err
}
