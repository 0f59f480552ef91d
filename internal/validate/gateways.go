package validate

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A gatewayIndex is the data about a Gateway's servers for VirtualServices.
type gatewayIndex struct {
	// hosts are the hosts of the servers, by the namespace whose VirtualServices
	// may bind; "" is any.
	hosts map[string]*hostSet
	ports []int
	// portNames are the possible values of a policy's sectionName.
	portNames map[string]bool
}

func (g *gatewayIndex) add(server *spec.Server, namespace string) {
	if g.hosts == nil {
		g.hosts = make(map[string]*hostSet)
		g.portNames = make(map[string]bool)
	}
	if !slices.Contains(g.ports, server.Port) {
		g.ports = append(g.ports, server.Port)
	}
	g.portNames[server.PortName] = true
	for _, entry := range server.Hosts {
		of, host, found := strings.Cut(entry, "/")
		switch {
		case !found:
			of, host = "", entry
		case of == "*":
			of = ""
		case of == ".":
			of = namespace
		}
		set := g.hosts[of]
		if set == nil {
			set = new(hostSet)
			g.hosts[of] = set
		}
		set.add(host, 0)
	}
}

// serves reports whether a server has a host in common with one of a
// VirtualService.
func (g *gatewayIndex) serves(host, namespace string) bool {
	for _, of := range []string{"", namespace} {
		if set := g.hosts[of]; set != nil {
			if _, ok := set.overlapping(host); ok {
				return true
			}
		}
	}
	return false
}

func (v *validator) indexGateways() {
	servers := v.declarations.Servers
	v.gateways = make(map[resource.Name]*gatewayIndex)
	for i := range servers {
		server := &servers[i]
		name := v.named(server.Namespace, server.Gateway)
		g := v.gateways[name]
		if g == nil {
			g = new(gatewayIndex)
			v.gateways[name] = g
		}
		g.add(server, name.Namespace)
		v.everyGateway.add(server, name.Namespace)
	}
}

// gatewayReference validates a reference to a gateway. A Gateway that does not
// exist is a warning: Istio serves the VirtualService at its other gateways. "*" is
// allowed only in Go declarations; written means that a resource was read.
func (v *validator) gatewayReference(s *site, reference, namespace string, written bool) {
	if reference == "*" && !written || reference == resource.Mesh {
		return
	}
	of, name, found := strings.Cut(reference, "/")
	switch {
	case reference == "":
		s.errorf(spec.CodeMissing, `the name of a gateway is missing: "name" or "namespace/name" is expected`)
		return
	case found && (of != "." && !resource.IsLabel(of) || !resource.IsLabel(name)):
		s.errorf(spec.CodeInvalid, `%q does not name a gateway: "name" or "namespace/name" is expected`, reference)
		return
	case !found && strings.Contains(reference, "."):
		if problem := exactHostProblem(reference); problem != "" {
			s.errorf(spec.CodeInvalid, `%q does not name a gateway: "name" or "namespace/name" is expected`, reference)
			return
		}
		resolved := resource.GatewayNamed(reference, namespace)
		s.warnf(codeSchema, "%q names a gateway in the old form: write %q", reference, resolved)
	case !found && isNumber(reference):
		s.errorf(spec.CodeInvalid, "%q does not name a gateway: a number is no name", reference)
		return
	case !found && !resource.IsLabel(reference):
		s.errorf(spec.CodeInvalid, `%q does not name a gateway: "name" or "namespace/name" is expected`, reference)
		return
	}
	resolved := resource.GatewayNamed(reference, namespace)
	if v.gateways[resolved] == nil {
		s.warnSuggestf(codeNotFound, v.closestGateway(resolved, namespace), "there is no Gateway %s", resolved)
	}
}

// closestGateway returns the reference that was probably meant: another name in the
// same namespace, or the same name in another.
func (v *validator) closestGateway(missing resource.Name, namespace string) string {
	if name := closestIn(v.gateways, missing); name != "" {
		if missing.Namespace == namespace {
			return name
		}
		return resource.Name{Namespace: missing.Namespace, Name: name}.String()
	}
	elsewhere := ""
	for name := range v.gateways {
		if name.Name == missing.Name && (elsewhere == "" || name.String() < elsewhere) {
			elsewhere = name.String()
		}
	}
	return elsewhere
}

// closestIn returns the name of a resource of the same namespace that was
// probably meant.
func closestIn[T any](known map[resource.Name]T, missing resource.Name) string {
	var names []string
	for name := range known {
		if name.Namespace == missing.Namespace && name.Name != "" {
			names = append(names, name.Name)
		}
	}
	slices.Sort(names)
	return suggest.Closest(missing.Name, names)
}
