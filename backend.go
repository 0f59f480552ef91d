package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A backendName is what a backend is registered under:
// "host", "host:port", "host/subset" or "host:port/subset"; "*" is every host.
type backendName struct {
	host, subset string
	port         int
}

// parseBackendName parses the name of a backend.
func parseBackendName(name string) (backendName, error) {
	var n backendName
	var found bool
	rest, subset, found := strings.Cut(name, "/")
	n.host, n.subset = rest, subset
	if found && !isLabel(subset) {
		return n, fmt.Errorf("backend %q: %q is not the name of a subset", name, subset)
	}
	if i := portStart(rest); i >= 0 {
		port, err := strconv.Atoi(rest[i+1:])
		if err != nil || port < 1 || port > 65535 {
			return n, fmt.Errorf("backend %q: %q is not a port: a number from 1 to 65535 is expected", name, rest[i+1:])
		}
		n.host, n.port = rest[:i], port
	}
	if n.host == "" {
		return n, fmt.Errorf(`backend %q: the host is missing: "host", "host:port", "host:port/subset" or "*" is expected`, name)
	}
	return n, nil
}

// A backend is what stands behind a name: a handler in this process, or a URL.
type backend struct {
	name    backendName
	handler http.Handler
	url     string
	origin  spec.Origin
}

// A backendIndex finds the backend of a destination.
type backendIndex struct {
	byName map[backendName]*backend
	// ports are those under which a host is registered.
	ports map[string][]int
}

// newBackendIndex indexes backends by full names of hosts. A name without a dot
// is both itself and the service of that name in the default namespace.
func newBackendIndex(list []backend, namespace string) backendIndex {
	x := backendIndex{byName: map[backendName]*backend{}, ports: map[string][]int{}}
	for i := range list {
		b := &list[i]
		for _, host := range []string{b.name.host, fullHost(b.name.host, namespace)} {
			name := b.name
			name.host = host
			x.byName[name] = b
			if name.port != 0 && !slices.Contains(x.ports[host], name.port) {
				x.ports[host] = append(x.ports[host], name.port)
			}
		}
	}
	return x
}

// find returns the backend of a destination, the most particular name first.
// written is the host as the destination has it, host its full name.
func (x *backendIndex) find(host, written string, port int, subset string) *backend {
	for _, n := range []backendName{
		{host, subset, port}, {written, subset, port},
		{host, subset, 0}, {written, subset, 0},
		{host, "", port}, {written, "", port},
		{host, "", 0}, {written, "", 0},
	} {
		if b := x.byName[n]; b != nil {
			return b
		}
	}
	return nil
}

// exact reports whether a backend is registered for this port or this subset in
// particular.
func (x *backendIndex) exact(host, written string, port int, subset string) bool {
	for _, h := range []string{host, written} {
		if subset != "" && (x.byName[backendName{h, subset, port}] != nil || x.byName[backendName{h, subset, 0}] != nil) {
			return true
		}
		if subset == "" && x.byName[backendName{h, "", port}] != nil {
			return true
		}
	}
	return false
}

// namespaceOf returns the namespace in a host's name, or "".
func namespaceOf(host string) string {
	if rest, ok := strings.CutSuffix(host, ".svc."+clusterDomain); ok {
		if _, ns, found := strings.Cut(rest, "."); found {
			return ns
		}
	}
	return ""
}

// destination compiles a destination of a VirtualService in namespace, behind a
// server's port.
func (c *compiler) destination(d *spec.Destination, namespace string, serverPort int) destination {
	out := destination{host: fullHost(d.Host, namespace), subset: d.Subset, weight: uint32(d.Weight)}
	port := d.Port
	service := c.services.find(out.host, namespace)
	defined := c.backends.ports[out.host]
	if len(defined) == 0 {
		defined = c.backends.ports[d.Host]
	}
	if service != nil {
		defined = service.ports()
	}
	if port == 0 {
		port = serverPort
		if len(defined) == 1 {
			port = defined[0]
		}
	}
	out.port = uint16(port)
	exact := c.backends.exact(out.host, d.Host, port, out.subset)
	serviceNamespace := cmp.Or(namespaceOf(out.host), namespace)
	if service != nil {
		serviceNamespace = service.namespace
	}
	rule := c.services.rules.find(out.host, serviceNamespace)
	policy, known := rule.policy(portReference{port, d.Port != 0}, out.subset)
	if !known && !exact {
		return out
	}
	if service != nil && !slices.Contains(defined, port) && !exact {
		return out
	}
	switch b := c.backends.find(out.host, d.Host, port, out.subset); {
	case b != nil:
		c.stand(&out, b, &policy)
	case service != nil:
		if r := c.serve(service, &out, &policy); r != nil {
			out.reach(r)
			out.declared = true
		}
	default:
		if b := c.backends.byName[backendName{host: "*"}]; b != nil {
			c.stand(&out, b, &policy)
		}
	}
	if policy.any() {
		out.policy = &policy
	}
	return out
}

// reach puts an upstream behind a destination.
func (d *destination) reach(r *remote) {
	d.backend, d.budget, d.remote, d.direct = r.Upstream, r.budget, true, r.direct
}

// stand puts a backend behind a destination. Of a policy that is for endpoints
// and certificates, a URL says more itself.
func (c *compiler) stand(d *destination, b *backend, policy *destinationPolicy) {
	if b.handler != nil {
		d.backend = b.handler
		return
	}
	config, err := upstream.FromURL(b.url)
	if err != nil {
		c.at(b.origin).errorf("backend %q: %v", b.name.String(), err)
		return
	}
	description := upstreamDescription{Config: config}
	description.Name = d.cluster()
	own := *policy
	own.tls = nil
	c.describe(&description, &own, nil)
	description.Protocol = config.Protocol
	if r := c.remote(&description); r != nil {
		d.reach(r)
	}
}

// String returns the name as it is registered.
func (n backendName) String() string {
	text := n.host
	if n.port != 0 {
		text += ":" + strconv.Itoa(n.port)
	}
	if n.subset != "" {
		text += "/" + n.subset
	}
	return text
}

// serve returns the upstream of a service's port, or of the endpoints that a
// policy selects. It is nil where Istio builds no cluster.
func (c *compiler) serve(h *hostService, d *destination, policy *destinationPolicy) *remote {
	config := upstreamDescription{Config: upstream.Config{Name: d.cluster()}}
	switch h.resolution() {
	case spec.ResolveDiscovery:
		c.describeDiscovery(&config, h, int(d.port), policy.labels)
	case spec.ResolveStatic:
		config.Resolution = upstream.Static
	case spec.ResolveDNS:
		config.Resolution = upstream.DNS
	case spec.ResolveDNSRoundRobin:
		config.Resolution = upstream.DNSRoundRobin
	case spec.ResolveDynamicDNS:
		config.Resolution = upstream.DynamicDNS
	}
	for _, e := range h.endpoints(d.host, int(d.port), policy.labels) {
		config.Endpoints = append(config.Endpoints, placed(e.Endpoint, e.address))
	}
	if config.Resolution != upstream.Static && len(config.Endpoints) == 0 {
		return nil
	}
	switch strings.ToUpper(h.protocol(int(d.port))) {
	case "HTTP2", "GRPC", "GRPC-WEB":
		config.Protocol = upstream.HTTP2
	}
	c.describe(&config, policy, h.subjectAltNames(int(d.port)))
	return c.remote(&config)
}

// hasLabels reports whether labels has all of the wanted.
func hasLabels(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if has, ok := labels[k]; !ok || has != v {
			return false
		}
	}
	return true
}

// A remote is an upstream that programs share as long as its description does
// not change, so that its connections outlive a replacement.
type remote struct {
	identity string
	*upstream.Upstream
	budget *repeatBudget
	// direct says that requests are sent by the upstream's own client.
	direct bool
	// discovery finds the endpoints, if anything does.
	discovery any
}

// remote returns the upstream of a description, the one that is there already if
// there is one.
func (c *compiler) remote(d *upstreamDescription) *remote {
	d.Random, d.Resolver, d.Transport = c.o.random, c.o.resolver, c.o.transport
	identity := fmt.Sprintf("%s %s %+v %d %d %d %v %d %s\n%s", d.Name, d.BasePath, d.Endpoints, d.Resolution, d.Protocol, d.Transport,
		d.TLS != nil, c.o.trusted, c.o.locality, &d.identity)
	if u := c.upstreams[identity]; u != nil {
		return u
	}
	if c.before != nil {
		if u := c.before.upstreams[identity]; u != nil && sameDiscovery(u.discovery, d.discovery) {
			c.upstreams[identity] = u
			return u
		}
	}
	u, err := upstream.New(d.Config)
	if err != nil {
		c.at(spec.Origin{}).errorf("%v", err)
		return nil
	}
	c.upstreams[identity] = &remote{
		identity: identity, Upstream: u, budget: newRepeatBudget(), discovery: d.discovery,
		direct: d.Transport == upstream.Direct && d.Protocol == upstream.HTTP1,
	}
	return c.upstreams[identity]
}
