package gateway

import "cmp"

// A policyIndex finds the rate limits of a route.
type policyIndex struct {
	c *compiler
	// byTarget are the limits of policies by what they are attached to.
	byTarget map[policyTarget][]*limitProgram
}

// A policyTarget is what a policy is attached to. An empty kind is a namespace.
type policyTarget struct {
	kind, section string
	name          resourceName
}

func newPolicyIndex(c *compiler) policyIndex {
	x := policyIndex{c: c, byTarget: map[policyTarget][]*limitProgram{}}
	for i := range c.d.RateLimits {
		p := &c.d.RateLimits[i]
		name := resourceName{cmp.Or(p.Namespace, c.b.namespace), p.Name}
		limits := make([]*limitProgram, len(p.Limits))
		for j := range p.Limits {
			limits[j] = c.compileLimit(&p.Limits[j], name.String(), j)
		}
		targets := []policyTarget{{name: resourceName{namespace: name.namespace}}}
		if len(p.Targets) > 0 {
			targets = nil
		}
		for _, t := range p.Targets {
			targets = append(targets, policyTarget{t.Kind, t.SectionName, resourceName{name.namespace, t.Name}})
		}
		for _, t := range targets {
			x.byTarget[t] = append(x.byTarget[t], limits...)
		}
	}
	return x
}

// limits returns the rate limits of a route behind a server: its own, and those
// of the most specific level at which a policy is attached.
func (c *compiler) limits(r *boundRoute, vs *boundVirtualService, s *boundServer) []*limitProgram {
	var out []*limitProgram
	for i := range r.RateLimits {
		out = append(out, c.compileLimit(&r.RateLimits[i], "route "+vs.name.String()+"/"+r.Name, i))
	}
	for _, level := range []policyTarget{
		{"VirtualService", r.Name, r.policy},
		{"VirtualService", "", r.policy},
		{"Gateway", s.PortName, s.name},
		{"Gateway", "", s.name},
		{name: resourceName{namespace: cmp.Or(s.name.namespace, c.b.namespace)}},
		{name: resourceName{namespace: rootNamespace}},
	} {
		if limits := c.policies.byTarget[level]; len(limits) > 0 {
			out = append(out, limits...)
			break
		}
	}
	sortLimits(out)
	return out
}
