package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A usage records which declarations are in the program, and why others were passed
// over. All code that passes over a declaration must note it here, so that nothing
// is dropped without a warning.
type usage struct {
	servers map[*spec.Server]bool
	// routed are the servers with a virtual host.
	routed   map[*spec.Server]bool
	bound    map[*spec.VirtualService]bool
	routes   map[*spec.Route]bool
	matches  map[*spec.Match]bool
	policies map[*spec.RateLimitPolicy]bool
	services map[*spec.Service]bool
	notes    map[any][]note
}

// A note is why a declaration was passed over in one place. It may be used in
// another place.
type note struct {
	// field is the field with the reason, relative to the declaration.
	field, text string
}

func newUsage(d *spec.Declarations) usage {
	routes := 0
	for i := range d.VirtualServices {
		routes += len(d.VirtualServices[i].Routes)
	}
	return usage{
		servers:  make(map[*spec.Server]bool, len(d.Servers)),
		routed:   make(map[*spec.Server]bool, len(d.Servers)),
		bound:    make(map[*spec.VirtualService]bool, len(d.VirtualServices)),
		routes:   make(map[*spec.Route]bool, routes),
		matches:  make(map[*spec.Match]bool, routes),
		policies: make(map[*spec.RateLimitPolicy]bool, len(d.RateLimits)),
		services: make(map[*spec.Service]bool, len(d.Services)),
	}
}

// passOver notes why a declaration is passed over. Equal notes on one declaration
// are written once.
func (u *usage) passOver(declaration any, field, format string, args ...any) {
	n := note{field: field, text: fmt.Sprintf(format, args...)}
	if u.notes == nil {
		u.notes = make(map[any][]note)
	}
	if !slices.ContainsFunc(u.notes[declaration], func(o note) bool { return o.field == n.field && o.text == n.text }) {
		u.notes[declaration] = append(u.notes[declaration], n)
	}
}

// useRoute records that a route, with its match j, is in the program.
func (u *usage) useRoute(r *boundRoute, j int) {
	if r.declared == nil {
		u.routes[r.Route] = true
		if j < len(r.Match) {
			u.matches[&r.Match[j]] = true
		}
		return
	}
	for _, declared := range r.declared {
		u.routes[declared] = true
	}
	if j < len(r.matches) {
		for _, m := range r.matches[j] {
			u.matches[m] = true
		}
	}
}

// passedOver warns of all declarations that are not in the program.
func (c *Compiler) passedOver() {
	w := &passedOver{Compiler: c, covered: c.Covered()}
	w.servers()
	for i := range c.D.VirtualServices {
		w.virtualService(&c.D.VirtualServices[i])
	}
	w.destinationRules()
	w.services()
	w.policies()
}

type passedOver struct {
	*Compiler
	// covered are the fields with warnings of validation and compilation.
	covered *findings.Covered
}

// warn writes the notes on a declaration, or a general warning if there are none.
// It writes nothing if another warning is about the same place.
func (w *passedOver) warn(declaration any, at findings.Place, general string) {
	notes := w.usage.notes[declaration]
	for _, n := range notes {
		place := at
		if n.field != "" {
			place = at.Field(n.field)
		}
		if !w.covered.Has(place) {
			place.Warnf("", "%s", n.text)
		}
	}
	if len(notes) == 0 && !w.covered.Has(at) {
		at.Warnf("", "%s", general)
	}
}

func (w *passedOver) servers() {
	for i := range w.D.Servers {
		s := &w.D.Servers[i]
		if !w.usage.servers[s] {
			w.warn(s, w.At(named(s.Origin, "Gateway", s.Namespace, s.Gateway)), "the server is not served")
		}
	}
	for _, s := range w.served {
		if s.implicit || w.usage.routed[s.Server] {
			continue
		}
		at := w.At(named(s.Origin, "Gateway", s.Namespace, s.Gateway))
		if !w.covered.Has(at) {
			at.Warnf("", "no VirtualService is served here: requests get 404")
		}
	}
}

// gatewayField returns the place of a field in the Gateway of a server.
func (c *Compiler) gatewayPlace(s *spec.Server) findings.Place {
	o := named(s.Origin, "Gateway", s.Namespace, s.Gateway)
	if !o.Go && o.Path != "" {
		o.Path = "spec"
	}
	return c.At(o)
}

// named returns an origin with the name of its resource.
func named(o spec.Origin, kind, namespace, name string) spec.Origin {
	o.Kind = cmp.Or(o.Kind, kind)
	if o.Name == "" {
		o.Namespace, o.Name = namespace, name
	}
	return o
}

func (c *Compiler) servicePlace(vs *spec.VirtualService) findings.Place {
	return c.At(named(vs.Origin, "VirtualService", vs.Namespace, vs.Name))
}

// routePlace returns the place of route i of a VirtualService.
func (c *Compiler) routePlace(vs *spec.VirtualService, i int) findings.Place {
	if r := &vs.Routes[i]; !r.Origin.IsZero() {
		return c.At(named(r.Origin, "VirtualService", vs.Namespace, vs.Name))
	}
	return c.servicePlace(vs).Field("http").Index(i)
}

func (w *passedOver) virtualService(vs *spec.VirtualService) {
	at := w.servicePlace(vs)
	delegate := len(vs.Hosts) == 0
	if delegate && !w.usesRoute(vs) && !w.hasRouteNotes(vs) {
		if !w.covered.HasBelow(at) {
			w.warn(vs, at, "no route that is served delegates to it")
		}
		return
	}
	if !delegate && !w.usage.bound[vs] {
		if w.unservedGateways(vs, at) {
			return
		}
		if len(w.usage.notes[vs]) > 0 || !w.covered.HasBelow(at.Field("gateways")) && !w.covered.HasBelow(at.Field("hosts")) {
			w.warn(vs, at, "no server has it: it is not served")
		}
		return
	}
	if len(vs.Hosts) > 1 {
		w.unservedHosts(vs, at)
	}
	for i := range vs.Routes {
		w.route(vs, i)
	}
}

// unservedGateways warns of a VirtualService's gateways that are declared but not
// served. It reports whether there are any.
func (w *passedOver) unservedGateways(vs *spec.VirtualService, at findings.Place) bool {
	found := false
	for i, reference := range vs.Gateways {
		name := resource.GatewayNamed(reference, cmp.Or(vs.Namespace, w.O.Namespace))
		of := func(namespace, gateway string) bool {
			return resource.Name{Namespace: cmp.Or(namespace, w.O.Namespace), Name: gateway} == name
		}
		if slices.ContainsFunc(w.D.Servers, func(s spec.Server) bool { return of(s.Namespace, s.Gateway) }) &&
			!slices.ContainsFunc(w.served, func(s *boundServer) bool { return of(s.Namespace, s.Gateway) }) {
			found = true
			at.Field("gateways").Index(i).Warnf("", "Gateway %s is not served: no request reaches the VirtualService through it", name)
		}
	}
	return found
}

// usesRoute reports whether a route of a VirtualService is in the program.
func (w *passedOver) usesRoute(vs *spec.VirtualService) bool {
	for i := range vs.Routes {
		if w.usage.routes[&vs.Routes[i]] {
			return true
		}
	}
	return false
}

// hasRouteNotes reports whether there are notes on a route of a VirtualService.
func (w *passedOver) hasRouteNotes(vs *spec.VirtualService) bool {
	for i := range vs.Routes {
		if len(w.usage.notes[&vs.Routes[i]]) > 0 {
			return true
		}
		for j := range vs.Routes[i].Match {
			if len(w.usage.notes[&vs.Routes[i].Match[j]]) > 0 {
				return true
			}
		}
	}
	return false
}

// unservedHosts warns of the hosts of a served VirtualService that no server has.
func (w *passedOver) unservedHosts(vs *spec.VirtualService, at findings.Place) {
	var b *boundVirtualService
	for _, other := range w.bound {
		if other.VirtualService == vs {
			b = other
		}
	}
	for i, host := range vs.Hosts {
		if !slices.ContainsFunc(w.served, func(s *boundServer) bool {
			own := []string{host, resource.FullName(host, b.name.Namespace)}
			return b.boundTo(s) && len(hosts.Intersect(hosts.ForNamespace(s.Hosts, s.name.Namespace, b.name.Namespace), own)) > 0
		}) {
			if place := at.Field("hosts").Index(i); !w.covered.Has(place) {
				place.Warnf("", "no server that this gateway serves has the host %q: requests for it get 404", host)
			}
		}
	}
}

func (w *passedOver) route(vs *spec.VirtualService, i int) {
	r, at := &vs.Routes[i], w.routePlace(vs, i)
	used := w.usage.routes[r]
	said := false
	for j := range r.Match {
		m := &r.Match[j]
		if !w.usage.matches[m] && (used || len(w.usage.notes[m]) > 0) {
			w.warn(m, at.Field("match").Index(j), "matches no request: an earlier match matches all of them")
			said = true
		}
	}
	if !used && (!said || len(w.usage.notes[r]) > 0) {
		w.warn(r, at, "is never reached: an earlier match matches all requests")
	}
}

// destinationRules warns of rules, and parts of rules, that no destination uses.
func (w *passedOver) destinationRules() {
	rules := w.Compiler.services.rules
	for _, m := range rules.Merged() {
		at := w.At(named(m.Rule.Origin, "DestinationRule", m.Rule.Namespace, m.Rule.Name))
		older := resource.Name{Namespace: cmp.Or(m.Older.Namespace, w.O.Namespace), Name: m.Older.Name}
		if m.LostPolicy {
			at.Field("trafficPolicy").Warnf("", "DestinationRule %s has one for the same host and comes first: this one has no effect", older)
		}
		for _, i := range m.LostSubsets {
			at.Field("subsets").Index(i).Warnf("", "DestinationRule %s has a subset %q for the same host and comes first: this one has no effect", older, m.Rule.Subsets[i].Name)
		}
	}
	unused := rules.Unused(w.D.DestinationRules, w.O.Namespace)
	if len(unused) == 0 {
		return
	}
	all, _ := w.destinationHosts()
	written := slices.Sorted(maps.Keys(all))
	for _, u := range unused {
		at := w.At(named(u.Rule.Origin, "DestinationRule", u.Rule.Namespace, u.Rule.Name))
		suggestion := ""
		if u.Unknown {
			if !all[u.Rule.Host] && !strings.HasPrefix(u.Rule.Host, "*") {
				suggestion = suggest.Closest(u.Rule.Host, written)
			}
			u.Field = "host"
		}
		if u.Field != "" {
			at = at.Field(u.Field)
		}
		at.WarnSuggestf("", suggestion, "%s", u.Reason)
	}
}

// services warns of services that routes name but do not use. Services that no
// route names are for sidecars.
func (w *passedOver) services() {
	if len(w.D.Services) == 0 {
		return
	}
	_, full := w.destinationHosts()
	for i := range w.D.Services {
		s := &w.D.Services[i]
		if !w.usage.services[s] && len(w.usage.notes[s]) > 0 && slices.ContainsFunc(s.Hosts, func(host string) bool { return full[host] }) {
			w.warn(s, w.At(named(s.Origin, "ServiceEntry", s.Namespace, s.Name)), "")
		}
	}
}

func (w *passedOver) policies() {
	for i := range w.D.RateLimits {
		p := &w.D.RateLimits[i]
		if w.usage.policies[p] {
			continue
		}
		at := w.At(named(p.Origin, "RateLimitConfig", p.Namespace, p.Name))
		if len(w.usage.notes[p]) > 0 || !w.covered.HasBelow(at.Field("targetRefs")) {
			general := "no route that is served is limited by it: nothing is limited"
			if len(p.Targets)+len(p.VirtualHosts)+len(p.Selector) == 0 {
				general = fmt.Sprintf("it has no targetRefs, and no Gateway of the namespace %s is served: nothing is limited", cmp.Or(p.Namespace, w.O.Namespace))
			}
			w.warn(p, at, general)
		}
	}
}
