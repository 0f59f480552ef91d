package compile

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
)

// A tableBuilder joins the servers and VirtualServices for the hosts of one route
// table (Istio's buildGatewayHTTPRouteConfig).
type tableBuilder struct {
	c     *Compiler
	table *program.RouteTable
	hosts map[string]*hostBuilder
	order []*hostBuilder
	// unreachable means that Istio has a virtual host that gets no requests.
	unreachable bool
	// compiled are the clauses of a VirtualService by gateway. They are compiled
	// for the first server, and reused for the gateway's others in this table.
	compiled map[compiledKey][]boundClause
}

// A hostBuilder builds a virtual host.
type hostBuilder struct {
	domain string
	// redirectedBy is the first server that redirects plain text, or nil.
	redirectedBy *boundServer
	clauses      []boundClause
}

// A boundClause is a clause with its route.
type boundClause struct {
	match.Clause
	route *program.Route
	name  string
	// match is the index of the match in the route.
	match int32
}

type compiledKey struct {
	gateway resource.Name
	service *boundVirtualService
	// virtualHost is set if the virtual host has rate limits of its own.
	virtualHost string
}

func newTableBuilder(c *Compiler, t *program.RouteTable) *tableBuilder {
	return &tableBuilder{c: c, table: t, hosts: map[string]*hostBuilder{}, compiled: map[compiledKey][]boundClause{}}
}

// host returns the virtual host of a domain.
func (tb *tableBuilder) host(domain string) *hostBuilder {
	if len(domain) > 1 && tb.c.semantics.DropsFinalDot() {
		domain = strings.TrimSuffix(domain, ".") // as requests lose theirs
	}
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
	tb.c.served = append(tb.c.served, s)
	if name := s.name.String(); s.name.Name != "" && !slices.Contains(tb.table.Gateways, name) {
		tb.table.Gateways = append(tb.table.Gateways, name)
	}
	tb.c.usage.servers[s.Server] = true
	redirect := s.TLS != nil && s.TLS.HTTPSRedirect && !tb.table.TLS
	for _, vs := range tb.c.bound {
		if !vs.boundTo(s) {
			continue
		}
		domains := hosts.Intersect(hosts.ForNamespace(s.Hosts, s.name.Namespace, vs.name.Namespace), vs.hosts)
		if len(domains) == 0 {
			continue
		}
		tb.c.usage.bound[vs.VirtualService] = true
		for _, domain := range domains {
			clauses := tb.clauses(vs, s, domain)
			if len(clauses) == 0 {
				break
			}
			tb.c.usage.routed[s.Server] = true
			h := tb.host(strings.ToLower(domain))
			h.clauses = append(h.clauses, clauses...)
			if redirect && h.redirectedBy == nil {
				h.redirectedBy = s
			}
		}
	}
	if redirect {
		tb.c.usage.routed[s.Server] = true
		for _, domain := range hosts.Sanitized(s.Hosts, s.name.Namespace) {
			// Istio uses a host with a namespace as a domain, which no request has.
			// Validation warns of it.
			if strings.Contains(domain, "/") {
				tb.unreachable = true
				continue
			}
			if h := tb.host(strings.ToLower(domain)); h.redirectedBy == nil {
				h.redirectedBy = s
			}
		}
	}
}

// clauses returns the clauses of a VirtualService for a server. Those for a domain differ
// only if its virtual host has rate limits of its own.
func (tb *tableBuilder) clauses(vs *boundVirtualService, s *boundServer, domain string) []boundClause {
	key := compiledKey{s.name, vs, tb.c.policies.virtualHost(domain, s.Port)}
	if key.virtualHost != "" {
		own := *s
		own.virtualHost, s = key.virtualHost, &own
	}
	clauses, ok := tb.compiled[key]
	if !ok {
		clauses = tb.c.clauses(vs, s)
		tb.compiled[key] = clauses
	}
	return clauses
}

// seal moves catch-alls to the end and creates the indexes.
func (tb *tableBuilder) seal() {
	if len(tb.order) == 0 && !tb.unreachable {
		tb.table.Hosts.Add("*", program.Blackhole)
	}
	for _, h := range tb.order {
		slices.SortStableFunc(h.clauses, func(a, b boundClause) int {
			switch x, y := a.IsCatchAll(), b.IsCatchAll(); {
			case x == y:
				return 0
			case y:
				return -1
			}
			return 1
		})
		list, clauses := make([]match.Clause, len(h.clauses)), make([]program.Clause, len(h.clauses))
		for i := range h.clauses {
			b := &h.clauses[i]
			list[i], clauses[i] = b.Clause, program.Clause{Route: b.route, Name: b.name, Match: b.match}
		}
		host := program.NewVirtualHost(h.domain, h.redirectedBy != nil, list, clauses)
		if h.redirectedBy != nil {
			host.RedirectedBy = &h.redirectedBy.Origin
		}
		tb.table.Order = append(tb.table.Order, host)
		tb.table.Hosts.Add(h.domain, host)
	}
}
