package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/internal/yield"
	"github.com/lateengo/gateway/spec"
)

// clauses compiles a VirtualService's routes for a server. It stops at the first
// catch-all.
func (c *Compiler) clauses(vs *boundVirtualService, s *boundServer) []boundClause {
	out := make([]boundClause, 0, len(vs.routes))
	key, keeps := vs.keptKey(s)
	var earlier []keptRoute
	var room []program.Route
	kept := make([]keptRoute, len(vs.routes))
	if keeps {
		c.kept[key] = kept
		if earlier = c.earlier[key]; len(earlier) > 0 {
			room = make([]program.Route, len(vs.routes))
		}
	}
	for i := range vs.routes {
		yield.Each(i)
		r, own := &vs.routes[i], &kept[i]
		var before *keptRoute
		var space *program.Route
		if len(earlier) > 0 {
			before, space = &earlier[i], &room[i]
		}
		program := func() *program.Route {
			if own.route == nil {
				c.keep(own, before, space, r, vs, s)
			}
			return own.route
		}
		if len(r.Match) == 0 {
			c.usage.useRoute(r, 0)
			return append(out, boundClause{match.Clause{URI: match.URI{Kind: spec.MatchPrefix, Text: "/"}}, program(), r.Name, 0})
		}
		for j := range r.Match {
			m := &r.Match[j]
			if field, text := c.unconcerned(m, vs, s); field != "" {
				c.passOverMatch(r, j, field, text)
				continue
			}
			compiled, ok := c.match(before, r, j)
			if !ok {
				continue // validation has already reported it
			}
			c.usage.useRoute(r, j)
			cl := boundClause{compiled, program(), r.Name, int32(j)}
			if own.matches[j].URI == (match.URI{}) {
				own.matches[j] = compiled
			}
			if m.Name != "" {
				cl.name += "." + m.Name
			}
			out = append(out, cl)
			if cl.IsCatchAll() {
				return out
			}
		}
	}
	return out
}

// unconcerned returns the first condition of a match that a server never satisfies:
// port, gateway, or the workload's labels and namespace. It returns "" if there is
// none.
func (c *Compiler) unconcerned(m *spec.Match, vs *boundVirtualService, s *boundServer) (field, text string) {
	if m.Port != 0 && m.Port != s.Port {
		return "port", fmt.Sprintf("no server that is served has port %d: no request matches", m.Port)
	}
	if len(m.Gateways) > 0 {
		if s.implicit {
			return "", ""
		}
		for _, g := range m.Gateways {
			if g == "*" || resource.GatewayNamed(g, vs.name.Namespace) == s.name {
				return "", ""
			}
		}
		return "gateways", "the VirtualService is served at none of these gateways: no request matches"
	}
	if m.SourceNamespace != "" && m.SourceNamespace != c.O.Workload.Namespace {
		return "sourceNamespace", fmt.Sprintf("the gateway runs in the namespace %s: no request matches", c.O.Workload.Namespace)
	}
	if !c.O.Workload.Has(m.SourceLabels) {
		return "sourceLabels", "the gateway does not have these labels: no request matches"
	}
	return "", ""
}

// passOverMatch notes, at the place of the condition, that a match was passed over
// for it.
func (c *Compiler) passOverMatch(r *boundRoute, j int, field, text string) {
	if r.declared == nil {
		c.usage.passOver(&r.Match[j], field, "%s", text)
		return
	}
	for _, m := range r.matches[j] {
		if m.Port != 0 && field == "port" || len(m.Gateways) > 0 && field == "gateways" ||
			m.SourceNamespace != "" && field == "sourceNamespace" || len(m.SourceLabels) > 0 && field == "sourceLabels" {
			c.usage.passOver(m, field, "%s", text)
		}
	}
}

// route compiles a route's action.
func (c *Compiler) route(r *boundRoute, vs *boundVirtualService, s *boundServer) *program.Route {
	p := &program.Route{
		Service: vs.label, Origin: r.Origin, Declared: declaration(r, vs), DeclaresCORS: r.CORS != nil,
		Fault:   program.NewFault(r.Fault),
		CORS:    program.NewCORS(r.CORS, c.regexes),
		Rewrite: program.NewRewrite(r.Rewrite, c.semantics),
		Retry:   c.retry(r.Retry),
		Timeout: r.Timeout,
	}
	p.MaxBody, p.Load = max(cmp.Or(r.MaxRequestBody, c.O.MaxBody), 0), program.NewLoad(r.MaxRequests, nil)
	p.Limits = c.limits(r, vs, s)
	if r.Redirect != nil || r.DirectResponse != nil {
		p.Redirect = program.NewRedirect(r.Redirect, s.Port, s.TLS != nil, c.semantics)
		p.Direct = program.NewDirect(r.DirectResponse)
		p.Response = header.CompileResponse(&r.Headers.Response)
		p.CORS = nil // CORS needs a destination
		return p
	}
	c.split(p, r, vs, s)
	p.CountsCluster = p.Limits.CountsCluster()
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		percent := 100.0
		if m.Percent != nil {
			percent = *m.Percent
		}
		if share := program.NewShare(percent); share > 0 {
			to := program.Split{Destinations: []program.Destination{c.destination(&m.Destination, r.namespace, s.Port)}}
			to.Destinations[0].Number = int16(i)
			to.Observe()
			p.Mirrors = append(p.Mirrors, program.Mirror{Destination: to.Destinations[0], Share: share})
		}
	}
	p.Wrapped = p.Wrapped || c.semantics.SendsEnvoyHeaders()
	return p
}

// declaration returns what a route of a VirtualService is compiled from.
func declaration(r *boundRoute, vs *boundVirtualService) program.Declaration {
	d := program.Declaration{Route: r.Route, Service: r.from, Index: r.index}
	if r.declared != nil {
		d.Merged = &program.Merged{Root: r.declared[0], Own: r.declared[1], Service: vs.VirtualService, Delegate: r.namespace + "/" + r.from.Name, Matches: r.matches}
	}
	return d
}

// split compiles the destinations of a route. If there is one, its operations and
// the route's are one level. If there are several, each destination's come first.
func (c *Compiler) split(p *program.Route, r *boundRoute, vs *boundVirtualService, s *boundServer) {
	request, response := header.Compile(&r.Headers.Request), header.CompileResponse(&r.Headers.Response)
	destinations, hashes := c.resolveSplit(r, s)
	for _, h := range hashes {
		p.Hashes = append(p.Hashes, traffic.HashText(h))
	}
	for i := range r.Destinations {
		d := c.connect(&destinations[i], hashes)
		if d.Backend == nil {
			c.missing(c.placeOf(r).Field("route").Index(i).Field("destination"), &r.Destinations[i], r.namespace)
		}
		own := &r.Destinations[i].Headers
		ownRequest, ownResponse := header.Compile(&own.Request), header.CompileResponse(&own.Response)
		switch {
		case len(r.Destinations) > 1:
			d.Request = [2]*header.Operations{ownRequest, request}
			d.Response = [2]*header.Operations{ownResponse, response}
		default:
			d.Request[0], d.Response[0] = request, response
			if ownRequest != nil {
				d.Request[0] = header.Compile(&r.Headers.Request, &own.Request)
			}
			if ownResponse != nil {
				d.Response[0] = header.CompileResponse(&r.Headers.Response, &own.Response)
			}
		}
		d.Number = int16(i)
		d.Authority = authorityOf(r.Rewrite, request, ownRequest)
		d.Writes, d.Adds = program.WritesOf(d.Request), edge.HeaderCount+header.CountAdded(d.Request)
		d.Computes = slices.ContainsFunc(slices.Concat(d.Request[:], d.Response[:]), (*header.Operations).Computes)
		p.Wrapped = p.Wrapped || d.Response != [2]*header.Operations{} || d.Remote
		p.Split.Add(d)
	}
	p.Split.Settle()
	p.Split.Observe()
}

// resolveSplit resolves the destinations of a route. If there are several, it also
// returns the hashes of all of them, which Istio puts on the route.
func (c *Compiler) resolveSplit(r *boundRoute, s *boundServer) ([]resolved, []*spec.ConsistentHash) {
	destinations := make([]resolved, len(r.Destinations))
	var hashes []*spec.ConsistentHash
	for i := range r.Destinations {
		destinations[i] = c.resolve(&r.Destinations[i], r.namespace, s.Port)
		h := destinations[i].policy.Hash
		if h != nil && !slices.ContainsFunc(hashes, func(other *spec.ConsistentHash) bool { return traffic.SameHash(h, other) }) {
			hashes = append(hashes, h)
		}
	}
	return destinations, hashes
}

// placeOf returns the place where a route was declared.
func (c *Compiler) placeOf(r *boundRoute) findings.Place { return c.routePlace(r.from, r.index) }

// retry compiles a retry policy. Routes without one share Istio's default.
func (c *Compiler) retry(r *spec.Retry) *forward.Retry {
	if r != nil {
		p := forward.CompileRetry(r)
		return &p
	}
	if c.defaultRetry == nil {
		p := forward.CompileRetry(nil)
		p.Repeats, p.ConnectsAtOnce = c.semantics.RepeatsBroken(), c.semantics.RetriesConnectsAtOnce()
		c.defaultRetry = &p
	}
	return c.defaultRetry
}

// authorityOf returns the new Host header: the rewrite's authority, the route's, or
// the destination's.
func authorityOf(rw *spec.Rewrite, route, own *header.Operations) string {
	if rw != nil && rw.Authority != "" {
		return rw.Authority
	}
	for _, ops := range []*header.Operations{route, own} {
		if ops != nil && ops.Authority != "" {
			return ops.Authority
		}
	}
	return ""
}
