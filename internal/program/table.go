package program

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/grpccode"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

// Table returns all routes of the program.
func (p *Program) Table() inspect.Table {
	t, rules := inspect.Table{Listeners: []inspect.Listener{}}, p.rulePlaces()
	for _, l := range p.Listeners {
		out := inspect.Listener{Name: l.Name(), Port: l.Port, Bind: l.Bind, TLS: l.Plain == nil}
		if l.Plain != nil {
			out.RouteConfigs = append(out.RouteConfigs, l.Plain.routeConfig(rules, nil))
		}
		for _, c := range l.Order {
			out.RouteConfigs = append(out.RouteConfigs, c.Table.routeConfig(rules, hosts.ServerNames(c.Server.Hosts)))
		}
		t.Listeners = append(t.Listeners, out)
	}
	return t
}

func (t *RouteTable) routeConfig(rules rulePlaces, names []string) inspect.RouteConfig {
	out := inspect.RouteConfig{Name: t.Name, ServerNames: names, Gateways: slices.Clone(t.Gateways), VirtualHosts: make([]inspect.VirtualHost, 0, len(t.Order))}
	for _, h := range t.Order {
		host := inspect.VirtualHost{Domain: h.Domain, RedirectsToHTTPS: h.redirect, Routes: make([]inspect.Route, len(h.Clauses))}
		for i := range h.Clauses {
			host.Routes[i] = h.Clauses[i].described(rules)
		}
		out.VirtualHosts = append(out.VirtualHosts, host)
	}
	return out
}

// described returns a clause with its route as data.
func (c *Clause) described(rules rulePlaces) inspect.Route {
	r := c.Route
	out := inspect.Route{
		Index: int(c.Position), Name: c.Name, VirtualService: r.Service, Origin: r.Origin, Place: r.Place(),
		Conditions: c.DescribedConditions(), Timeout: r.Timeout, Fault: r.Fault.Described(), CORS: r.CORS.described(),
		Rewrite: r.Rewrite.Described(), Redirect: r.Redirect.described(), DirectResponse: r.Direct.described(),
		ResponseHeaders: r.Response.Operations(),
	}
	out.MaxRequestBody, out.MaxRequests = r.MaxBody, r.Load.Most()
	if m := r.Declared.Merged; m != nil {
		out.Delegate = m.Delegate
	}
	for i := range r.Limits.All() {
		l := r.Limits.All()[i]
		out.Limits = append(out.Limits, inspect.Limit{Text: r.Limits.Describe(i), Place: inspect.At(l.Origin, l.Field)})
	}
	if r.Redirect != nil || r.Direct != nil {
		return out
	}
	if r.Retry != nil && r.Retry.Declared && r.Retry.Attempts > 0 {
		out.Retry = r.DescribedRetry()
	}
	for i := range r.Mirrors {
		out.Mirrors = append(out.Mirrors, r.Mirrors[i].Described())
	}
	for i := range r.Split.Destinations {
		out.Destinations = append(out.Destinations, r.Split.Destinations[i].described(rules, int(r.Split.Total)))
	}
	return out
}

// Place returns where the route was declared: in the delegate, if there is one.
func (rp *Route) Place() inspect.Place { return inspect.At(rp.Declared.origin(), "") }

// DescribedConditions returns the conditions as data, that of the path first.
func (c *Clause) DescribedConditions() []inspect.Condition {
	out := make([]inspect.Condition, 0, 1+len(c.Conditions))
	path := inspect.Condition{
		Text: "path " + c.URI.String(), Source: "path", Kind: c.URI.Kind.String(), Value: c.URI.Text, IgnoreCase: c.URI.IgnoresCase(),
	}
	d, i := &c.Route.Declared, int(c.Match)
	fields := []string{""}
	if d.Route != nil && i < len(d.Route.Match) {
		fields = match.Fields(&d.Route.Match[i])
	}
	path.Implied, path.Place = fields[0] == "", d.matchPlace(i, fields[0])
	out = append(out, path)
	for n := range c.Conditions {
		of := &c.Conditions[n]
		described := inspect.Condition{Text: of.String(), Source: of.Source().String(), Kind: of.Kind.String(), Value: of.Text, Negated: of.Negated()}
		if of.Kind == spec.MatchAny {
			described.Kind = "present"
		}
		if 1+n < len(fields) {
			described.Place = d.matchPlace(i, fields[1+n])
		}
		out = append(out, described)
	}
	return out
}

// Described returns the fault as data, or nil.
func (f *Fault) Described() *inspect.Fault {
	if f == nil {
		return nil
	}
	out := &inspect.Fault{DelayPercent: f.DelayShare.Percent(), AbortPercent: f.AbortShare.Percent()}
	if f.DelayShare > 0 {
		out.Delay = f.Delay
	}
	if f.AbortShare > 0 {
		out.AbortStatus, out.GRPCStatus = f.Status, grpccode.Numbers[f.GRPCName]
	}
	return out
}

func (c *CORS) described() *inspect.CORS {
	if c == nil {
		return nil
	}
	out := &inspect.CORS{
		Methods: c.methods, Headers: c.headers, Expose: c.expose, MaxAge: c.maxAge, Credentials: c.credentials, IgnoresUnmatched: c.ignoreUnmatched,
	}
	for i := range c.origins {
		out.Origins = append(out.Origins, c.origins[i].String())
	}
	return out
}

// Described returns the rewrite as data, or nil.
func (p *Rewrite) Described() *inspect.Rewrite {
	if p == nil {
		return nil
	}
	out := &inspect.Rewrite{URI: p.uri, Authority: p.authority}
	if p.Regex != nil {
		out.Regex, out.Replacement = p.Regex.String(), p.Regex.text
	}
	return out
}

func (p *Redirect) described() *inspect.Redirect {
	if p == nil {
		return nil
	}
	port, _ := strconv.Atoi(strings.TrimPrefix(p.port, ":"))
	return &inspect.Redirect{Code: p.code, Scheme: p.scheme, Authority: p.authority, Port: port, URI: p.uri, PrefixRewrite: p.prefixRewrite}
}

func (p *Direct) described() *inspect.DirectResponse {
	if p == nil {
		return nil
	}
	return &inspect.DirectResponse{Status: p.status, Bytes: len(p.body)}
}

// DescribedRetry returns the retry policy as data.
func (rp *Route) DescribedRetry() *inspect.Retry {
	return &inspect.Retry{
		Attempts: rp.Retry.Attempts, On: rp.Retry.Conditions(), Codes: slices.Clone(rp.Retry.Codes), PerTryTimeout: rp.Retry.PerTry,
		AvoidSameHost: rp.Avoids(&rp.Split.Destinations[0]),
	}
}

// Described returns the mirror as data.
func (m *Mirror) Described() inspect.Mirror {
	d := &m.Destination
	return inspect.Mirror{Cluster: d.Cluster(), Percent: m.Share.Percent(), Missing: d.Backend == nil, Reason: d.Missing}
}

// described returns a destination of a split as data. total is the sum of the weights, or 0
// for a single destination.
func (d *Destination) described(rules rulePlaces, total int) inspect.Destination {
	out := inspect.Destination{
		Cluster: d.Cluster(), Host: d.Host, Port: int(d.Port), Subset: d.Subset, Weight: int(d.Weight), Total: total,
		Missing: d.Backend == nil, Reason: d.Missing, Authority: d.Authority,
		RequestHeaders: operations(d.Request), ResponseHeaders: operations(d.Response),
	}
	if total == 0 {
		out.Weight, out.Total = 1, 1
	}
	if d.Policy != nil {
		out.Policy = d.PolicyLines()
		out.PolicyPlace = rules.of(d)
	}
	return out
}

func operations(levels [2]*header.Operations) []inspect.HeaderOperation {
	return slices.Concat(levels[0].Operations(), levels[1].Operations())
}

// A rulePlaces finds where DestinationRules were declared: a route that was kept for this
// program has the place in the one before.
type rulePlaces map[ruleName]*spec.Origin

type ruleName struct{ kind, namespace, name string }

func nameOf(o *spec.Origin) ruleName { return ruleName{o.Kind, o.Namespace, o.Name} }

func (p *Program) rulePlaces() rulePlaces {
	places := rulePlaces{}
	if p.Declarations != nil {
		for i := range p.Declarations.DestinationRules {
			o := &p.Declarations.DestinationRules[i].Origin
			places[nameOf(o)] = o
		}
	}
	return places
}

func (places rulePlaces) of(d *Destination) inspect.Place {
	if d.Policy == nil {
		return inspect.Place{}
	}
	o := &d.Policy.Origin
	if now := places[nameOf(o)]; now != nil && o.Name != "" {
		o = now
	}
	return inspect.At(o, "")
}

// PolicyPlace returns where the DestinationRule of a destination was declared.
func (p *Program) PolicyPlace(d *Destination) inspect.Place {
	if d.Policy == nil {
		return inspect.Place{}
	}
	places, name := rulePlaces{}, nameOf(&d.Policy.Origin)
	if p.Declarations != nil {
		for i := range p.Declarations.DestinationRules {
			if o := &p.Declarations.DestinationRules[i].Origin; nameOf(o) == name {
				places[name] = o
			}
		}
	}
	return places.of(d)
}

// PolicyLines returns what the DestinationRule declares, one line for each setting that is
// not the default.
func (d *Destination) PolicyLines() []string {
	var t text.Lines
	if d.Policy != nil {
		d.Policy.Print(&t)
	}
	var lines []string
	for line := range strings.Lines(t.String()) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}
