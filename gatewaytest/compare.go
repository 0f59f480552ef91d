package gatewaytest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A comparison compares what a case expects with a decision.
type comparison struct {
	tester *Tester
	c      *Case
	asked  *asked
	d      *gateway.Decision
	// answers are those of each destination, once they were asked for.
	answers     []served
	differences []Difference
	// skipped is why a part of the case cannot be compared.
	skipped string
}

func (x *comparison) differ(field, want, got string) {
	x.differences = append(x.differences, Difference{field, want, got})
}

// text compares a text that is expected if it is not empty.
func (x *comparison) text(field, want, got string) {
	if want != "" && want != got {
		x.differ(field, strconv.Quote(want), quoted(got))
	}
}

// quoted writes a text that was found.
func quoted(text string) string {
	if text == "" {
		return "none"
	}
	return strconv.Quote(text)
}

// all compares all that is expected.
func (x *comparison) all() {
	e, d := &x.c.Expect, x.d
	if e.Kind != "" && e.Kind != d.Kind {
		x.differ("kind", string(e.Kind), kindText(d))
	}
	if e.Reason != "" && !strings.Contains(d.Reason, e.Reason) {
		x.differ("reason", strconv.Quote(e.Reason), quoted(d.Reason))
	}
	x.text("listener", e.Listener, d.Listener)
	x.text("virtualHost", e.VirtualHost, d.VirtualHost)
	x.route()
	x.destinations()
	for i := range d.Destinations {
		x.upstreams(&d.Destinations[i])
	}
	x.noUpstream()
	x.answer()
	x.policy()
	x.limits()
	if x.c.foreign != nil {
		x.c.foreign.compare(x)
	}
}

// kindText writes the kind of a decision with its status and reason.
func kindText(d *gateway.Decision) string {
	text := string(d.Kind)
	if d.Status != 0 {
		text += " " + strconv.Itoa(d.Status)
	}
	if d.Reason != "" {
		text += " (" + d.Reason + ")"
	}
	return text
}

// route compares the names of the route.
func (x *comparison) route() {
	e, r := &x.c.Expect, x.d.Route
	if r == nil {
		if e.Route != "" {
			x.differ("route", strconv.Quote(e.Route), "no route: "+kindText(x.d))
		}
		if e.VirtualService != "" {
			x.differ("virtualService", strconv.Quote(e.VirtualService), "no route: "+kindText(x.d))
		}
		return
	}
	if e.Route != "" && e.Route != r.Name {
		x.differ("route", strconv.Quote(e.Route), routeText(r))
	}
	if e.VirtualService != "" && !x.isVirtualService(e.VirtualService) {
		got := strconv.Quote(r.VirtualService)
		if o := r.Origin; o.Name != "" && o.Kind == "VirtualService" && o.Namespace+"/"+o.Name != r.VirtualService {
			got += ", which delegates to " + strconv.Quote(o.Namespace+"/"+o.Name)
		}
		x.differ("virtualService", strconv.Quote(e.VirtualService), got)
	}
}

// isVirtualService reports whether a name is that of the route's VirtualService, or of the
// delegate.
func (x *comparison) isVirtualService(name string) bool {
	r := x.d.Route
	names := []string{r.VirtualService}
	if r.Origin.Kind == "VirtualService" && r.Origin.Name != "" {
		names = append(names, r.Origin.Namespace+"/"+r.Origin.Name)
	}
	return slices.ContainsFunc(names, func(n string) bool {
		_, short, _ := strings.Cut(n, "/")
		return n == name || short == name
	})
}

// routeText writes a route with its place.
func routeText(r *gateway.DecidedRoute) string {
	text := "a route without a name"
	if r.Name != "" {
		text = strconv.Quote(r.Name)
	}
	text += fmt.Sprintf(", number %d of %s: %s", r.Index, r.VirtualService, r.Match)
	if at := place(r.Origin); at != "" {
		text += " (" + at + ")"
	}
	return text
}

// place writes where something was declared.
func place(o spec.Origin) string {
	f := o.At("", "")
	if f.File == "" {
		return ""
	}
	text := f.File
	if f.Line > 0 {
		text += ":" + strconv.Itoa(f.Line)
		if f.Column > 0 {
			text += ":" + strconv.Itoa(f.Column)
		}
	}
	return text
}

// parts are the destinations of the decision with their shares.
func (x *comparison) parts() (parts []part) {
	for i := range x.d.Destinations {
		to := &x.d.Destinations[i]
		parts = append(parts, part{to.Cluster, to.Host, to.Subset, to.Port, 100 * float64(to.Weight) / float64(to.Total)})
	}
	return parts
}

// destinations compares the shares of the destinations.
func (x *comparison) destinations() {
	e := &x.c.Expect
	want := e.Destinations
	field := "destinations"
	if e.Destination != "" {
		want, field = map[string]float64{e.Destination: 100}, "destination"
	}
	if want == nil {
		return
	}
	parts := x.parts()
	if len(parts) == 0 {
		x.differ(field, sharesText(want), kindText(x.d))
		return
	}
	got, rest := shares(slices.Sorted(maps.Keys(want)), parts)
	same := len(rest) == 0
	for name, share := range want {
		same = same && samePercent(share, got[name])
	}
	if !same {
		x.differ(field, sharesText(want), partsText(parts))
	}
	if e.Status == http.StatusServiceUnavailable || len(rest) > 0 {
		return
	}
	for i := range x.d.Destinations {
		if to := &x.d.Destinations[i]; to.Missing {
			x.differ(field, "a destination that is there", fmt.Sprintf("%s: %s, so requests get 503 (expect status 503 if that is meant)",
				shortCluster(to.Host, to.Port, to.Subset), to.Reason))
		}
	}
}

func sharesText(by map[string]float64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		words = append(words, name+" "+number(by[name])+"%")
	}
	return strings.Join(words, ", ")
}

func partsText(parts []part) string {
	var words []string
	for i := range parts {
		p := &parts[i]
		words = append(words, shortCluster(p.host, p.port, p.subset)+" "+number(p.percent)+"%")
	}
	return strings.Join(words, ", ")
}

// upstreams compares what a destination gets.
func (x *comparison) upstreams(to *gateway.DecidedDestination) {
	e := &x.c.Expect
	of := "upstream"
	if len(x.d.Destinations) > 1 {
		of += " of " + shortCluster(to.Host, to.Port, to.Subset)
	}
	x.upstream(of, &e.Upstream, to)
	if len(e.Upstreams) == 0 {
		return
	}
	p := part{to.Cluster, to.Host, to.Subset, to.Port, 0}
	if name, ok := coveringName(slices.Sorted(maps.Keys(e.Upstreams)), &p); ok {
		u := e.Upstreams[name]
		x.upstream("upstream of "+name, &u, to)
	}
}

// noUpstream reports what is expected of destinations that are not there.
func (x *comparison) noUpstream() {
	e := &x.c.Expect
	if !e.Upstream.isZero() && len(x.d.Destinations) == 0 {
		x.differ("upstream", "a request to a destination", kindText(x.d))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Upstreams)) {
		if by, _ := shares([]string{name}, x.parts()); len(by) == 0 {
			x.differ("upstream of "+name, "a request to it", "no destination of this name")
		}
	}
}

func (x *comparison) upstream(of string, u *Upstream, to *gateway.DecidedDestination) {
	x.text(of+" method", u.Method, to.Method)
	x.text(of+" authority", u.Authority, to.Authority)
	x.text(of+" path", u.Path, to.Path)
	x.headers(of, u.Headers, u.Absent, to.Headers)
}

// headers compares headers.
func (x *comparison) headers(of string, want map[string]spec.StringMatch, absent []string, got http.Header) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		m := want[name]
		value, present := lookup(got, name)
		if !present {
			x.differ(of+" header "+strings.ToLower(name), matchText(m), "no such header")
		} else if !matches(m, value) {
			x.differ(of+" header "+strings.ToLower(name), matchText(m), strconv.Quote(value))
		}
	}
	for _, name := range absent {
		if value, present := lookup(got, name); present {
			x.differ(of+" header "+strings.ToLower(name), "no such header", strconv.Quote(value))
		}
	}
}

func matchText(m spec.StringMatch) string {
	switch m.Kind {
	case spec.MatchAny:
		return "any value"
	case spec.MatchExact:
		return strconv.Quote(m.Value)
	}
	return m.String()
}

func matches(m spec.StringMatch, value string) bool {
	switch m.Kind {
	case spec.MatchExact:
		return m.Value == value
	case spec.MatchPrefix:
		return strings.HasPrefix(value, m.Value)
	case spec.MatchRegex:
		r, err := regexp.Compile(`\A(?:` + m.Value + `)\z`)
		return err == nil && r.MatchString(value)
	}
	return true
}

// answer compares what the client gets.
func (x *comparison) answer() {
	e, d := &x.c.Expect, x.d
	x.text("location", e.Location, d.Location)
	if e.Status == 0 && e.Response.isZero() {
		return
	}
	if d.Kind != gateway.DecisionForward {
		x.response("", d.Status, d.Header, d.Body)
		return
	}
	for _, s := range x.serve() {
		of := ""
		if len(d.Destinations) > 1 {
			of = " of " + shortCluster(s.destination.Host, s.destination.Port, s.destination.Subset)
		}
		x.response(of, s.Code, s.Header(), s.Body.String())
	}
}

// serve returns what each destination's answer becomes.
func (x *comparison) serve() []served {
	if x.answers != nil || len(x.d.Destinations) == 0 {
		return x.answers
	}
	answers, err := x.tester.serveEach(x.c, x.asked)
	if err != nil {
		x.differ("response", "an answer", err.Error())
	}
	x.answers = answers
	return answers
}

func (x *comparison) response(of string, status int, header http.Header, body string) {
	e := &x.c.Expect
	if e.Status != 0 && e.Status != status {
		got := strconv.Itoa(status)
		if status == 0 {
			got = kindText(x.d)
		}
		x.differ("status"+of, strconv.Itoa(e.Status), got)
	}
	x.headers("response"+of, e.Response.Headers, e.Response.Absent, header)
	if want := e.Response.Body; want != nil && *want != body {
		x.differ("response"+of+" body", strconv.Quote(*want), strconv.Quote(body))
	}
}

// duration writes a duration of which zero is none.
func duration(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
