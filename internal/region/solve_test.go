package region

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

var regexes = regex.Cache{}

func clause(t testing.TB, m spec.Match) *match.Clause {
	t.Helper()
	uri, rest, err := match.Compile(&m, regexes)
	require.NoError(t, err)
	return &match.Clause{URI: uri, Conditions: rest}
}

// A smallWorld is all requests of a few parts, so that they can be counted.
type smallWorld struct {
	*rand.Rand
	paths, methods, values []string
}

// texts returns all texts of up to n of some parts behind a beginning.
func texts(beginning string, n int, parts ...string) []string {
	out, last := []string{beginning}, []string{beginning}
	for range n {
		var next []string
		for _, text := range last {
			for _, p := range parts {
				next = append(next, text+p)
			}
		}
		out, last = append(out, next...), next
	}
	return out
}

func newSmallWorld(seed uint64, n spec.PathNormalization) *smallWorld {
	w := &smallWorld{Rand: rand.New(rand.NewPCG(seed, 1))}
	admits := pathForm(n).admits
	for _, path := range texts("/", 5, "/", "a", "b", ".") {
		if admits(path) {
			w.paths = append(w.paths, path)
		}
	}
	w.methods = []string{"GET", "POST", "PUT"}
	w.values = texts("", 3, "1", "2")
	return w
}

func (w *smallWorld) one(of ...string) string { return of[w.IntN(len(of))] }

func (w *smallWorld) path() string {
	p := "/"
	for range w.IntN(4) {
		p += w.one("a", "b", "/", "a", ".")
	}
	return p
}

func (w *smallWorld) uri(regexes bool) spec.StringMatch {
	kinds := 5
	if regexes {
		kinds = 8
	}
	switch w.IntN(kinds) {
	case 0:
		return spec.StringMatch{}
	case 1, 2:
		return spec.Exact(w.path())
	case 3, 4:
		return spec.Prefix(w.path())
	}
	return spec.Regex(w.one("/a+", "/(a|b)*", "/.*", "/[^/]+", "(?i)/A.*", ".*b", "/a?b?/?", "/[ab]{2}", "/\\w*", ".*\\bb.*", "/|/a.*", "^/a$", "/.+"))
}

func (w *smallWorld) value(regexes bool) spec.StringMatch {
	kinds := 6
	if regexes {
		kinds = 8
	}
	v := w.one("1", "2", "11", "12")
	switch w.IntN(kinds) {
	case 0, 1:
		return spec.StringMatch{}
	case 2, 3:
		return spec.Exact(v)
	case 4, 5:
		return spec.Prefix(v)
	}
	return spec.Regex(w.one(".*", "1*", "[12]+", "1|2", "(1|2){2}", "1?", "*", ".+"))
}

func (w *smallWorld) match(regexes bool) spec.Match {
	m := spec.Match{URI: w.uri(regexes), IgnoreURICase: w.IntN(6) == 0}
	if w.IntN(4) == 0 {
		m.Method = spec.Exact(w.one(w.methods...))
	}
	for range w.IntN(3) {
		name := w.one("x", "y")
		switch w.IntN(4) {
		case 0:
			m.WithoutHeaders = map[string]spec.StringMatch{name: w.value(regexes)}
		case 1:
			m.QueryParams = map[string]spec.StringMatch{"q": w.value(regexes)}
		default:
			m.Headers = map[string]spec.StringMatch{name: w.value(regexes)}
		}
	}
	return m
}

// find looks for a request at random, many times, or for all of them if that is fewer.
func (w *smallWorld) find(s *Space, in, out []*match.Clause, tries int) *Request {
	r := &Request{Scheme: "http", Authority: "a.test"}
	value := func(h map[string][]string, name string) {
		delete(h, name)
		if w.IntN(3) > 0 {
			h[name] = []string{w.one(w.values...)}
		}
	}
	r.Header = map[string][]string{}
	for range tries {
		r.Path, r.Method = w.one(w.paths...), w.one(w.methods...)
		value(r.Header, "X")
		value(r.Header, "Y")
		r.Query = ""
		if w.IntN(3) > 0 {
			r.Query = "q=" + w.one(w.values...)
		}
		if fits(s, r, in, out) {
			return r
		}
	}
	return nil
}

func fits(s *Space, r *Request, in, out []*match.Clause) bool {
	v := s.view(r)
	for _, c := range in {
		if !c.Matches(v) {
			return false
		}
	}
	for _, c := range out {
		if c.Matches(v) {
			return false
		}
	}
	return true
}

// TestSolveAgainstRandomRequests compares the solver with many requests of a small world.
// If one of them fits, the solver finds one too, and what it finds fits.
func TestSolveAgainstRandomRequests(t *testing.T) {
	questions, tries := 1500, 300
	if os.Getenv("LATEEN_SHADOW_REQUESTS") != "" {
		questions, tries = 30_000, 1000
	}
	var s Solver
	verdicts := map[Verdict]int{}
	for n := range questions {
		w := newSmallWorld(uint64(n), spec.PathNormalization(n%4))
		space := &Space{Normalization: spec.PathNormalization(n % 4)}
		var in, out []*match.Clause
		var text []string
		for i := range 2 + w.IntN(6) {
			m := w.match(n%2 == 0)
			if i == 0 || i == 1 && w.IntN(3) == 0 {
				in = append(in, clause(t, m))
				text = append(text, fmt.Sprintf("in  %+v", m))
			} else {
				out = append(out, clause(t, m))
				text = append(text, fmt.Sprintf("out %+v", m))
			}
		}
		r, verdict := s.Solve(space, in, out)
		verdicts[verdict]++
		switch verdict {
		case Found:
			require.True(t, fits(space, r, in, out), "%s\n%s", r, strings.Join(text, "\n"))
			require.True(t, pathForm(space.Normalization).admits(r.Path), "%s", r)
		case GaveUp:
			t.Errorf("question %d: it gave up\n%s", n, strings.Join(text, "\n"))
		case None:
			if r := w.find(space, in, out, tries); r != nil {
				t.Fatalf("question %d: %s fits\n%s", n, r, strings.Join(text, "\n"))
			}
		}
	}
	t.Log(verdicts)
	require.Greater(t, verdicts[None], questions/10)
	require.Greater(t, verdicts[Found], questions/10)
}
