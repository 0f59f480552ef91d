package gateway

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A compiler turns declarations that were validated into a program.
type compiler struct {
	*findings
	d       *spec.Declarations
	o       *options
	regexes regexCache
	// before is the program that this one will replace, or nil.
	before      *program
	keptBuckets map[string]*buckets
	upstreams   map[string]*remote
	limiters    map[string]Limiter
	files       pemFiles

	semantics    semanticsMode
	defaultRetry *retryProgram
	policies     policyIndex
	services     serviceIndex
	backends     backendIndex
	// bound are the VirtualServices with hosts, in the order in which their
	// routes are joined, delegates put in.
	bound []*boundVirtualService
}

// A boundVirtualService is a VirtualService as gateways see it.
type boundVirtualService struct {
	*spec.VirtualService
	name resourceName
	// label is the name as text.
	label string
	// gateways are the resolved names; any says that every gateway is meant.
	gateways []resourceName
	any      bool
	routes   []boundRoute
}

// A boundRoute is a Route with what a delegate leaves of it.
type boundRoute struct {
	*spec.Route
	// namespace resolves the short names of destinations.
	namespace string
	// policy is the VirtualService whose rate limits are on the route.
	policy resourceName
}

// compileProgram compiles declarations that were validated into the program that
// takes the place of before, which may be nil. What it finds goes to f.
func compileProgram(d *spec.Declarations, o *options, f *findings, regexes regexCache, before *program, bg *background) *program {
	c := newCompiler(d, o, f, regexes, before)
	p := &program{
		semantics: o.semantics, normalization: o.paths,
		edge:   edge{semantics: o.semantics, trusted: o.trusted, random: o.random, ids: new(requestIDs)},
		random: o.random, log: o.log, fallback: o.fallback, background: bg,
	}
	p.listeners = c.compile()
	p.buckets, p.upstreams = c.keptBuckets, c.upstreams
	return p
}

func newCompiler(d *spec.Declarations, o *options, f *findings, regexes regexCache, before *program) *compiler {
	c := &compiler{
		findings: f, d: d, o: o, regexes: regexes, before: before, semantics: o.semantics,
		keptBuckets: map[string]*buckets{}, upstreams: map[string]*remote{}, limiters: o.limiters,
	}
	c.services = newServiceIndex(c)
	c.backends = newBackendIndex(o.backends, o.namespace)
	c.policies = newPolicyIndex(c)
	return c
}

// compile builds the listeners.
func (c *compiler) compile() []*listener {
	c.bindServices()
	servers := c.servers()
	if len(c.d.Servers) == 0 {
		servers = []*boundServer{{Server: &spec.Server{Port: 80, Hosts: []string{"*"}}, implicit: true}}
	}
	var listeners []*listener
	find := func(s *boundServer) *listener {
		for _, l := range listeners {
			if l.port == s.Port && l.bind == s.Bind {
				return l
			}
		}
		return nil
	}
	joined := map[*routeTable]*tableBuilder{}
	var order []*tableBuilder
	for _, s := range servers {
		l := find(s)
		if isSecure(s.Server) {
			if l == nil {
				l = &listener{bind: s.Bind, port: s.Port, chains: new(hostTable[*chain])}
				listeners = append(listeners, l)
			}
			if l.chains == nil {
				continue // a plain-text server was first; validation has warned
			}
			t := &routeTable{
				name: "https." + itoa(s.Port) + "." + s.PortName + "." + s.name.name + "." + s.name.namespace,
				port: s.Port, tls: true, listener: l,
			}
			tb := newTableBuilder(c, t)
			tb.add(s)
			order = append(order, tb)
			ch := &chain{server: *s.Server, table: t}
			l.order = append(l.order, ch)
			for _, name := range serverNames(s.Hosts) {
				l.chains.add(name, ch)
			}
			continue
		}
		if l == nil {
			l = &listener{bind: s.Bind, port: s.Port}
			l.plain = &routeTable{name: "http." + itoa(s.Port), port: s.Port, listener: l}
			listeners = append(listeners, l)
			joined[l.plain] = newTableBuilder(c, l.plain)
			order = append(order, joined[l.plain])
		}
		if l.plain == nil {
			continue
		}
		joined[l.plain].add(s)
	}
	for _, tb := range order {
		tb.seal()
	}
	sortListeners(listeners)
	return listeners
}

// A boundServer is a Server that the workload has.
type boundServer struct {
	*spec.Server
	name     resourceName
	implicit bool
}

// servers returns the servers that the workload's labels select, in the order in
// which Istio merges them, without those that it drops (mergeGateways).
func (c *compiler) servers() []*boundServer {
	var out []*boundServer
	for i := range c.d.Servers {
		s := &c.d.Servers[i]
		if !c.o.workload.selectedBy(s.Selector) || !servesHTTP(s) {
			continue
		}
		out = append(out, &boundServer{Server: s, name: resourceName{cmp.Or(s.Namespace, c.o.namespace), s.Gateway}})
	}
	slices.SortStableFunc(out, func(a, b *boundServer) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.name.name, b.name.name), cmp.Compare(a.name.namespace, b.name.namespace))
	})
	taken := map[string]bool{}
	kept := out[:0]
next:
	for _, s := range out {
		// Servers with a tls block may share a port while no host repeats.
		if s.TLS != nil {
			key := itoa(s.Port) + " " + s.Bind + " "
			for _, h := range s.Hosts {
				if taken[key+h] {
					continue next
				}
			}
			for _, h := range s.Hosts {
				taken[key+h] = true
			}
		}
		kept = append(kept, s)
	}
	return kept
}

// servesHTTP reports whether a server's connections carry HTTP that we see.
func servesHTTP(s *spec.Server) bool {
	switch strings.ToUpper(s.Protocol) {
	case "", "HTTP", "HTTP2", "GRPC", "GRPC-WEB":
		return true
	case "HTTPS":
		return s.TLS != nil && s.TLS.Mode != spec.TLSPassthrough && s.TLS.Mode != spec.TLSAutoPassthrough
	}
	return false
}

// bindServices puts delegates in and orders the VirtualServices as Istio does:
// those for their own namespace alone, those exported to ours by name, the
// others; inside each by age, name and namespace.
func (c *compiler) bindServices() {
	merger := newDelegateMerger(c)
	for i := range c.d.VirtualServices {
		vs := &c.d.VirtualServices[i]
		if len(vs.Hosts) == 0 {
			continue
		}
		b := &boundVirtualService{VirtualService: vs, name: resourceName{cmp.Or(vs.Namespace, c.o.namespace), vs.Name}}
		b.label = b.name.String()
		if len(c.d.Servers) > 0 && !exportedTo(vs.ExportTo, b.name.namespace, c.o.workload.namespace) {
			continue
		}
		for _, g := range vs.Gateways {
			switch g {
			case "*":
				b.any = true
			case meshGateway:
			default:
				b.gateways = append(b.gateways, gatewayNamed(g, b.name.namespace))
			}
		}
		b.routes = merger.routes(b)
		c.bound = append(c.bound, b)
	}
	slices.SortStableFunc(c.bound, func(a, b *boundVirtualService) int {
		return cmp.Or(cmp.Compare(visibility(a), visibility(b)), a.Created.Compare(b.Created),
			cmp.Compare(a.name.name, b.name.name), cmp.Compare(a.name.namespace, b.name.namespace))
	})
}

// visibility ranks VirtualServices by how widely they are exported.
func visibility(b *boundVirtualService) int {
	switch {
	case len(b.ExportTo) == 0 || slices.Contains(b.ExportTo, "*"):
		return 2
	case slices.Contains(b.ExportTo, "."):
		return 0
	}
	return 1
}

// boundTo reports whether b is bound to a server's gateway.
func (b *boundVirtualService) boundTo(s *boundServer) bool {
	return s.implicit || b.any || slices.Contains(b.gateways, s.name)
}

// A tableBuilder joins what servers and VirtualServices say about the hosts of
// one route table (Istio's buildGatewayHTTPRouteConfig).
type tableBuilder struct {
	c     *compiler
	table *routeTable
	hosts map[string]*hostBuilder
	order []*hostBuilder
	// compiled are the clauses of a VirtualService by gateway: compiled once for
	// the first server, and used for the gateway's others in this table.
	compiled map[compiledKey][]boundClause
}

// A hostBuilder is a virtual host in the making.
type hostBuilder struct {
	domain   string
	redirect bool
	clauses  []boundClause
}

// A boundClause is a clause with its route.
type boundClause struct {
	clause
	route *routeProgram
	name  string
}

type compiledKey struct {
	gateway resourceName
	service *boundVirtualService
}

func newTableBuilder(c *compiler, t *routeTable) *tableBuilder {
	return &tableBuilder{c: c, table: t, hosts: map[string]*hostBuilder{}, compiled: map[compiledKey][]boundClause{}}
}

// host returns the virtual host of a domain.
func (tb *tableBuilder) host(domain string) *hostBuilder {
	h := tb.hosts[domain]
	if h == nil {
		h = &hostBuilder{domain: domain}
		tb.hosts[domain] = h
		tb.order = append(tb.order, h)
	}
	return h
}

// add adds a server.
func (tb *tableBuilder) add(s *boundServer) {
	redirect := s.TLS != nil && s.TLS.HTTPSRedirect && !tb.table.tls
	for _, vs := range tb.c.bound {
		if !vs.boundTo(s) {
			continue
		}
		domains := intersect(hostsFor(s.Hosts, s.name.namespace, vs.name.namespace), vs.Hosts)
		if len(domains) == 0 {
			continue
		}
		key := compiledKey{s.name, vs}
		clauses, ok := tb.compiled[key]
		if !ok {
			clauses = tb.c.clauses(vs, s)
			tb.compiled[key] = clauses
		}
		if len(clauses) == 0 {
			continue
		}
		for _, domain := range domains {
			h := tb.host(strings.ToLower(domain))
			h.clauses = append(h.clauses, clauses...)
			h.redirect = h.redirect || redirect
		}
	}
	if redirect {
		for _, domain := range serverNames(s.Hosts) {
			tb.host(domain).redirect = true
		}
	}
}

// seal puts catch-alls last and makes the indexes.
func (tb *tableBuilder) seal() {
	for _, h := range tb.order {
		slices.SortStableFunc(h.clauses, func(a, b boundClause) int {
			switch x, y := a.isCatchAll(), b.isCatchAll(); {
			case x == y:
				return 0
			case y:
				return -1
			}
			return 1
		})
		list, clauses := make([]clause, len(h.clauses)), make([]routeClause, len(h.clauses))
		for i := range h.clauses {
			b := &h.clauses[i]
			list[i], clauses[i] = b.clause, routeClause{route: b.route, name: b.name}
		}
		host := newVirtualHost(h.domain, h.redirect, list, clauses)
		tb.table.order = append(tb.table.order, host)
		tb.table.hosts.add(h.domain, host)
	}
}

// clauses compiles a VirtualService's routes for a server. Reading stops at the
// first catch-all.
func (c *compiler) clauses(vs *boundVirtualService, s *boundServer) []boundClause {
	out := make([]boundClause, 0, len(vs.routes))
	for i := range vs.routes {
		r := &vs.routes[i]
		var rp *routeProgram
		program := func() *routeProgram {
			if rp == nil {
				rp = c.route(r, vs, s)
			}
			return rp
		}
		if len(r.Match) == 0 {
			return append(out, boundClause{clause{uri: uriCondition{kind: spec.MatchPrefix, text: "/"}}, program(), r.Name})
		}
		for j := range r.Match {
			m := &r.Match[j]
			if !c.concerns(m, vs, s) {
				continue
			}
			uri, rest, err := compileMatch(m, c.regexes)
			if err != nil {
				continue // validation has reported it
			}
			cl := boundClause{clause{uri: uri, rest: rest}, program(), r.Name}
			if m.Name != "" {
				cl.name += "." + m.Name
			}
			out = append(out, cl)
			if cl.isCatchAll() {
				return out
			}
		}
	}
	return out
}

// concerns reports whether the conditions of a match that are settled before any
// request hold: port, gateway, and the workload's labels and namespace.
func (c *compiler) concerns(m *spec.Match, vs *boundVirtualService, s *boundServer) bool {
	if m.Port != 0 && m.Port != s.Port {
		return false
	}
	if len(m.Gateways) > 0 {
		if s.implicit {
			return true
		}
		for _, g := range m.Gateways {
			if g == "*" || gatewayNamed(g, vs.name.namespace) == s.name {
				return true
			}
		}
		return false
	}
	return (m.SourceNamespace == "" || m.SourceNamespace == c.o.workload.namespace) && c.o.workload.has(m.SourceLabels)
}

// route compiles a route's action.
func (c *compiler) route(r *boundRoute, vs *boundVirtualService, s *boundServer) *routeProgram {
	p := &routeProgram{
		service: vs.label,
		fault:   compileFault(r.Fault),
		cors:    compileCORS(r.CORS, c.regexes),
		rewrite: compileRewrite(r.Rewrite, c.semantics),
		retry:   c.retry(r.Retry),
		timeout: r.Timeout,
	}
	p.limits = c.limits(r, vs, s)
	if r.Redirect != nil || r.DirectResponse != nil {
		p.redirect = compileRedirect(r.Redirect, s.Port, s.TLS != nil, c.semantics)
		p.direct = compileDirect(r.DirectResponse)
		p.response = compileHeaders(&r.Headers.Response)
		p.cors = nil // CORS needs a destination
		return p
	}
	c.split(p, r, s)
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		percent := 100.0
		if m.Percent != nil {
			percent = *m.Percent
		}
		if share := newShare(percent); share > 0 {
			p.mirrors = append(p.mirrors, mirrorProgram{c.destination(&m.Destination, r.namespace, s.Port), share})
		}
	}
	p.wrapped = p.wrapped || c.semantics.sendsEnvoyHeaders()
	return p
}

// split compiles the destinations of a route. With one, its operations and the
// route's are one level; with several, each destination's come first.
func (c *compiler) split(p *routeProgram, r *boundRoute, s *boundServer) {
	request, response := compileHeaders(&r.Headers.Request), compileHeaders(&r.Headers.Response)
	for i := range r.Destinations {
		d := c.destination(&r.Destinations[i], r.namespace, s.Port)
		own := &r.Destinations[i].Headers
		ownRequest, ownResponse := compileHeaders(&own.Request), compileHeaders(&own.Response)
		switch {
		case len(r.Destinations) > 1:
			d.request = [2]*headerProgram{ownRequest, request}
			d.response = [2]*headerProgram{ownResponse, response}
		default:
			d.request[0], d.response[0] = request, response
			if ownRequest != nil {
				d.request[0] = compileHeaders(&r.Headers.Request, &own.Request)
			}
			if ownResponse != nil {
				d.response[0] = compileHeaders(&r.Headers.Response, &own.Response)
			}
		}
		d.authority = authorityOf(r.Rewrite, request, ownRequest)
		d.writes, d.adds = writesOf(d.request), edgeHeaderCount+countAdded(d.request)
		d.computes = slices.ContainsFunc(slices.Concat(d.request[:], d.response[:]), (*headerProgram).computes)
		p.wrapped = p.wrapped || d.response != [2]*headerProgram{} || d.remote
		p.split.add(d)
	}
	p.split.settle()
}

// retry compiles a retry policy. Routes without one share Istio's default.
func (c *compiler) retry(r *spec.Retry) *retryProgram {
	if r != nil {
		p := compileRetry(r)
		return &p
	}
	if c.defaultRetry == nil {
		p := compileRetry(nil)
		p.repeats = c.semantics.repeatsBroken()
		c.defaultRetry = &p
	}
	return c.defaultRetry
}

// authorityOf returns what replaces the Host header: the rewrite's authority,
// the route's, or the destination's.
func authorityOf(rw *spec.Rewrite, route, own *headerProgram) string {
	if rw != nil && rw.Authority != "" {
		return rw.Authority
	}
	for _, ops := range []*headerProgram{route, own} {
		if ops != nil && ops.authority != "" {
			return ops.authority
		}
	}
	return ""
}
