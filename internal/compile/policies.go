package compile

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A policyIndex finds the rate limits of a route.
type policyIndex struct {
	c *Compiler
	// byTarget are the limits of policies by their targets.
	byTarget map[policyTarget][]attachedPolicy
	// stores are the used limiters, by the names of their providers.
	stores map[string]*limit.Store
}

// An attachedPolicy is a policy with its limits.
type attachedPolicy struct {
	policy *spec.RateLimitPolicy
	limits []*limit.Limit
}

// A policyTarget is a target of a policy. An empty kind is a namespace.
type policyTarget struct {
	kind, section string
	name          resource.Name
}

// newPolicyIndex compiles the policies, oldest first. It sets c.policies.
func newPolicyIndex(c *Compiler) policyIndex {
	c.policies = policyIndex{c: c, byTarget: map[policyTarget][]attachedPolicy{}, stores: map[string]*limit.Store{}}
	x := c.policies
	order := make([]int, len(c.D.RateLimits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return c.D.RateLimits[a].Created.Compare(c.D.RateLimits[b].Created)
	})
	for _, position := range order {
		p := &c.D.RateLimits[position]
		name := resource.Name{Namespace: cmp.Or(p.Namespace, c.O.Namespace), Name: p.Name}
		if p.Name == "" {
			name.Name = "#" + strconv.Itoa(position)
		}
		origin := p.Origin
		if origin.Kind == "" {
			origin.Kind = "RateLimitConfig"
		}
		if p.Mode == spec.LimitDisabled {
			continue
		}
		var limits []*limit.Limit
		for i := range p.Limits {
			l := p.Limits[i]
			l.Mode = max(l.Mode, p.Mode)
			if l.Response == nil {
				l.Response = p.Response
			}
			if l.Mode != spec.LimitDisabled {
				limits = append(limits, c.compileLimit(&l, name.String(), i, c.At(origin).Field("limits").Index(i)))
			}
		}
		targets := []policyTarget{{name: resource.Name{Namespace: name.Namespace}}}
		if len(p.Targets) > 0 {
			targets = nil
		}
		for _, t := range p.Targets {
			target := policyTarget{t.Kind, t.SectionName, resource.Name{Namespace: name.Namespace, Name: t.Name}}
			if !slices.Contains(targets, target) {
				targets = append(targets, target)
			}
		}
		for _, t := range targets {
			x.byTarget[t] = append(x.byTarget[t], attachedPolicy{p, limits})
		}
	}
	return x
}

// limits returns the rate limits of a route behind a server: its own, and those of
// the most specific level with policies.
func (c *Compiler) limits(r *boundRoute, vs *boundVirtualService, s *boundServer) []*limit.Limit {
	var out []*limit.Limit
	if len(r.RateLimits) > 0 {
		origin, domain := r.Origin, "route "+vs.name.String()+"/"+routeIdentity(r, vs)
		if origin.IsZero() {
			origin = vs.Origin
		}
		for i := range r.RateLimits {
			if r.RateLimits[i].Mode == spec.LimitDisabled {
				continue
			}
			out = append(out, c.compileLimit(&r.RateLimits[i], domain, i, c.At(origin).Field("rateLimits").Index(i)))
		}
	}
	// The policies of the VirtualService and of its delegate apply together. If
	// neither has one, those of the server apply.
	found := false
	for _, levels := range r.targets {
		var limits []*limit.Limit
		if limits, found = c.attached(levels, found); limits != nil {
			out = append(out, limits...)
		}
	}
	limits, _ := c.attached([]policyTarget{
		{"Gateway", s.PortName, s.name},
		{"Gateway", "", s.name},
		{name: resource.Name{Namespace: cmp.Or(s.name.Namespace, c.O.Namespace)}},
		{name: resource.Name{Namespace: resource.RootNamespace}},
	}, found)
	out = append(out, limits...)
	sortLimits(out)
	return out
}

// attached returns the limits of the first level that has some, and whether more
// specific ones already apply. If they do, the limits of servers do not apply.
func (c *Compiler) attached(levels []policyTarget, specific bool) (limits []*limit.Limit, inEffect bool) {
	inEffect = specific
	found := false
	for _, level := range levels {
		for _, p := range c.policies.byTarget[level] {
			if found || specific && level.kind != "VirtualService" {
				c.usage.passOver(p.policy, "", "more specific policies are attached to all of its routes: this one limits nothing")
				continue
			}
			limits = append(limits, p.limits...)
			c.usage.policies[p.policy] = true
			inEffect = true
		}
		found = found || len(limits) > 0
	}
	return limits, inEffect
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
