package explain

import (
	"net/url"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// conditionHints is how many hints are about conditions other than the path.
const conditionHints = 3

// routeHints are for a request whose virtual host has no route for it.
func (x *explainer) routeHints() {
	if !x.hasPath() {
		x.hint(inspect.HintPath, inspect.Place{}, "%s has no path, so no route matches", x.Method+" "+x.Target)
		return
	}
	x.conditionHints()
	if x.tried <= scanned {
		x.pathHints()
	}
	x.lessSpecificHosts()
	if strings.HasPrefix(x.host.Domain, "*") {
		x.nearHosts()
	}
	x.elsewhere()
}

// conditionHints tell the candidates whose path holds and that lack one other condition.
func (x *explainer) conditionHints() {
	var near []*inspect.Candidate
	for i := range x.Candidates {
		c := &x.Candidates[i]
		if c.Failed != nil && c.Failed.Only && c.Failed.Condition.Source != "path" {
			near = append(near, c)
		}
	}
	told := 0
	// A value that was probably misspelled comes first.
	values := map[string][]string{}
	for _, c := range near {
		if f := c.Failed; f.Present && f.Condition.Kind == "exact" && !f.Condition.Negated {
			values[f.Condition.Source] = append(values[f.Condition.Source], f.Condition.Value)
		}
	}
	meant := map[string]string{}
	for _, c := range near {
		if f := c.Failed; f.Present && meant[f.Condition.Source] == "" {
			meant[f.Condition.Source] = suggest.Closest(f.Had, values[f.Condition.Source])
		}
	}
	for _, misspelled := range []bool{true, false} {
		for _, c := range near {
			f := c.Failed
			if told == conditionHints || misspelled != (f.Present && f.Condition.Kind == "exact" && !f.Condition.Negated && f.Condition.Value != "" && meant[f.Condition.Source] == f.Condition.Value) {
				continue
			}
			told++
			x.hint(inspect.HintCondition, f.Condition.Place, "route %s lacks only: %s", c.Label(), f)
		}
	}
}

// pathHints tell paths close to that of the request that have a route.
func (x *explainer) pathHints() {
	path := x.view.Path
	told := map[*program.Clause]bool{}
	tell := func(variant, how string) bool {
		if variant == path || variant == "" {
			return false
		}
		v := x.view
		v.Path = variant
		c := x.host.Find(&v)
		if c == nil || told[c] {
			return false
		}
		told[c] = true
		x.hint(inspect.HintPath, c.DescribedConditions()[0].Place, "%s has a route, %s: %s, %s", variant, label(c), c.URI.String(), how)
		return true
	}
	tell(path+"/", "with a slash at the end")
	tell(strings.TrimRight(path, "/"), "without a slash at the end")
	tell(mergedSlashes(path), "with single slashes (path normalization MERGE_SLASHES)")
	if decoded, err := url.PathUnescape(path); err == nil {
		tell(decoded, "with escapes decoded (path normalization DECODE_AND_MERGE_SLASHES)")
	}
	x.wholePaths(told)
	x.closePaths(tell)
}

// mergedSlashes returns a path with one slash for several.
func mergedSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// closePaths tells the path of a route that is spelled like the request's.
func (x *explainer) closePaths(tell func(variant, how string) bool) {
	path := x.view.Path
	// A close path has most bytes at its ends in common with the request's. That is quick
	// to see; how many edits are between them is not.
	type similar struct {
		begin, text string
		shared      int
	}
	var nearest []similar // the most similar first
	begins := []string{}  // the first segments of the path, by their number
	for n := range strings.Count(path, "/") + 1 {
		begins = append(begins, segments(path, n))
	}
	clauses := x.host.Clauses
	for i := range clauses[:min(len(clauses), spelled)] {
		u := &clauses[i].URI
		if u.Kind == spec.MatchRegex || len(u.Text) < 2 {
			continue
		}
		begin, text := path, strings.TrimRight(u.Text, "/")
		if n := strings.Count(text, "/"); u.Kind == spec.MatchPrefix && n < len(begins) {
			begin = begins[n]
		}
		shared := sharedEnds(begin, text)
		if len(nearest) == compared {
			if shared <= nearest[compared-1].shared {
				continue
			}
			nearest = nearest[:compared-1]
		}
		at, _ := slices.BinarySearchFunc(nearest, shared, func(s similar, shared int) int {
			if s.shared >= shared {
				return -1
			}
			return 1
		})
		nearest = slices.Insert(nearest, at, similar{begin, text, shared})
	}
	known := map[string][]string{} // by the beginning of the path that they would replace
	for _, s := range nearest {
		known[s.begin] = append(known[s.begin], s.text)
	}
	for n := strings.Count(path, "/"); n >= 0; n-- {
		begin := segments(path, n)
		near := suggest.Closest(begin, known[begin])
		if near == "" {
			continue
		}
		how := "spelled so"
		if strings.EqualFold(near, begin) {
			how = "in this letter case"
		}
		variant := near + path[len(begin):]
		if tell(variant, how) || tell(variant+"/", how) {
			return
		}
	}
}

// sharedEnds returns how many bytes two texts share at the beginning and at the end,
// whatever their letter case.
func sharedEnds(a, b string) int {
	same := func(x, y byte) bool { return x == y || x|0x20 == y|0x20 && 'a' <= x|0x20 && x|0x20 <= 'z' }
	n := min(len(a), len(b))
	front := 0
	for front < n && same(a[front], b[front]) {
		front++
	}
	back := 0
	for back < n-front && same(a[len(a)-1-back], b[len(b)-1-back]) {
		back++
	}
	return front + back - (max(len(a), len(b)) - n)
}

// segments returns the first n segments of a path.
func segments(path string, n int) string {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if n--; n < 0 {
				return path[:i]
			}
		}
	}
	return path
}

// wholePaths tells a route that takes a beginning of the path, and nothing below it.
func (x *explainer) wholePaths(told map[*program.Clause]bool) {
	v := x.view
	for at := strings.LastIndexByte(v.Path, '/'); at > 0; at = strings.LastIndexByte(v.Path, '/') {
		v.Path = v.Path[:at]
		c := x.host.Find(&v)
		if c == nil {
			continue
		}
		if c.URI.Kind != spec.MatchPrefix && !told[c] {
			told[c] = true
			x.hint(inspect.HintPath, c.DescribedConditions()[0].Place, "route %s takes %s, but nothing below it: %s", label(c), v.Path, c.URI.String())
		}
		return
	}
}

// lessSpecificHosts tells virtual hosts that would have a route, but are not asked.
func (x *explainer) lessSpecificHosts() {
	name := strings.ToLower(hosts.WithoutPort(x.authority()))
	for _, h := range x.table.Order {
		if h == x.host || h.Domain != "*" && !hosts.Within(name, h.Domain) {
			continue
		}
		if x.program.Doubt(h, x.request.URL.RawQuery, x.request.Header["Connection"]).IsDoubt() {
			continue
		}
		if c := h.Find(&x.view); c != nil {
			x.hint(inspect.HintVirtualHost, c.Route.Place(), "the virtual host %s has a route, %s, but only the most specific one is asked: %s", h.Domain, label(c), x.host.Domain)
			return
		}
	}
}
