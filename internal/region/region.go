// Package region finds requests: a request that some clauses match and others do not, or
// the proof that there is none. The main type is Solver. A region is a product: the path,
// the method, the scheme, the authority, each header and each query parameter have values
// of their own, and every condition is a set of values of one of them.
//
// That no request exists is proved, never guessed: a value that cannot occur may be
// thought possible, but not the other way around. Each request that is found was checked
// with the clauses themselves. A Solver gives up beyond its bounds, which regular
// expressions can reach; exact, prefix and presence conditions reach them only if thousands
// of them lie over each other.
package region

import (
	"net/http"
	"regexp"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A Verdict is an answer of a Solver.
type Verdict uint8

// The verdicts.
const (
	// None means that there is no such request.
	None Verdict = iota
	// Found means that there is one.
	Found
	// GaveUp means that a bound was reached first.
	GaveUp
)

// A Space is the requests that can exist: those that reach a virtual host. The zero Space
// is the requests of any host, by http. It must not be changed after a question, and is for
// one goroutine.
type Space struct {
	// Hosts are the virtual hosts that the request must reach. No Hosts means any
	// authority.
	Hosts []Host
	// Schemes are those that can occur, the preferred one first. None means http.
	Schemes []string
	// Port is the port of the listener, or 0. Clients write it into the authority if it
	// is not the usual one of the scheme.
	Port int
	// Normalization is how paths were normalized before clauses see them.
	Normalization spec.PathNormalization
	// Edge tells which headers the gateway writes itself.
	Edge *edge.Edge
	// Strict means that requests are refused that strict gateways refuse.
	Strict bool

	// authorities are what the Hosts require of the authority, once it was asked.
	authorities []bound
}

// A Host is a virtual host that a request must reach.
type Host struct {
	// Domain is a name in lower case, a wildcard such as "*.example.com", or "*".
	Domain string
	// Owner returns the domain that gets the requests for an authority, or "". It tells
	// which names a wildcard does not get. It may be nil.
	Owner func(authority string) string
}

// admits reports whether requests for an authority reach the host.
func (h *Host) admits(authority string) bool {
	if h.Owner != nil {
		return h.Owner(authority) == h.Domain
	}
	var t hosts.Table[bool]
	t.Add(h.Domain, true)
	found, _ := t.Find(authority)
	return found
}

// A Solver finds requests. It keeps what it learns about regular expressions, so use one
// for many questions. The zero Solver is ready to use. It is for one goroutine.
type Solver struct {
	expressions map[string]*expression
	regexes     map[string]*regexp.Regexp
}

// Bounds of one question.
const (
	// maxBranches is how many choices are tried of which condition does not hold.
	maxBranches = 2000
	// maxStates is how many states a search for one value visits.
	maxStates = 20000
	// maxRounds is how many clauses Search excludes one by one.
	maxRounds = 2000
)

// Solve finds a request of the space that all clauses of in match and no clause of out
// matches. The request is nil unless the verdict is Found.
func (s *Solver) Solve(space *Space, in, out []*match.Clause) (*Request, Verdict) {
	p := newProblem(s, space)
	for _, c := range in {
		if !p.include(c) {
			return nil, None
		}
	}
	for _, c := range out {
		if !p.exclude(c) {
			return nil, None
		}
	}
	if v := p.solve(); v != Found {
		return nil, v
	}
	return p.found, Found
}

// Search finds a request that all clauses of in match and to which nobody objects. next
// gets each candidate and returns a clause that takes it and must not, or nil if there is
// none. So the clauses that matter are found one by one, and a question does not cost more
// if there are many others. Search also returns these clauses. If next does not accept the
// last candidate and names no clause that matches it, Search gives up.
func (s *Solver) Search(space *Space, in []*match.Clause, next func(*Request) (objection *match.Clause, accepted bool)) (*Request, []*match.Clause, Verdict) {
	var out []*match.Clause
	known := map[*match.Clause]bool{}
	for range maxRounds {
		r, v := s.Solve(space, in, out)
		if v != Found {
			return nil, out, v
		}
		objection, accepted := next(r)
		if accepted {
			return r, out, Found
		}
		if objection == nil || known[objection] {
			return nil, out, GaveUp
		}
		known[objection] = true
		out = append(out, objection)
	}
	return nil, out, GaveUp
}

// view returns a request as clauses see it.
func (s *Space) view(r *Request) *match.View {
	e := s.edge()
	h := r.HTTP()
	return &match.View{Request: h, Path: r.Path, Scheme: e.Scheme(h), Edge: e}
}

var closedEdge edge.Edge

func (s *Space) edge() *edge.Edge {
	if s.Edge != nil {
		return s.Edge
	}
	return &closedEdge
}

func (s *Space) schemes() []string {
	if len(s.Schemes) == 0 {
		return plainText
	}
	return s.Schemes
}

var plainText = []string{"http"}

// isToken reports whether a method can be one of a request that routes see.
func isToken(method string) bool {
	if method == http.MethodConnect || method == "" {
		return false
	}
	for i := range len(method) {
		if !tokenByte(rune(method[i])) {
			return false
		}
	}
	return true
}
