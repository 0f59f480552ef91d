package validate

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/internal/yield"
	"github.com/lateengo/gateway/spec"
)

func (v *validator) indexVirtualServices() {
	services := v.declarations.VirtualServices
	v.byName = make(map[resource.Name]*spec.VirtualService, len(services))
	v.delegated = make(map[resource.Name]bool)
	for i := range services {
		vs := &services[i]
		name := v.named(vs.Namespace, vs.Name)
		if vs.Name != "" && v.byName[name] == nil {
			v.byName[name] = vs
		}
		if len(vs.Hosts) == 0 {
			continue
		}
		for j := range vs.Routes {
			if d := vs.Routes[j].Delegate; d != nil {
				v.delegated[v.delegateName(vs, d)] = true
			}
		}
	}
}

// delegateName resolves the name of a delegate.
func (v *validator) delegateName(vs *spec.VirtualService, d *spec.Delegate) resource.Name {
	if d.Namespace != "" {
		return resource.Name{Namespace: d.Namespace, Name: d.Name}
	}
	return v.named(vs.Namespace, d.Name)
}

// A boundService is a spec.VirtualService with the data that its routes need.
type boundService struct {
	*spec.VirtualService
	name resource.Name
	// delegate reports whether it has no hosts.
	delegate bool
	// gateways are the existing gateways that it is bound to; every reports whether
	// one of its references is "*".
	gateways []resource.Name
	every    bool
}

func (v *validator) virtualServices() {
	services := v.declarations.VirtualServices
	// Outside of the loop, because the compiler cannot prove that sites do not
	// outlive it.
	var s, at site
	for i := range services {
		vs := &services[i]
		if v.Checked != nil && v.Checked(vs) {
			continue
		}
		found := len(v.findings.Errors) + len(v.findings.Warnings)
		s = v.site(&vs.Origin, "VirtualService", vs.Namespace, vs.Name)
		bound := boundService{VirtualService: vs, name: v.named(vs.Namespace, vs.Name), delegate: len(vs.Hosts) == 0}
		v.virtualServiceGateways(&s, &bound)
		v.virtualServiceHosts(&s, &bound)
		v.exportTo(&s, vs.ExportTo, vs.Namespace, false)
		if len(vs.Routes) == 0 {
			e := s.field("http")
			e.errorf(spec.CodeMissing, "the VirtualService has no route")
		}
		for j := range vs.Routes {
			yield.Each(j)
			at = v.routeSite(&s, &bound, j)
			v.route(&at, &vs.Routes[j], &bound)
		}
		v.reachable(&s, &bound)
		if v.Valid != nil && len(v.findings.Errors)+len(v.findings.Warnings) == found {
			v.Valid(vs)
		}
	}
}

// routeSite returns the site of a route, in the resource or on its own.
func (v *validator) routeSite(s *site, vs *boundService, i int) site {
	r := &vs.Routes[i]
	if r.Origin.IsZero() {
		return s.element("http", i)
	}
	return v.site(&r.Origin, "VirtualService", vs.Namespace, vs.Name)
}

// virtualServiceGateways validates the gateways of a VirtualService.
func (v *validator) virtualServiceGateways(s *site, vs *boundService) {
	if vs.delegate {
		if len(vs.Gateways) > 0 {
			e := s.field("gateways")
			e.errorf(spec.CodeInvalid, "a VirtualService without hosts is a delegate and cannot have gateways: add hosts or remove gateways")
		} else if !v.delegated[vs.name] {
			s.warnf("", "it has no hosts and no route delegates to it: it is never served")
		}
		return
	}
	for i, reference := range vs.Gateways {
		e := s.element("gateways", i)
		v.gatewayReference(&e, reference, vs.name.Namespace, vs.Origin.Fields != nil)
		switch name := resource.GatewayNamed(reference, vs.name.Namespace); {
		case reference == "*":
			vs.every = true
		case reference != resource.Mesh && v.gateways[name] != nil:
			vs.gateways = append(vs.gateways, name)
		}
	}
	if vs.meshOnly() && len(v.declarations.Servers) > 0 {
		e := s.field("gateways")
		e.warnf("", "it is bound only to the mesh: no gateway serves it")
	}
}

// meshOnly reports whether only sidecars would serve a VirtualService.
func (vs *boundService) meshOnly() bool {
	return !slices.ContainsFunc(vs.Gateways, func(reference string) bool { return reference != resource.Mesh })
}

func (v *validator) virtualServiceHosts(s *site, vs *boundService) {
	// Without gateways it is bound to the mesh. But without any server, all
	// VirtualServices are served.
	mesh := slices.Contains(vs.Gateways, resource.Mesh) || len(vs.Gateways) == 0 && len(v.declarations.Servers) > 0
	var taken hostSet
	for i, host := range vs.Hosts {
		e := s.element("hosts", i)
		problem := hostProblem(host)
		switch {
		case problem != "" && !resource.IsAddress(host):
			e.suggestf(spec.CodeInvalid, withoutPort(host), "%s", problem)
			continue
		case host == "*" && mesh:
			e.errorf(spec.CodeInvalid, `"*" cannot be a host in the mesh, to which the VirtualService is bound`)
		}
		if len(vs.Hosts) > 1 {
			if other, ok := taken.overlapping(host); ok {
				e.errorf(spec.CodeConflict, "%q overlaps with %q of the same VirtualService", host, vs.Hosts[other])
			}
			taken.add(host, i)
		}
		full := resource.FullName(host, vs.name.Namespace)
		if full != host && len(v.declarations.Servers) > 0 && !vs.meshOnly() {
			v.shortHost(&e, host, full)
		}
		v.servedHost(&e, full, vs)
	}
}

// shortHost warns of a host without a dot. Istio uses it as a service of the
// VirtualService's namespace.
func (v *validator) shortHost(s *site, host, full string) {
	if v.Semantics.ServesShortHosts() {
		s.warnf("", "%q is the service %s: Istio serves only that name, Lateen serves both", host, full)
		return
	}
	s.warnf("", "%q is the service %s: requests for %q get 404", host, full, host)
}

// withoutPort returns the name of a host that was written with a port, or "".
func withoutPort(host string) string {
	name, port, found := strings.Cut(host, ":")
	if found && hostProblem(name) == "" && isNumber(port) {
		return name
	}
	return ""
}

// servedHost reports a host that no gateway of its VirtualService serves.
func (v *validator) servedHost(s *site, host string, vs *boundService) {
	if vs.every {
		if v.everyGateway.hosts != nil && !v.everyGateway.serves(host, vs.name.Namespace) {
			s.warnf(codeHostNotInGateway, "no gateway serves %q: no request reaches it", host)
		}
		return
	}
	if len(vs.gateways) == 0 {
		return
	}
	for _, name := range vs.gateways {
		if v.gateways[name].serves(host, vs.name.Namespace) {
			return
		}
	}
	of := "Gateway " + vs.gateways[0].String()
	if len(vs.gateways) > 1 {
		of = "the gateways"
	}
	if lower := strings.ToLower(host); lower != host {
		for _, name := range vs.gateways {
			if v.gateways[name].serves(lower, vs.name.Namespace) {
				s.warnSuggestf(codeHostNotInGateway, lower, "no server of %s has a host that overlaps with %q: letter case matters", of, host)
				return
			}
		}
	}
	s.warnf(codeHostNotInGateway, "no server of %s has a host that overlaps with %q: no request reaches it", of, host)
}

// delegation validates a route that delegates. A missing delegate is a warning: the
// route disappears, and the others are served.
func (v *validator) delegation(s *site, d *spec.Delegate, vs *boundService) {
	at := s.field("delegate.name")
	switch {
	case vs.delegate:
		e := s.field("delegate")
		e.errorf(spec.CodeInvalid, "a delegate cannot delegate")
		return
	case d.Name == "":
		at.errorf(spec.CodeMissing, "the name of the delegate is missing")
		return
	case d.Namespace != "" && !resource.IsLabel(d.Namespace):
		e := s.field("delegate.namespace")
		e.errorf(spec.CodeInvalid, "%q is not the name of a namespace", d.Namespace)
		return
	}
	name := v.delegateName(vs.VirtualService, d)
	delegate := v.byName[name]
	switch {
	case delegate == nil:
		at.warnSuggestf(codeNotFound, v.closestDelegate(name), "there is no VirtualService %s: the route matches no request", name)
	case len(delegate.Hosts) > 0:
		at.warnf("", "VirtualService %s has hosts, so it is not a delegate: the route matches no request", name)
	case !resource.ExportedTo(delegate.ExportTo, name.Namespace, vs.name.Namespace):
		at.warnf("", "VirtualService %s is not exported to the namespace %s: the route matches no request", name, vs.name.Namespace)
	}
}

func (v *validator) closestDelegate(missing resource.Name) string {
	var names []string
	for name, vs := range v.byName {
		if len(vs.Hosts) == 0 && name.Namespace == missing.Namespace {
			names = append(names, name.Name)
		}
	}
	slices.Sort(names)
	return suggest.Closest(missing.Name, names)
}
