package compile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A policyIndex finds the rate limits of a route.
type policyIndex struct {
	c *Compiler
	// byTarget are the limits of policies by their targets.
	byTarget map[policyTarget][]*attachedPolicy
	// named counts the policies by kind and name.
	named map[string]int
	// virtualHosts are the virtual hosts that policies name.
	virtualHosts map[string]bool
	// domains are the RateLimitDomains by name.
	domains map[string]*spec.RateLimitDomain
	// stores are the used limiters.
	stores map[limit.StoreKey]*limit.Store
}

// An attachedPolicy is a policy with its limits.
type attachedPolicy struct {
	policy *spec.RateLimitPolicy
	name   resource.Name
	// position orders the policies of a level.
	position int
	limits   []*limit.Limit
}

// A policyTarget is a target of a policy. Without a kind it is a virtual host, or a
// namespace.
type policyTarget struct {
	kind, section string
	name          resource.Name
	virtualHost   string
}

// virtualHostTarget is the target of policies for a virtual host.
func virtualHostTarget(name string) policyTarget {
	return policyTarget{virtualHost: strings.ToLower(name)}
}

// namespaceTarget is the target of policies for the gateways of a namespace.
func namespaceTarget(namespace string) policyTarget {
	return policyTarget{name: resource.Name{Namespace: namespace}}
}

// newPolicyIndex compiles the policies, oldest first. It sets c.policies.
func newPolicyIndex(c *Compiler) policyIndex {
	c.policies = policyIndex{c: c, byTarget: map[policyTarget][]*attachedPolicy{}, named: map[string]int{}, virtualHosts: map[string]bool{}, domains: map[string]*spec.RateLimitDomain{}, stores: map[limit.StoreKey]*limit.Store{}}
	for i := range c.D.RateLimitDomains {
		d := &c.D.RateLimitDomains[i]
		c.policies.domains[d.Name] = d
	}
	order := make([]int, len(c.D.RateLimits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		p, o := &c.D.RateLimits[a], &c.D.RateLimits[b]
		return cmp.Or(p.Created.Compare(o.Created), cmp.Compare(p.Name, o.Name), cmp.Compare(p.Namespace, o.Namespace))
	})
	for position, i := range order {
		p := &c.D.RateLimits[i]
		name := resource.Name{Namespace: cmp.Or(p.Namespace, c.O.Namespace), Name: p.Name}
		if p.Name == "" {
			name.Name = "#" + strconv.Itoa(i)
		}
		a := &attachedPolicy{policy: p, name: name, position: position}
		if p.Mode != spec.LimitDisabled {
			a.limits = c.policyLimits(p, name)
		}
		// Without limits a policy can still keep out less specific ones.
		if p.Mode != spec.LimitDisabled || p.Inheritance == spec.InheritIgnore {
			c.policies.attach(a)
		}
	}
	return c.policies
}

// attach enters a policy under its targets.
func (x *policyIndex) attach(a *attachedPolicy) {
	p := a.policy
	var targets []policyTarget
	for _, t := range p.Targets {
		target := policyTarget{t.Kind, t.SectionName, resource.Name{Namespace: a.name.Namespace, Name: t.Name}, strings.ToLower(t.VirtualHost)}
		if t.Name == "" {
			// A route with this name, of any VirtualService.
			target.name = resource.Name{}
		}
		targets = append(targets, target)
	}
	for _, host := range p.VirtualHosts {
		targets = append(targets, virtualHostTarget(host))
	}
	if len(targets) == 0 {
		targets = []policyTarget{namespaceTarget(a.name.Namespace)}
	}
	for i, t := range targets {
		if t.virtualHost != "" {
			x.virtualHosts[t.virtualHost] = true
		}
		if !slices.Contains(targets[:i], t) {
			x.byTarget[t] = append(x.byTarget[t], a)
		}
	}
}

// policyLimits compiles the limits of a policy.
func (c *Compiler) policyLimits(p *spec.RateLimitPolicy, name resource.Name) []*limit.Limit {
	origin := p.Origin
	if origin.Kind == "" {
		origin.Kind = "RateLimitConfig"
	}
	// Policies of different kinds can have the same name, and Go's any name.
	identity := origin.Kind + " " + name.String()
	if c.policies.named[identity]++; c.policies.named[identity] > 1 {
		identity += "#" + itoa(c.policies.named[identity])
	}
	var limits []*limit.Limit
	for i := range p.Limits {
		l := p.Limits[i]
		l.Mode = max(l.Mode, p.Mode)
		if l.Response == nil {
			l.Response = p.Response
		}
		if l.Mode != spec.LimitDisabled {
			limits = append(limits, c.compileLimit(&l, identity, name.String(), i, c.At(origin).Field("limits").Index(i)))
		}
	}
	parameter := match.DecodedQuerySource
	if c.semantics.DecodesParameters() {
		parameter = match.ParameterSource
	}
	actions := make([]*limit.Actions, len(p.Descriptors))
	for i := range p.Descriptors {
		actions[i] = limit.CompileActions(&p.Descriptors[i], parameter, c.regexes)
	}
	if p.Local != nil {
		limits = append(limits, c.localLimits(p, name, identity, actions)...)
	}
	if p.Global != nil {
		limits = append(limits, c.globalLimits(p, name, actions, c.At(origin).Field("global"))...)
	}
	return limits
}

// limits returns the rate limits of a route behind a server: its own, and those of the
// policies that can apply to it.
func (c *Compiler) limits(r *boundRoute, vs *boundVirtualService, s *boundServer) limit.Set {
	var own []*limit.Limit
	if len(r.RateLimits) > 0 {
		origin, domain := r.Origin, "route "+vs.name.String()+"/"+routeIdentity(r, vs)
		if origin.IsZero() {
			origin = vs.Origin
		}
		for i := range r.RateLimits {
			if r.RateLimits[i].Mode == spec.LimitDisabled {
				continue
			}
			own = append(own, c.compileLimit(&r.RateLimits[i], domain, domain, i, c.At(origin).Field("rateLimits").Index(i)))
		}
	}
	levels := c.policies.levels(r, s)
	compiled := make([]limit.Level, len(levels))
	for i, l := range levels {
		compiled[i] = l.compiled()
	}
	set, reached := limit.NewSet(own, compiled, sortLimits)
	for i, l := range levels {
		for _, a := range l {
			if i < reached {
				c.usage.policies[a.policy] = true
			} else {
				c.usage.passOver(a.policy, "", "more specific policies are attached to all of its routes: this one limits nothing")
			}
		}
	}
	return set
}

// A policyLevel has the policies of one level, the oldest first.
type policyLevel []*attachedPolicy

// compiled returns the limits of the level. Of different settings the least strict one
// counts.
func (l policyLevel) compiled() limit.Level {
	out := limit.Level{Inheritance: spec.InheritIgnore}
	for _, a := range l {
		out.Limits = append(out.Limits, a.limits...)
		switch i := a.policy.Inheritance; {
		case i == spec.InheritInclude || out.Inheritance == spec.InheritInclude:
			out.Inheritance = spec.InheritInclude
		case i == spec.InheritOverride:
			out.Inheritance = spec.InheritOverride
		}
	}
	return out
}

// levels returns the policies that can apply to a route behind a server, the most
// specific level first. The policies of the VirtualService and of its delegate apply
// together: the most specific ones of each are one level.
func (x *policyIndex) levels(r *boundRoute, s *boundServer) []policyLevel {
	if len(x.byTarget) == 0 {
		return nil
	}
	var out []policyLevel
	for _, chain := range r.targets {
		at := 0
		add := func(t policyTarget) {
			found := x.at(t, s)
			if len(found) == 0 {
				return
			}
			if at == len(out) {
				out = append(out, nil)
			}
			out[at] = append(out[at], found...)
			at++
		}
		for _, t := range chain {
			if s.virtualHost != "" && t.section != "" {
				here := t
				here.virtualHost = strings.ToLower(s.virtualHost)
				add(here)
			}
			add(t)
		}
	}
	namespace := x.namespaceOf(s)
	general := []policyTarget{{kind: "Gateway", name: s.name}, namespaceTarget(namespace)}
	if s.PortName != "" {
		general = append([]policyTarget{{kind: "Gateway", section: s.PortName, name: s.name}}, general...)
	}
	if s.virtualHost != "" {
		general = append([]policyTarget{virtualHostTarget(s.virtualHost)}, general...)
	}
	if namespace != resource.RootNamespace {
		general = append(general, namespaceTarget(resource.RootNamespace))
	}
	for _, t := range general {
		if found := x.at(t, s); len(found) > 0 {
			out = append(out, found)
		}
	}
	for _, l := range out {
		slices.SortStableFunc(l, func(a, b *attachedPolicy) int { return cmp.Compare(a.position, b.position) })
	}
	return out
}

// namespaceOf returns the namespace of the gateway behind a server: that of the workload if
// it was described, and otherwise that of the Gateway.
func (x *policyIndex) namespaceOf(s *boundServer) string {
	if len(x.c.O.Workload.Labels) > 0 {
		return x.c.O.Workload.Namespace
	}
	return cmp.Or(s.name.Namespace, x.c.O.Namespace)
}

// at returns the policies with a target that apply behind a server: those whose selector
// selects its gateway.
func (x *policyIndex) at(t policyTarget, s *boundServer) policyLevel {
	var out policyLevel
	for _, a := range x.byTarget[t] {
		if x.selects(a, s) {
			out = append(out, a)
		}
	}
	return out
}

// selects reports whether the selector of a policy selects the gateway behind a server.
func (x *policyIndex) selects(a *attachedPolicy, s *boundServer) bool {
	if len(a.policy.Selector) == 0 {
		return true
	}
	labels := x.c.O.Workload.Labels
	if a.name.Namespace != resource.RootNamespace && a.name.Namespace != x.namespaceOf(s) {
		return false
	}
	if len(labels) == 0 {
		labels = s.Selector
	}
	// A server without a selector is of no gateway in particular.
	if len(labels) == 0 || resource.HasLabels(labels, a.policy.Selector) {
		return true
	}
	x.c.usage.passOver(a.policy, "selector", "it does not select the labels of this gateway, %s: nothing is limited", labelText(labels))
	return false
}

// virtualHost returns Istio's name of a virtual host if a policy has it as its target, and
// otherwise "".
func (x *policyIndex) virtualHost(domain string, port int) string {
	if len(x.virtualHosts) == 0 {
		return ""
	}
	name := domain + ":" + itoa(port)
	if !x.virtualHosts[strings.ToLower(name)] {
		return ""
	}
	return name
}

// routeIdentity identifies a route in its VirtualService: by its name if it is
// unique, so that counts survive a change of the order, and otherwise by its
// position.
func routeIdentity(r *boundRoute, vs *boundVirtualService) string {
	position, same := 0, 0
	for i := range vs.routes {
		if &vs.routes[i] == r {
			position = i
		}
		if vs.routes[i].Name == r.Name {
			same++
		}
	}
	if r.Name != "" && same == 1 {
		return r.Name
	}
	return "#" + strconv.Itoa(position)
}
