package compile

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A BackendName is the name of a registered backend: "host", "host:port",
// "host/subset" or "host:port/subset"; "*" is every host.
type BackendName struct {
	Host, subset string
	port         int
}

// ParseBackendName parses the name of a backend.
func ParseBackendName(name string) (BackendName, error) {
	var n BackendName
	var found bool
	rest, subset, found := strings.Cut(name, "/")
	n.Host, n.subset = rest, subset
	if found && !resource.IsLabel(subset) {
		return n, fmt.Errorf("backend %q: %q is not the name of a subset", name, subset)
	}
	if i := hosts.PortStart(rest); i >= 0 {
		port, err := strconv.Atoi(rest[i+1:])
		if err != nil || port < 1 || port > 65535 {
			return n, fmt.Errorf("backend %q: %q is not a port: a number from 1 to 65535 is expected", name, rest[i+1:])
		}
		n.Host, n.port = rest[:i], port
	}
	if n.Host == "" {
		return n, fmt.Errorf(`backend %q: the host is missing: "host", "host:port", "host:port/subset" or "*" is expected`, name)
	}
	return n, nil
}

// A Backend is what is behind a name: a handler in this process, or a URL.
type Backend struct {
	Name    BackendName
	Handler http.Handler
	URL     string
	Origin  spec.Origin
}

// A backendIndex finds the backend of a destination.
type backendIndex struct {
	ByName map[BackendName]*Backend
	// ports are the registered ports of a host.
	ports map[string][]int
}

// NewBackendIndex indexes backends by full names of hosts. A name without a dot
// means both itself and the service of that name in the default namespace.
func NewBackendIndex(list []Backend, namespace string) backendIndex {
	x := backendIndex{ByName: map[BackendName]*Backend{}, ports: map[string][]int{}}
	for i := range list {
		b := &list[i]
		for _, host := range []string{b.Name.Host, resource.FullHost(b.Name.Host, namespace)} {
			name := b.Name
			name.Host = host
			x.ByName[name] = b
			if name.port != 0 && !slices.Contains(x.ports[host], name.port) {
				x.ports[host] = append(x.ports[host], name.port)
			}
		}
	}
	return x
}

// Find returns the backend of a destination, the most specific name first. written
// is the host in the destination, host its full name.
func (x *backendIndex) Find(host, written string, port int, subset string) *Backend {
	for _, n := range []BackendName{
		{host, subset, port}, {written, subset, port},
		{host, subset, 0}, {written, subset, 0},
		{host, "", port}, {written, "", port},
		{host, "", 0}, {written, "", 0},
	} {
		if b := x.ByName[n]; b != nil {
			return b
		}
	}
	return nil
}

// exact reports whether a backend is registered for exactly this port or this
// subset.
func (x *backendIndex) exact(host, written string, port int, subset string) bool {
	for _, h := range []string{host, written} {
		if subset != "" && (x.ByName[BackendName{h, subset, port}] != nil || x.ByName[BackendName{h, subset, 0}] != nil) {
			return true
		}
		if subset == "" && x.ByName[BackendName{h, "", port}] != nil {
			return true
		}
	}
	return false
}

// destination compiles a destination of a VirtualService in namespace, for a
// server's port.
func (c *Compiler) destination(d *spec.Destination, namespace string, serverPort int) program.Destination {
	r := c.resolve(d, namespace, serverPort)
	return c.connect(&r, nil)
}

// A resolved destination has a known name, but no upstream yet.
type resolved struct {
	program.Destination
	written *spec.Destination
	service *hostService
	policy  traffic.Policy
	// namespace is that of the service, in which its DestinationRule is looked up.
	namespace string
	// missing is why nothing can be behind it, or empty.
	missing string
}

// resolve looks up the service, the port and the policy of a destination.
func (c *Compiler) resolve(d *spec.Destination, namespace string, serverPort int) resolved {
	r := resolved{
		Destination: program.Destination{Host: resource.FullHost(d.Host, namespace), Subset: d.Subset, Weight: uint32(d.Weight)},
		written:     d,
	}
	port := d.Port
	r.service = c.services.Find(r.Host, namespace)
	defined := c.backends.ports[r.Host]
	if len(defined) == 0 {
		defined = c.backends.ports[d.Host]
	}
	if r.service != nil {
		defined = r.service.ports()
		c.useService(r.Host, r.service)
	}
	if port == 0 {
		port = serverPort
		if len(defined) == 1 {
			port = defined[0]
		}
	}
	r.Port = uint16(port)
	if c.followAlias(&r, namespace) {
		defined = r.service.ports()
	}
	exact := c.backends.exact(r.Host, d.Host, port, r.Subset)
	serviceNamespace := cmp.Or(resource.NamespaceOf(r.Host), namespace)
	if r.service != nil {
		serviceNamespace = r.service.namespace
	}
	r.namespace = serviceNamespace
	rule := c.useRule(r.Host, serviceNamespace, r.Subset)
	policy, known := rule.Policy(traffic.Port{Number: port, Named: d.Port != 0}, r.Subset)
	r.policy = policy
	switch {
	case exact:
	case !known:
		r.missing = "there is no subset " + r.Subset
	case r.service != nil && r.service.alias() == "" && !slices.Contains(defined, port):
		r.missing = fmt.Sprintf("its %s has no port %d", r.service.kind(), port)
	}
	return r
}

// connect connects a destination to its backend or service. hashes are the hashes
// of the route; nil means those of the destination's own policy.
func (c *Compiler) connect(r *resolved, hashes []*spec.ConsistentHash) program.Destination {
	out, d, policy := r.Destination, r.written, &r.policy
	if out.Missing = r.missing; out.Missing != "" {
		return out
	}
	policy.RouteHashes = hashes
	stand := func(b *Backend) {
		key := c.reachKey(r, b, hashes)
		to := c.reached[key]
		if to == nil {
			to = c.made(func() *program.Remote { return c.stand(&out, b, policy) })
			c.keepReached(key, to)
		}
		if to != nil {
			out.Reach(to)
			c.useRemote(to)
		}
	}
	switch b := c.backends.Find(out.Host, d.Host, int(out.Port), out.Subset); {
	case b != nil:
		stand(b)
	case r.service != nil && !r.service.needsBackend():
		c.warnOfUsed(out.Host, r.service)
		key := c.reachKey(r, r.service, hashes)
		to := c.reached[key]
		if to == nil {
			to = c.made(func() *program.Remote { return c.serve(r.service, &out, policy) })
			c.keepReached(key, to)
		}
		if to != nil {
			out.Reach(to)
			c.useRemote(to)
			out.Declared = true
		} else {
			out.Missing = fmt.Sprintf("its %s has no endpoint for it", r.service.kind())
		}
	default:
		if b := c.backends.ByName[BackendName{Host: "*"}]; b != nil {
			stand(b)
		} else if r.service != nil {
			out.Missing = program.NoEndpoints
			c.warnOfUsed(out.Host, r.service)
		} else {
			out.Missing = program.NoBackend
		}
	}
	if policy.Any() {
		out.Policy = policy
	}
	return out
}

// A reachKey identifies destinations that have the same upstream.
type reachKey struct {
	// to is the *Backend or the *hostService.
	to                      any
	host, namespace, subset string
	port                    uint16
	// named means that the destination names the port, so that a policy for it applies.
	named bool
	// hashed means that the hashes are those of the route, which has none.
	hashed bool
}

// reachKey returns the key of a destination, or the zero key if it has an upstream of
// its own.
func (c *Compiler) reachKey(r *resolved, to any, hashes []*spec.ConsistentHash) reachKey {
	if len(hashes) > 0 {
		return reachKey{}
	}
	return reachKey{to, r.Host, r.namespace, r.Subset, r.Port, r.written.Port != 0, hashes != nil}
}

// keepReached keeps the upstream of a destination for the next one like it. Among
// thousands of routes, few have destinations of their own.
func (c *Compiler) keepReached(key reachKey, to *program.Remote) {
	if to != nil && key != (reachKey{}) {
		c.reached[key] = to
	}
}

// stand uses a backend for a destination. A URL has its own settings in place of
// those of a policy for endpoints and certificates. It returns the upstream of a URL.
func (c *Compiler) stand(d *program.Destination, b *Backend, policy *traffic.Policy) *program.Remote {
	if b.Handler != nil {
		d.Backend = c.creatingCookies(b.Handler, policy)
		return nil
	}
	config, err := upstream.FromURL(b.URL)
	if err != nil {
		c.At(b.Origin).Errorf(spec.CodeInvalid, "backend %q: %v", b.Name.String(), err)
		return nil
	}
	description := upstreamDescription{Config: config}
	description.Name = d.Cluster()
	own := *policy
	own.TLS = nil
	c.overridden(b, policy, config.TLS != nil)
	c.describe(&description, &own, nil)
	description.Protocol = config.Protocol
	return c.remote(&description)
}

// overridden warns of a DestinationRule whose TLS settings have no effect, because
// a URL replaces them.
func (c *Compiler) overridden(b *Backend, policy *traffic.Policy, secure bool) {
	t := policy.TLS
	if t == nil || t.Mode == spec.ClientTLSDisable {
		return
	}
	at := c.At(policy.Origin).Field("trafficPolicy.tls")
	if secure {
		at.Warnf("", "has no effect: the backend %s is at the URL %s, whose certificate is verified for the host of the URL", b.Name.String(), b.URL)
		return
	}
	at.Warnf("", "has no effect: the backend %s is at the URL %s, and gets plain text", b.Name.String(), b.URL)
}

// String returns the name as registered.
func (n BackendName) String() string {
	text := n.Host
	if n.port != 0 {
		text += ":" + strconv.Itoa(n.port)
	}
	if n.subset != "" {
		text += "/" + n.subset
	}
	return text
}

// serve returns the upstream of a service's port, or of the endpoints that a policy
// selects. It is nil if Istio builds no cluster.
func (c *Compiler) serve(h *hostService, d *program.Destination, policy *traffic.Policy) *program.Remote {
	config := upstreamDescription{Config: upstream.Config{Name: d.Cluster()}}
	switch h.resolution() {
	case spec.ResolveDiscovery:
		c.describeDiscovery(&config, h, int(d.Port), policy.Labels)
	case spec.ResolveStatic:
		config.Resolution = upstream.Static
	case spec.ResolveDNS:
		config.Resolution = upstream.DNS
	case spec.ResolveDNSRoundRobin:
		config.Resolution = upstream.DNSRoundRobin
	case spec.ResolveDynamicDNS:
		config.Resolution = upstream.DynamicDNS
	}
	for _, e := range h.Endpoints(d.Host, int(d.Port), policy.Labels) {
		config.Endpoints = append(config.Endpoints, placed(e.Endpoint, e.Address))
	}
	if config.Resolution != upstream.Static && len(config.Endpoints) == 0 {
		return nil
	}
	switch strings.ToUpper(h.protocol(int(d.Port))) {
	case "HTTP2", "GRPC", "GRPC-WEB":
		config.Protocol = upstream.HTTP2
	}
	c.describe(&config, policy, h.subjectAltNames(int(d.Port)))
	return c.remote(&config)
}

// earlyConnectTimeout is the time for a connection while another endpoint can have the
// request: that of one lost packet of a handshake.
const earlyConnectTimeout = time.Second

// remote returns the upstream of a description, or the existing one if there is
// one.
func (c *Compiler) remote(d *upstreamDescription) *program.Remote {
	d.Random, d.Resolver, d.Transport = c.O.Random, c.O.Resolver, c.O.Transport
	d.Notify = c.failures.Of(d.Name)
	if d.JudgeWholeResponses = c.semantics.JudgesWholeResponses(); d.ConnectTimeout == 0 && c.semantics.LeavesSlowConnects() {
		d.EarlyConnectTimeout = earlyConnectTimeout
	}
	identity := fmt.Sprintf("%s %s %s %+v %d %d %d %v %d %s\n%s", c.semantics, d.Name, d.BasePath, d.Endpoints, d.Resolution, d.Protocol, d.Transport,
		d.TLS != nil, c.O.Trusted, c.O.Locality, &d.identity)
	if u := c.upstreams[identity]; u != nil {
		return u
	}
	if c.before != nil {
		if u := c.before.Upstreams[identity]; u != nil && sameDiscovery(u.Discovery, d.discovery) {
			c.upstreams[identity] = u
			return u
		}
	}
	u, err := upstream.New(d.Config)
	if err != nil {
		c.At(spec.Origin{}).Errorf(spec.CodeInvalid, "%v", err)
		return nil
	}
	c.upstreams[identity] = &program.Remote{
		Identity: identity, Upstream: u, Budget: forward.NewBudget(), Discovery: d.discovery,
		Direct: d.Transport == upstream.Direct && d.Protocol == upstream.HTTP1,
	}
	return c.upstreams[identity]
}
