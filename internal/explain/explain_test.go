package explain_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
)

// pick returns one of several values.
func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// someMatch returns a random match. Many of them are alike, so that requests meet several.
func someMatch(random *rand.Rand) spec.Match {
	var m spec.Match
	switch random.IntN(6) {
	case 0:
		m.URI = spec.Exact(pick(random, "/a", "/a/b", "/A", "/c"))
	case 1:
		m.URI = spec.Regex(pick(random, "/a/.*", "/[a-c]", ".*", "/a|/c"))
	case 2:
		m.URI, m.IgnoreURICase = spec.Prefix(pick(random, "/A", "/a/B")), true
	case 3, 4:
		m.URI = spec.Prefix(pick(random, "/", "/a", "/a/", "/a/b", "/c"))
	}
	value := func() spec.StringMatch {
		return pick(random, spec.StringMatch{}, spec.Exact("1"), spec.Exact("2"), spec.Exact("3"), spec.Prefix("1"), spec.Regex("[23]"))
	}
	if random.IntN(3) == 0 {
		m.Method = pick(random, spec.Exact("GET"), spec.Exact("POST"))
	}
	if random.IntN(2) == 0 {
		m.Headers = map[string]spec.StringMatch{pick(random, "X-A", "x-b"): value()}
	}
	if random.IntN(4) == 0 {
		m.QueryParams = map[string]spec.StringMatch{"q": value()}
	}
	if random.IntN(4) == 0 {
		m.WithoutHeaders = map[string]spec.StringMatch{pick(random, "x-a", "x-c"): value()}
	}
	return m
}

// someGateway returns a gateway with random routes, each of which answers with its name.
func someGateway(t *testing.T, random *rand.Rand) *gateway.Gateway {
	b := gateway.New()
	for i := range 1 + random.IntN(3) {
		vs := spec.VirtualService{Name: fmt.Sprint("vs", i), Hosts: []string{pick(random, "a.test", "*.test", "*")}, Gateways: []string{"*"}}
		for j := range 1 + random.IntN(pick(random, 3, 8, 60)) {
			r := spec.Route{Name: fmt.Sprintf("r%d-%d", i, j)}
			for range 1 + random.IntN(2) {
				r.Match = append(r.Match, someMatch(random))
			}
			r.DirectResponse = &spec.DirectResponse{Status: 200, Body: []byte(r.Name)}
			vs.Routes = append(vs.Routes, r)
		}
		b.VirtualService(vs)
	}
	return testgateway.Built(t, b)
}

func someRequest(random *rand.Rand) *http.Request {
	r := httptest.NewRequest(pick(random, "GET", "POST", "PUT"), pick(random, "/", "/a", "/A", "/a/b", "/a/b/c", "/c", "/d", "//a")+pick(random, "", "?q=1", "?q=2", "?q"), nil)
	r.Host = pick(random, "a.test", "b.test:80", "other")
	for _, name := range []string{"X-A", "X-B", "X-C"} {
		if random.IntN(2) == 0 {
			r.Header.Set(name, pick(random, "1", "2", "12", "4"))
		}
	}
	return r
}

// holds decides a condition from its description alone.
func holds(t *testing.T, c *inspect.Condition, r *http.Request) (holds bool, value string, present bool) {
	kind, name, _ := strings.Cut(c.Source, " ")
	switch kind {
	case "path":
		value, present = r.URL.Path, true
	case "method":
		value, present = r.Method, true
	case "header":
		lines := r.Header.Values(name)
		value, present = strings.Join(lines, ","), len(lines) > 0
	case "query":
		value, present = r.URL.Query().Get(name), r.URL.Query().Has(name)
	default:
		t.Fatalf("source %q", c.Source)
	}
	is, want := value, c.Value
	if c.IgnoreCase {
		is, want = strings.ToLower(is), strings.ToLower(want)
	}
	switch c.Kind {
	case "present":
		return present != c.Negated, value, present
	case "exact":
		holds = is == want
	case "prefix":
		holds = strings.HasPrefix(is, want)
	case "regex":
		holds = regexp.MustCompile(`\A(?:` + want + `)\z`).MatchString(is)
	}
	if c.Negated {
		return !holds, value, present
	}
	return holds && present, value, present
}

// The explanation of any request is true: its route is that of the answer, the condition
// that is said to have failed does not hold, and all others before it do.
func TestExplanationsAreTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	results := map[inspect.CandidateResult]int{}
	only := 0
	for range 300 {
		gw := someGateway(t, random)
		for range 20 {
			r := someRequest(random)
			e := gw.Explain(r)
			require.Equal(t, gw.Decide(r), e.Decision)
			w := httptest.NewRecorder()
			gw.ServeHTTP(w, r)
			if e.Decision.Route != nil {
				taken, _, _ := strings.Cut(e.Decision.Route.Name, ".")
				require.Equal(t, taken, w.Body.String())
			} else {
				require.Equal(t, http.StatusNotFound, w.Code)
			}
			last := -1
			for i := range e.Candidates {
				c := &e.Candidates[i]
				results[c.Result]++
				require.Greater(t, c.Index, last, "candidates are in order")
				last = c.Index
				require.Equal(t, c.Result == inspect.CandidateFailed, c.Failed != nil)
				if c.Result == inspect.CandidateTaken {
					require.Equal(t, e.Decision.Route.Index, c.Index)
				}
				failed := 0
				for j := range c.Conditions {
					ok, had, present := holds(t, &c.Conditions[j], r)
					if ok {
						continue
					}
					if failed++; failed == 1 {
						require.NotNil(t, c.Failed, "%s %s: %s", r.Method, r.URL, c.Conditions[j].Text)
						require.Equal(t, c.Conditions[j], c.Failed.Condition)
						require.Equal(t, had, c.Failed.Had)
						require.Equal(t, present, c.Failed.Present)
					}
				}
				require.Equal(t, c.Failed != nil, failed > 0)
				if c.Failed != nil {
					require.Equal(t, failed == 1, c.Failed.Only)
					if c.Failed.Only {
						only++
					}
				}
			}
			require.Equal(t, e.Decision.Route != nil, slices.ContainsFunc(e.Candidates, func(c inspect.Candidate) bool { return c.Result == inspect.CandidateTaken }))
			require.NotEmpty(t, e.String())
		}
	}
	for _, result := range []inspect.CandidateResult{inspect.CandidateFailed, inspect.CandidateTaken, inspect.CandidateLater} {
		require.Greater(t, results[result], 100, result)
	}
	require.Greater(t, only, 100)
}

// To explain costs little whatever the number of routes: by path, by value, and without a
// route.
func BenchmarkExplain(b *testing.B) {
	const n = 10_000
	for _, c := range []struct {
		name   string
		match  func(i int) spec.Match
		target string
	}{
		{"paths", func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/v1/products%d/", i))} }, "/api/v1/products7777/x"},
		{"no path", func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/v1/products%d/", i))} }, "/api/v1/prodcts7777/x"},
		{"headers", func(i int) spec.Match {
			return spec.Match{URI: spec.Prefix("/"), Headers: map[string]spec.StringMatch{"x-tenant": spec.Exact(fmt.Sprint("tenant", i))}}
		}, "/x"},
		{"regexes", func(i int) spec.Match { return spec.Match{URI: spec.Regex(fmt.Sprintf("/.*/products%d", i))} }, "/api/products"},
	} {
		b.Run(c.name, func(b *testing.B) {
			vs := spec.VirtualService{Name: "many", Hosts: []string{"*"}, Gateways: []string{"*"}}
			for i := range n {
				vs.Routes = append(vs.Routes, spec.Route{Match: []spec.Match{c.match(i)}, DirectResponse: &spec.DirectResponse{Status: 200}})
			}
			gw, err := gateway.New().VirtualService(vs).Build()
			require.NoError(b, err)
			defer gw.Close()
			r := httptest.NewRequest("GET", c.target, nil)
			b.ReportAllocs()
			for b.Loop() {
				_ = gw.Explain(r)
			}
		})
	}
}
