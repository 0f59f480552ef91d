package validate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

func (v *validator) servers() {
	servers := v.declarations.Servers
	portNames := make(map[resource.Name]map[string]bool, len(v.gateways))
	for i := range servers {
		server := &servers[i]
		gateway := v.named(server.Namespace, server.Gateway)
		s := v.site(&server.Origin, "Gateway", server.Namespace, server.Gateway)
		// A resource has a name. A server that is declared in Go need not have one.
		if server.Gateway != "" && !resource.IsLabel(server.Gateway) {
			s.errorf(spec.CodeInvalid, "%q is not the name of a Gateway: letters, digits and inner hyphens are expected", server.Gateway)
		}
		v.serverPort(&s, server)
		if name := server.PortName; name != "" {
			if portNames[gateway][name] {
				e := s.field("port.name")
				e.errorf(spec.CodeDuplicate, "%q is the name of another port of this Gateway", name)
			}
			if portNames[gateway] == nil {
				portNames[gateway] = make(map[string]bool)
			}
			portNames[gateway][name] = true
		}
		v.serverHosts(&s, server)
		v.unserved(&s, server)
		v.serverTLS(&s, server)
		v.selector(server, i > 0 && sameGateway(&servers[i-1], server))
	}
	v.conflictingServers()
}

// selector validates the selector of a server. In a resource it belongs to the
// Gateway; repeated means that the previous server has the same Gateway.
func (v *validator) selector(server *spec.Server, repeated bool) {
	o := server.Origin
	if o.Fields != nil {
		if repeated {
			return
		}
		o.Path = "spec"
	}
	s := v.site(&o, "Gateway", server.Namespace, server.Gateway)
	v.labels(&s, "selector", server.Selector)
}

// sameGateway reports whether two servers are from one resource.
func sameGateway(a, b *spec.Server) bool {
	return a.Origin.File == b.Origin.File && a.Namespace == b.Namespace && a.Gateway == b.Gateway
}

func (v *validator) serverPort(s *site, server *spec.Server) {
	unix := false
	if server.Bind != "" {
		unix = strings.HasPrefix(server.Bind, "unix:///") || strings.HasPrefix(server.Bind, "/") || strings.HasPrefix(server.Bind, "unix://@")
		if !unix && !resource.IsAddress(server.Bind) {
			e := s.field("bind")
			e.errorf(spec.CodeInvalid, "%q is neither an IP address nor the path of a unix socket", server.Bind)
		}
	}
	number := s.field("port.number")
	switch {
	case unix && server.Port != 0:
		number.errorf(spec.CodeInvalid, "port %d is given, but the server is bound to a unix socket: 0 is expected", server.Port)
	case !unix && resource.PortProblem(server.Port) != "":
		number.errorf(spec.CodeInvalid, "%s", resource.PortProblem(server.Port))
	}
	// A resource requires both. A Go literal can omit values with a default.
	written := server.Origin.Fields != nil
	if written && server.PortName == "" {
		e := s.field("port.name")
		e.errorf(spec.CodeMissing, "the port has no name")
	}
	if server.Protocol == "" {
		if written && server.Port != 0 {
			e := s.field("port.protocol")
			e.errorf(spec.CodeMissing, "the port has no protocol: one of %s is expected", strings.Join(resource.HTTPProtocols, ", "))
		}
		return
	}
	protocol := strings.ToUpper(string(server.Protocol))
	if slices.Contains(resource.HTTPProtocols, protocol) || slices.Contains(resource.OtherProtocols, protocol) {
		return
	}
	e := s.field("port.protocol")
	e.suggestf(spec.CodeInvalid, suggest.Closest(string(server.Protocol), resource.HTTPProtocols), "%q is not a protocol: one of %s is expected",
		server.Protocol, strings.Join(resource.HTTPProtocols, ", "))
}

// unserved warns of a server without HTTP that the gateway can read.
func (v *validator) unserved(s *site, server *spec.Server) {
	protocol := strings.ToUpper(string(server.Protocol))
	e := s.field("port.protocol")
	switch {
	case resource.PassesThrough(server):
		e = s.field("tls.mode")
		e.warnf("", "%s is not executed by Lateen, which serves only HTTP: connections for these hosts are refused", resource.TLSModes[server.TLS.Mode])
	case protocol == "TLS":
		e.warnf("", "TLS is not executed by Lateen, which serves only HTTP: connections for these hosts are refused")
	case slices.Contains(resource.OtherProtocols, protocol):
		e.warnf("", "%s is not executed by Lateen, which serves only HTTP: no port is opened for this server", protocol)
	}
}

func (v *validator) serverHosts(s *site, server *spec.Server) {
	if len(server.Hosts) == 0 {
		e := s.field("hosts")
		e.errorf(spec.CodeMissing, `the server has no host: "*" means every host`)
	}
	for i, entry := range server.Hosts {
		namespace, host, found := strings.Cut(entry, "/")
		if !found {
			host = entry
		}
		problem := hostProblem(host)
		switch {
		case found && host == "*" && namespace == "*":
		case found && namespace != "*" && namespace != "." && !resource.IsLabel(namespace):
			e := s.element("hosts", i)
			e.errorf(spec.CodeInvalid, `%q before / is neither "*", "." nor the name of a namespace`, namespace)
		case problem != "" && !resource.IsAddress(host):
			e := s.element("hosts", i)
			e.errorf(spec.CodeInvalid, "%s", problem)
		case host != "*" && !strings.Contains(host, "."):
			e := s.element("hosts", i)
			e.errorf(spec.CodeInvalid, "%q has no dot: a server needs full host names, such as %s.example.com, or \"*\"", host, host)
		}
	}
	v.redirectedHosts(s, server)
	v.starBesideNames(s, server)
}

// redirectedHosts warns of hosts without a redirect to https. Istio uses a host
// with a namespace as a domain.
func (v *validator) redirectedHosts(s *site, server *spec.Server) {
	if server.TLS == nil || !server.TLS.HTTPSRedirect || resource.IsSecure(server) {
		return
	}
	for i, host := range hosts.Sanitized(server.Hosts, v.named(server.Namespace, server.Gateway).Namespace) {
		namespace, name, found := strings.Cut(host, "/")
		if found {
			e := s.element("hosts", i)
			e.warnf("", "httpsRedirect answers only hosts that a VirtualService of the namespace %s binds to this server: other requests for %s get 404", namespace, name)
		}
	}
}

// starBesideNames warns of a TLS server with the host "*" and others. Connections
// for the others go to a server that names them, even by a wildcard.
func (v *validator) starBesideNames(s *site, server *spec.Server) {
	if names := hosts.Names(server.Hosts); len(names) > 1 && resource.IsSecure(server) {
		if i := slices.Index(names, "*"); i >= 0 {
			e := s.element("hosts", i)
			e.warnf("", `"*" replaces the server's other names: another server on the port with such a name, or a wildcard for it, gets the connections`)
		}
	}
}

// A listenerKey identifies a listener: its socket, and the workloads that have it.
type listenerKey struct {
	port           int
	bind, selector string
}

// A takenListener is a listener with its earlier servers.
type takenListener struct {
	by  *spec.Server
	tls bool
	// hosts maps the hosts of servers with a TLS block, in Istio's form, to the
	// server. plain does so for the other servers.
	hosts, plain map[string]*spec.Server
}

// conflictingServers reports servers that Istio drops because of earlier ones: by
// age, then by name, then by namespace (mergeGateways).
func (v *validator) conflictingServers() {
	servers := v.declarations.Servers
	if len(servers) < 2 {
		return
	}
	order := make([]*spec.Server, len(servers))
	for i := range servers {
		order[i] = &servers[i]
	}
	slices.SortStableFunc(order, func(a, b *spec.Server) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Gateway, b.Gateway),
			cmp.Compare(v.named(a.Namespace, "").Namespace, v.named(b.Namespace, "").Namespace))
	})
	taken := make(map[listenerKey]*takenListener, len(servers))
	for _, server := range order {
		if resource.PortProblem(server.Port) != "" {
			continue
		}
		key := listenerKey{server.Port, server.Bind, labelText(server.Selector)}
		secure := resource.IsSecure(server)
		before := taken[key]
		if before == nil {
			before = &takenListener{by: server, tls: secure, hosts: map[string]*spec.Server{}, plain: map[string]*spec.Server{}}
			taken[key] = before
		}
		s := v.site(&server.Origin, "Gateway", server.Namespace, server.Gateway)
		if secure != before.tls {
			e := s.field("port")
			if secure {
				e.warnf(codeConflictingServer, "the server is dropped: port %d serves plain text for %s", server.Port, v.serverName(before.by))
			} else {
				e.errorf(spec.CodeConflict, "port %d serves TLS for %s: plain text needs another port", server.Port, v.serverName(before.by))
			}
			continue
		}
		if !secure && before.by != server && (!resource.ServesHTTP(server) || !resource.ServesHTTP(before.by)) {
			e := s.field("port")
			e.warnf(codeConflictingServer, "the server is dropped: port %d has the protocol %s for %s",
				server.Port, strings.ToUpper(string(before.by.Protocol)), v.serverName(before.by))
			continue
		}
		v.repeatedHosts(&s, server, before)
	}
}

// repeatedHosts reports a host that another server of the listener also has. With a
// TLS block the whole server is dropped; otherwise their routes are joined.
func (v *validator) repeatedHosts(s *site, server *spec.Server, before *takenListener) {
	taken := before.plain
	if server.TLS != nil {
		taken = before.hosts
	}
	names := hosts.Sanitized(server.Hosts, v.named(server.Namespace, server.Gateway).Namespace)
	for i, host := range names {
		other := taken[host]
		if other == nil || other == server {
			continue
		}
		e := s.element("hosts", i)
		switch {
		case server.TLS != nil:
			e.warnf(codeConflictingServer, "the server is dropped, with all its hosts: %q on port %d already belongs to %s",
				host, server.Port, v.serverName(other))
			return
		case v.named(other.Namespace, other.Gateway) != v.named(server.Namespace, server.Gateway):
			e.warnf(codeConflictingServer, "%q on port %d is served by %s too: the routes of both are joined",
				host, server.Port, v.serverName(other))
		}
	}
	for _, host := range names {
		if taken[host] == nil {
			taken[host] = server
		}
	}
}

func (v *validator) serverName(server *spec.Server) string {
	if server.Gateway == "" {
		return "another server"
	}
	return "Gateway " + v.named(server.Namespace, server.Gateway).String()
}

// labelText returns the canonical form of a set of labels.
func labelText(labels map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(labels[key])
		b.WriteByte(',')
	}
	return b.String()
}
