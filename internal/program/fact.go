package program

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

// A Fact is one thing that a route does with its requests, as text. It has no
// positions and no names of resources: routes with the same facts answer in the same
// way, wherever they were declared. A name may have several facts.
type Fact struct{ Name, Value string }

// The names of facts. Some are followed by " of " and a destination.
const (
	FactAnswer         = "answer"
	FactDestination    = "destination"
	FactPath           = "path"
	FactHost           = "host header"
	FactRequestHeader  = "request header"
	FactResponseHeader = "response header"
	FactLimit          = "rate limit"
	FactRates          = "rates"
	FactBody           = "request body"
	FactInFlight       = "in flight"
	FactFault          = "fault"
	FactTimeout        = "timeout"
	FactRetries        = "retries"
	FactCORS           = "cors"
	FactMirror         = "mirror"
	FactBackend        = "backend"
	FactEndpoints      = "endpoints"
	FactPolicy         = "policy"
)

// NoBackend and NoEndpoints are why a destination has no backend, if that may only be
// because this process does not know what the cluster knows.
const (
	NoBackend   = "no backend and no ServiceEntry has its name"
	NoEndpoints = "its Service has no endpoints here, and it has no backend"
)

// Forwarded is the answer of a route with destinations.
const Forwarded = "forwarded"

// Facts describes the routes of a program. It remembers them: many clauses share a
// route. It is not safe for concurrent use.
type Facts struct {
	p      *Program
	routes map[*Route][]Fact
	rates  map[ratesKey]string
}

type ratesKey struct {
	tree   *descriptor.Tree
	domain string
}

// NewFacts returns the Facts of a program.
func NewFacts(p *Program) *Facts {
	return &Facts{p, map[*Route][]Fact{}, map[ratesKey]string{}}
}

// Of returns what the route of a clause does, without what it does with the path:
// see PathChange. The facts are in the order of the constants, and those of a name are
// sorted, destinations by their weights. They must not be changed.
func (f *Facts) Of(c *Clause) []Fact {
	facts, ok := f.routes[c.Route]
	if !ok {
		facts = f.of(c.Route)
		f.routes[c.Route] = facts
	}
	return facts
}

func (f *Facts) of(rp *Route) []Fact {
	var l factList
	switch {
	case rp.Redirect != nil:
		l.add(FactAnswer, "%s", rp.Redirect.fact())
		l.operations(FactResponseHeader, [2]*header.Operations{rp.Response})
	case rp.Direct != nil:
		l.add(FactAnswer, "%s", rp.Direct.fact())
		l.operations(FactResponseHeader, [2]*header.Operations{rp.Response})
	default:
		f.forwarding(&l, rp)
	}
	f.limits(&l, rp)
	if x := rp.Fault; x != nil {
		l.fault(x)
	}
	slices.SortStableFunc(l, func(a, b Fact) int {
		order := cmp.Or(cmp.Compare(FactRank(a.Name), FactRank(b.Name)), cmp.Compare(a.Name, b.Name))
		if order != 0 || a.Name == FactDestination { // destinations are in order
			return order
		}
		return cmp.Compare(a.Value, b.Value)
	})
	return l
}

var factOrder = []string{
	FactAnswer, FactDestination, FactPath, FactHost, FactRequestHeader, FactResponseHeader, FactLimit, FactRates, FactBody, FactInFlight, FactFault,
	FactTimeout, FactRetries, FactCORS, FactMirror, FactBackend, FactEndpoints, FactPolicy,
}

// FactRank returns the place of a name in the order of facts: important ones first.
func FactRank(name string) int {
	name, _, _ = strings.Cut(name, " of ")
	return slices.Index(factOrder, name)
}

type factList []Fact

func (l *factList) add(name, format string, args ...any) {
	*l = append(*l, Fact{name, fmt.Sprintf(format, args...)})
}

// forwarding adds what a route with destinations does.
func (f *Facts) forwarding(l *factList, rp *Route) {
	l.add(FactAnswer, Forwarded)
	if f.p.Semantics.SendsEnvoyHeaders() && rp.Rewrite.changesPath() {
		l.add(FactRequestHeader, "x-envoy-original-path: the path before it is rewritten")
	}
	if rp.MaxBody > 0 {
		l.add(FactBody, "at most %d bytes", rp.MaxBody)
	}
	if n := rp.Load.Most(); n > 0 {
		l.add(FactInFlight, "at most %d requests", n)
	}
	if rp.Timeout > 0 {
		l.add(FactTimeout, "%v", rp.Timeout)
	}
	if len(rp.Split.Destinations) > 0 {
		l.add(FactRetries, "%s", rp.Retry.Meaning(rp.Avoids(&rp.Split.Destinations[0])))
	}
	if rp.CORS != nil {
		l.add(FactCORS, "%s", rp.CORS.fact())
	}
	for i := range rp.Mirrors {
		m := &rp.Mirrors[i]
		l.add(FactMirror, "%v%% to %s", m.Share.Percent(), m.Destination.Place())
		l.behind(&m.Destination)
	}
	l.destinations(&rp.Split)
}

// destinations adds the destinations of a route with their shares. Those that are the
// same in everything are one. What all have in common is said once.
func (l *factList) destinations(s *Split) {
	type share struct {
		place  string
		facts  factList
		weight uint64
	}
	var shares []*share
	for i := range s.Destinations {
		d := &s.Destinations[i]
		own := &share{place: d.Place(), weight: max(uint64(d.Weight), 1)}
		if d.Authority != "" {
			own.facts.add(FactHost, "%s", d.Authority)
		}
		own.facts.operations(FactRequestHeader, d.Request)
		own.facts.operations(FactResponseHeader, d.Response)
		at := slices.IndexFunc(shares, func(other *share) bool {
			return other.place == own.place && slices.Equal(other.facts, own.facts)
		})
		if at >= 0 {
			shares[at].weight += own.weight
		} else {
			shares = append(shares, own)
		}
		l.behind(d)
	}
	// The order of destinations does not matter.
	slices.SortStableFunc(shares, func(a, b *share) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.place, b.place), cmp.Compare(fmt.Sprint(a.facts), fmt.Sprint(b.facts)))
	})
	var total uint64
	same := true
	for _, own := range shares {
		total += own.weight
		same = same && slices.Equal(own.facts, shares[0].facts)
	}
	for i, own := range shares {
		l.add(FactDestination, "%s%s", shareText(own.weight, total), own.place)
		for _, f := range own.facts {
			switch {
			case !same:
				l.add(f.Name+" of "+own.place, "%s", f.Value)
			case i == 0:
				*l = append(*l, f)
			}
		}
	}
}

// behind adds what is behind the name of a destination: its endpoints, and how they are
// used.
func (l *factList) behind(d *Destination) {
	add := func(name, value string) {
		if f := (Fact{name + " of " + d.Place(), value}); !slices.Contains(*l, f) {
			*l = append(*l, f)
		}
	}
	switch {
	case d.Backend == nil:
		add(FactBackend, "503: "+d.Missing)
	case d.Declared:
		add(FactEndpoints, fmt.Sprint(d.Backend))
	case d.Remote:
		add(FactBackend, fmt.Sprint(d.Backend))
	}
	if d.Policy != nil {
		var lines text.Lines
		d.Policy.Print(&lines)
		for line := range strings.Lines(lines.String()) {
			add(FactPolicy, strings.TrimSpace(line))
		}
	}
}

// Place returns the name of the destination as Builder.Backend has it:
// host:port/subset.
func (d *Destination) Place() string {
	place := d.Host + ":" + strconv.Itoa(int(d.Port))
	if d.Subset != "" {
		place += "/" + d.Subset
	}
	return place
}

// shareText returns a share of requests, in percent if that is exact. It is empty for
// all requests.
func shareText(weight, total uint64) string {
	switch {
	case weight == total:
		return ""
	case weight*100%total == 0:
		return strconv.FormatUint(weight*100/total, 10) + "% "
	}
	a, b := weight, total
	for b != 0 {
		a, b = b, a%b
	}
	return fmt.Sprintf("%d/%d ", weight/a, total/a)
}

// operations adds the levels of header operations, one fact for each operation.
func (l *factList) operations(name string, levels [2]*header.Operations) {
	first, second := levels[0], levels[1]
	if first == nil {
		first, second = second, nil
	}
	for _, line := range first.Lines() {
		l.add(name, "%s", line)
	}
	then := "then "
	if first.Commutes(second) {
		then = ""
	}
	for _, line := range second.Lines() {
		l.add(name, "%s%s", then, line)
	}
}

// fault adds a fault.
func (l *factList) fault(x *Fault) {
	if x.DelayShare > 0 {
		l.add(FactFault, "delay %v%% by %v", x.DelayShare.Percent(), x.Delay)
	}
	if x.AbortShare > 0 {
		what := strconv.Itoa(x.Status)
		if x.GRPCName != "" {
			what = x.GRPCName
		}
		l.add(FactFault, "abort %v%% with %s", x.AbortShare.Percent(), what)
	}
}

// limits adds the rate limits.
func (f *Facts) limits(l *factList, rp *Route) {
	for i, limit := range rp.Limits.All() {
		l.add(FactLimit, "%s", rp.Limits.Meaning(i))
		if limit.Global == nil || limit.Global.Tree == nil {
			continue
		}
		key := ratesKey{limit.Global.Tree, limit.Domain}
		text, ok := f.rates[key]
		if !ok {
			text = limit.Global.Tree.Text(limit.Domain)
			f.rates[key] = text
		}
		if of := (Fact{FactRates + " of the domain " + limit.Domain, text}); !slices.Contains(*l, of) {
			*l = append(*l, of)
		}
	}
}

// fact describes the redirect, without PrefixRewrite.
func (d *Redirect) fact() string {
	l := text.Phrase{"redirect " + strconv.Itoa(d.code)}
	l.Text("to scheme", d.scheme)
	l.Text("to host", d.authority)
	l.Text("to port", strings.TrimPrefix(d.port, ":"))
	l.Text("to path", d.uri)
	return l.String()
}

// shownBody is how much of a body a fact has.
const shownBody = 60

func (d *Direct) fact() string {
	switch body := string(d.body); {
	case body == "":
		return "respond " + strconv.Itoa(d.status)
	case len(body) <= shownBody:
		return fmt.Sprintf("respond %d %q", d.status, body)
	default:
		return fmt.Sprintf("respond %d %q… (%d bytes, SHA-256 %.8x…)", d.status, body[:shownBody], len(body), sha256.Sum256(d.body))
	}
}

func (c *CORS) fact() string {
	origins := make([]string, len(c.origins))
	for i := range c.origins {
		origins[i] = c.origins[i].String()
	}
	slices.Sort(origins)
	if c.any {
		origins = []string{"any"}
	}
	l := text.Phrase{"origins " + strings.Join(slices.Compact(origins), ", ")}
	l.Text("methods", c.methods)
	l.Text("headers", c.headers)
	l.Text("expose", c.expose)
	l.Text("max age", c.maxAge)
	if c.credentials {
		l.Add("with credentials")
	}
	if c.ignoreUnmatched {
		l.Add("answers preflights of other origins")
	}
	return l.String()
}

// PathChange returns what the route of the clause does with the path of a request, as
// text, or "" for nothing. Clauses with the same text do the same with every path;
// clauses with different texts may still do the same with some paths: see PathAfter.
func (c *Clause) PathChange() string {
	rw := c.pathRewrite()
	switch {
	case !rw.changesPath():
		return ""
	case rw.Regex != nil:
		return fmt.Sprintf("every %q becomes %q", rw.Regex.String(), rw.Regex.text)
	case c.URI.Kind != spec.MatchPrefix:
		return fmt.Sprintf("becomes %q", rw.uri)
	}
	return fmt.Sprintf("the first %d bytes become %q", len(c.URI.Text), rw.uri)
}

// PathAfter returns what a path that the clause matches is for the destination, or in
// the Location of a redirect.
func (c *Clause) PathAfter(path string) string {
	rw := c.pathRewrite()
	if !rw.changesPath() {
		return path
	}
	return rw.Path(path, &c.URI)
}

func (c *Clause) pathRewrite() *Rewrite {
	switch d := c.Route.Redirect; {
	case d != nil && d.prefixRewrite != "":
		return &Rewrite{uri: d.prefixRewrite, join: d.join}
	case d != nil || c.Route.Direct != nil:
		return nil
	}
	return c.Route.Rewrite
}

// RewritesAlike reports whether the routes of two clauses do the same with every path that
// both match. It may return false for such clauses.
//
// Each puts a prefix in the place of another one, and perhaps joins it to the rest at one
// slash. So what a path becomes depends on its rest only by the slashes in front: none, one
// or several.
func (c *Clause) RewritesAlike(other *Clause) bool {
	longest := ""
	for _, x := range []*Clause{c, other} {
		if rw := x.pathRewrite(); x.URI.Kind != spec.MatchPrefix || x.URI.IgnoresCase() || rw.changesPath() && rw.Regex != nil {
			return false
		}
		if len(x.URI.Text) > len(longest) {
			longest = x.URI.Text
		}
	}
	if longest == "" {
		longest = "/"
	}
	for _, rest := range []string{"", "x", "/", "/x", "//", "//x", "///x"} {
		if path := longest + rest; c.PathAfter(path) != other.PathAfter(path) {
			return false
		}
	}
	return true
}
