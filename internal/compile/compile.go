// Package compile turns the declarations of package spec into a program. Package
// validate must have validated them. Unchanged parts of the previous program, such
// as upstreams and the buckets of limits, are kept.
package compile

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/record"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Compiler turns validated declarations into a program.
type Compiler struct {
	*findings.List
	D       *spec.Declarations
	O       *Options
	regexes regex.Cache
	// before is the program that the new one will replace, or nil.
	before      *program.Program
	failures    *program.Failures
	keptBuckets map[string]*bucket.Buckets
	memory      *bucket.Memory
	budget      *bucket.Budget
	upstreams   map[string]*program.Remote
	reached     map[reachKey]*program.Remote
	limiters    map[string]ratelimit.Limiter
	files       PEMFiles
	// earlier are the routes of the program before that can be used again, and kept
	// those of this one. recording is of the route that is being compiled, and doubtful
	// are the upstreams with findings.
	earlier, kept map[keptKey][]keptRoute
	recording     *recording
	doubtful      map[*program.Remote]bool

	semantics    semantics.Mode
	defaultRetry *forward.Retry
	policies     policyIndex
	services     serviceIndex
	backends     backendIndex
	credentials  credentialIndex
	usage        usage
	// written and full are what destinationHosts returns, once it was asked.
	written, full map[string]bool
	// toldOf are the services with a warning about their endpoints.
	toldOf map[*hostService]bool
	// served are the servers in the program.
	served []*boundServer
	// bound are the VirtualServices with hosts and with the routes of their
	// delegates, in the order in which their routes are joined.
	bound []*boundVirtualService
}

// A boundVirtualService is a spec.VirtualService for gateways.
type boundVirtualService struct {
	*spec.VirtualService
	name resource.Name
	// label is the name as text.
	label string
	// hosts are its host names when served.
	hosts []string
	// gateways are the resolved names; any means every gateway.
	gateways []resource.Name
	any      bool
	routes   []boundRoute
}

// A boundRoute is a spec.Route after merging with a delegate.
type boundRoute struct {
	*spec.Route
	// from is the VirtualService with the route at index: the delegate if there is
	// one.
	from  *spec.VirtualService
	index int
	// namespace resolves the short names of destinations.
	namespace string
	// targets are the possible targets of rate limits for the route, the most
	// specific first: for the VirtualService, and for the delegate if there is one.
	targets [][]policyTarget
	// declared are the routes that were merged into this route, and matches the
	// matches that were merged into each of its matches. They are nil if it is not
	// merged.
	declared []*spec.Route
	matches  [][]*spec.Match
}

// Program compiles validated declarations into the program that replaces the earlier
// one. It adds its findings to f.
func Program(d *spec.Declarations, o *Options, f *findings.List, regexes regex.Cache, earlier *Earlier, bg *forward.Background) *program.Program {
	before := earlier.program
	c := newCompiler(d, o, f, regexes, earlier)
	p := &program.Program{
		Semantics: o.Semantics, Normalization: o.Paths, Strict: o.Strict,
		Edge:   edge.Edge{Semantics: o.Semantics, Trusted: o.Trusted, Strict: o.Strict != nil, Random: o.Random, IDs: new(edge.RequestIDs)},
		Random: o.Random, Log: o.Log, Fallback: o.Fallback, Background: bg,
		Generation: before.Next(), Built: time.Now(),
		Failures: c.failures, Observers: record.New(o.Observers), RoutingContext: o.RoutingContext, LocalReply: o.LocalReply,
	}
	if before != nil {
		p.Load = before.Load
	}
	p.Load = program.NewLoad(o.MaxRequests, p.Load)
	p.Declarations = d
	p.Listeners = c.compile()
	p.Credentials = c.serverCredentials(p.Listeners)
	c.unused()
	c.passedOver()
	p.Tracing = c.tracing()
	p.Buckets, p.Upstreams, p.Stores = c.keptBuckets, c.upstreams, c.policies.stores
	p.Memory, p.Budget = c.memory, c.budget
	p.Compilation = c.compilation(earlier)
	return p
}

func newCompiler(d *spec.Declarations, o *Options, f *findings.List, regexes regex.Cache, earlier *Earlier) *Compiler {
	before := earlier.program
	c := &Compiler{
		List: f, D: d, O: o, regexes: regexes, before: before, semantics: o.Semantics,
		usage:       newUsage(d),
		keptBuckets: map[string]*bucket.Buckets{}, upstreams: map[string]*program.Remote{}, reached: map[reachKey]*program.Remote{}, limiters: o.Limiters,
		kept: map[keptKey][]keptRoute{}, doubtful: map[*program.Remote]bool{},
	}
	c.files, c.earlier = earlier.files, earlier.routes
	// Upstreams that are kept report to the log that they were made with.
	if before != nil && before.Failures.To(o.Log) {
		c.failures = before.Failures
	} else {
		c.failures = program.NewFailures(o.Log)
	}
	c.memory, c.budget = before.LimitMemory()
	c.services = NewServiceIndex(c)
	c.indexCredentials()
	c.backends = NewBackendIndex(o.Backends, o.Namespace)
	c.policies = newPolicyIndex(c)
	return c
}

// compile builds the listeners.
func (c *Compiler) compile() []*program.Listener {
	c.bindServices()
	servers := c.servers()
	if len(c.D.Servers) == 0 {
		servers = []*boundServer{{Server: &spec.Server{Port: 80, Hosts: []string{"*"}}, implicit: true}}
	}
	c.severalWorkloads()
	var listeners []*program.Listener
	find := func(s *boundServer) *program.Listener {
		for _, l := range listeners {
			if l.Port == s.Port && l.Bind == s.Bind {
				return l
			}
		}
		return nil
	}
	joined := map[*program.RouteTable]*tableBuilder{}
	var order []*tableBuilder
	for _, s := range servers {
		l := find(s)
		if !resource.ServesHTTP(s.Server) {
			c.usage.passOver(s.Server, "port.protocol", "the server is not for HTTP: it is not served")
			continue
		}
		if resource.IsSecure(s.Server) {
			if l == nil {
				l = &program.Listener{Bind: s.Bind, Port: s.Port, Chains: new(hosts.Table[*program.Chain])}
				listeners = append(listeners, l)
			}
			if l.Chains == nil {
				c.usage.passOver(s.Server, "port", "the server is dropped: port %d serves plain text for another server", s.Port)
				continue
			}
			t := &program.RouteTable{
				Name: "https." + itoa(s.Port) + "." + s.PortName + "." + s.name.Name + "." + s.name.Namespace,
				Port: s.Port, TLS: true, Listener: l, ListenerName: l.Name(),
			}
			tb := newTableBuilder(c, t)
			tb.add(s)
			order = append(order, tb)
			ch := &program.Chain{Server: *s.Server, Table: t}
			l.Order = append(l.Order, ch)
			for _, name := range hosts.ServerNames(s.Hosts) {
				l.Chains.Add(name, ch)
			}
			continue
		}
		if l == nil {
			l = &program.Listener{Bind: s.Bind, Port: s.Port}
			l.Plain = &program.RouteTable{Name: "http." + itoa(s.Port), Port: s.Port, Listener: l, ListenerName: l.Name()}
			listeners = append(listeners, l)
			joined[l.Plain] = newTableBuilder(c, l.Plain)
			order = append(order, joined[l.Plain])
		}
		if l.Plain == nil {
			c.usage.passOver(s.Server, "port", "the server is dropped: port %d serves TLS for another server", s.Port)
			continue
		}
		joined[l.Plain].add(s)
	}
	for _, s := range servers {
		// If another server opens the port, connections for a server that is not
		// executed are refused. They do not go to the other server.
		if l := find(s); l != nil && l.Chains != nil && resource.IsSecure(s.Server) && !resource.ServesHTTP(s.Server) {
			for _, name := range hosts.ServerNames(s.Hosts) {
				l.Chains.Add(name, &program.Chain{Server: *s.Server})
			}
		}
	}
	for _, tb := range order {
		tb.seal()
	}
	program.SortListeners(listeners)
	return listeners
}

// bindServices merges delegates and orders the VirtualServices as Istio does: those
// for their own namespace only, those exported to ours by name, the others; within
// each group by age, name and namespace.
func (c *Compiler) bindServices() {
	merger := newDelegateMerger(c)
	for i := range c.D.VirtualServices {
		vs := &c.D.VirtualServices[i]
		if len(vs.Hosts) == 0 {
			continue
		}
		b := &boundVirtualService{VirtualService: vs, name: resource.Name{Namespace: cmp.Or(vs.Namespace, c.O.Namespace), Name: vs.Name}}
		b.label = b.name.String()
		if len(c.D.Servers) > 0 && !resource.ExportedTo(vs.ExportTo, b.name.Namespace, c.O.Workload.Namespace) {
			c.usage.passOver(vs, "exportTo", "it is not exported to the namespace of the gateway, %s: it is not served", c.O.Workload.Namespace)
			continue
		}
		for _, g := range vs.Gateways {
			switch g {
			case "*":
				b.any = true
			case resource.Mesh:
			default:
				b.gateways = append(b.gateways, resource.GatewayNamed(g, b.name.Namespace))
			}
		}
		b.routes = merger.routes(b)
		c.bound = append(c.bound, b)
	}
	slices.SortStableFunc(c.bound, func(a, b *boundVirtualService) int {
		return cmp.Or(cmp.Compare(resource.Visibility(a.ExportTo), resource.Visibility(b.ExportTo)), a.Created.Compare(b.Created),
			cmp.Compare(a.name.Name, b.name.Name), cmp.Compare(a.name.Namespace, b.name.Namespace))
	})
	c.completeHosts()
}

// boundTo reports whether b is bound to a server's gateway.
func (b *boundVirtualService) boundTo(s *boundServer) bool {
	return s.implicit || b.any || slices.Contains(b.gateways, s.name)
}

func itoa(n int) string { return strconv.Itoa(n) }
