package match

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

// scan gives the result that an index must also give.
func scan(clauses []Clause, v *View) int32 {
	for i := range clauses {
		if clauses[i].Matches(v) {
			return int32(i)
		}
	}
	return none
}

// A table of random clauses draws from few words, so that the clauses overlap.
// All its prefixes and the paths of requests are built from these words.
type randomTable struct {
	*rand.Rand
	beginning string
	words     []string
	most      int
	ends      []string
}

// The ways in which the paths of a table are similar.
var randomPaths = []randomTable{
	{words: []string{"/", "/a", "/b", "/ab", "/A", "/aB", "a", "/a/"}, most: 3, ends: []string{""}},
	// Disjoint and nested prefixes that end in a slash, with a common
	// beginning.
	{beginning: "/api/v1", words: []string{"/users", "/orders", "/carts-12", "/eu"}, most: 4, ends: []string{"/"}},
	// The same, but a few do not end in a slash, and the path may continue in
	// the same segment.
	{beginning: "/api", words: []string{"/users", "/users1", "/users12", "/u"}, most: 3, ends: []string{"/", "/", "", "2"}},
	// Many conditions on each path.
	{words: []string{"/a", "/b"}, most: 1, ends: []string{""}},
	// More depths than the index looks up.
	{words: []string{"/a", "/b", "/a/b"}, most: 14, ends: []string{"/", "/", ""}},
}

func (r randomTable) word(words ...string) string { return words[r.IntN(len(words))] }

func (r randomTable) path() string {
	path := r.beginning
	if r.IntN(50) == 0 {
		path = ""
	}
	for range 1 + r.IntN(r.most) {
		path += r.word(r.words...)
	}
	return path + r.word(r.ends...)
}

func (r randomTable) stringMatch(value string) spec.StringMatch {
	switch r.IntN(8) {
	case 0:
		return spec.Prefix(value[:1+r.IntN(len(value))])
	case 1:
		return spec.Regex(value + r.word("", ".*", "|x", "(a|b)?"))
	case 2:
		return spec.StringMatch{}
	}
	return spec.Exact(value)
}

func (r randomTable) match() spec.Match {
	var m spec.Match
	switch r.IntN(40) {
	case 0:
	case 1:
		m.URI = spec.Prefix("")
	case 2, 3, 4, 5, 6, 7, 8, 9:
		m.URI = spec.Exact(r.path())
	case 10, 11, 12:
		m.URI = spec.Regex(r.path() + r.word("", ".*", "[ab]+", "|/b.*", "(?i)/a"))
	default:
		m.URI = spec.Prefix(r.path())
	}
	m.IgnoreURICase = r.IntN(5) == 0
	for range r.IntN(3) {
		name, value := r.word("x-a", "x-b", "x-forwarded-proto", ":authority"), r.word("1", "2", "3", "http", "a.test")
		switch r.IntN(4) {
		case 0:
			m.WithoutHeaders = map[string]spec.StringMatch{name: r.stringMatch(value)}
		case 1:
			m.QueryParams = map[string]spec.StringMatch{r.word("q", "p"): r.stringMatch(value)}
		default:
			m.Headers = map[string]spec.StringMatch{name: r.stringMatch(value)}
		}
	}
	if r.IntN(4) == 0 {
		m.Method = r.stringMatch(r.word("GET", "POST"))
	}
	return m
}

func (r randomTable) request() *View {
	req := &http.Request{Method: r.word("GET", "POST", "PUT"), Host: r.word("a.test", "b.test"), Header: http.Header{}, URL: &url.URL{}}
	for _, name := range []string{"X-A", "X-B"} {
		for range r.IntN(3) {
			req.Header[name] = append(req.Header[name], r.word("1", "2", "3", ""))
		}
	}
	for range r.IntN(3) {
		req.URL.RawQuery += r.word("q=1&", "q=2", "p=3&", "&", "q", "p=&", "=")
	}
	path := r.path()
	switch r.IntN(8) {
	case 0:
		path = path[:1+r.IntN(len(path))]
	case 1:
		path += r.path()
	case 2:
		path += "/"
	}
	return &View{Request: req, Path: "/" + path[1:], Scheme: "http", Edge: &edge.Edge{Random: edge.Random}}
}

// TestIndexEqualsScan compares the index with a plain scan on more than a
// million random pairs of table and request.
func TestIndexEqualsScan(t *testing.T) {
	tables, requests := 2500, 410
	if testing.Short() {
		tables = 120
	}
	random := rand.New(rand.NewPCG(20, 26))
	pairs, taken := 0, 0
	for n := range tables {
		r := randomPaths[n%len(randomPaths)]
		r.Rand = random
		regexes := regex.Cache{}
		clauses := make([]Clause, scanned+1+r.IntN(60))
		for i := range clauses {
			m := r.match()
			uri, rest, err := Compile(&m, regexes)
			require.NoError(t, err)
			clauses[i] = Clause{URI: uri, Conditions: rest}
		}
		x := newIndex(clauses)
		for range requests {
			v := r.request()
			want := scan(clauses, v)
			got := x.find(clauses, v)
			if got != want {
				t.Fatalf("%s %q %v: the scan finds %d, the index %d\n%s", v.Request.Method, v.Path, v.Request.Header, want, got, printClauses(clauses))
			}
			pairs++
			if want != none {
				taken++
			}
		}
	}
	require.Greater(t, taken, pairs/4, "too few requests match for the comparison to mean anything")
	fmt.Printf("index against scan: %d pairs, %d of them matched\n", pairs, taken)
}

// A clause that requires two values of the same source is found by one of them,
// and matches nothing.
func TestIndexOfContradictions(t *testing.T) {
	clauses := make([]Clause, 2*scanned)
	for i := range clauses {
		m := spec.Match{URI: spec.Prefix("/a"), Method: spec.Exact(fmt.Sprint("M", i)), Headers: map[string]spec.StringMatch{":method": spec.Exact(fmt.Sprint("M", i|1))}}
		uri, rest, err := Compile(&m, regex.Cache{})
		require.NoError(t, err)
		clauses[i] = Clause{URI: uri, Conditions: rest}
	}
	x := newIndex(clauses)
	for i := range clauses {
		v := &View{Request: &http.Request{Method: fmt.Sprint("M", i)}, Path: "/a"}
		require.Equal(t, scan(clauses, v), x.find(clauses, v))
	}
}

func printClauses(clauses []Clause) string {
	var out string
	for i := range clauses {
		out += fmt.Sprintf("%d %s", i, &clauses[i].URI)
		for j := range clauses[i].Conditions {
			out += ", " + clauses[i].Conditions[j].String()
		}
		out += "\n"
	}
	return out
}

func TestLiteralPrefix(t *testing.T) {
	for expression, want := range map[string]string{
		"/v[0-9]+":      "/v",
		"^/v1/.*":       "/v1/",
		"/a|/b":         "/",
		"/api|web":      "",
		"(/a)/b":        "/a/b",
		"(?i)/a":        "",
		"/a(?i)b":       "/a",
		"/a?":           "/",
		".*":            "",
		"/a{2}b":        "/aab",
		`/a\.b`:         "/a.b",
		"":              "",
		"/(x|y)/z":      "/",
		`\A/a\z`:        "/a",
		"/p/(?P<id>.+)": "/p/",
	} {
		got := literalPrefix(expression)
		// A shorter prefix than the literal one is also right; a longer one
		// never is.
		if len(got) > len(want) || want[:len(got)] != got {
			t.Errorf("%q: %q is no prefix of %q", expression, got, want)
		}
	}
	require.Equal(t, "/v", literalPrefix("/v[0-9]+"))
	require.Equal(t, "/v1/", literalPrefix("^/v1/.*"))
}
