package istio

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// envoyLimits is what an EnvoyFilter says about limits.
type envoyLimits struct {
	scope
	origin  spec.Origin
	created time.Time
	// broken means that the resource has unreadable fields.
	broken bool
	parts  []*envoyPart
	// policies is the number of policies that were made from it.
	policies int
}

// An envoyPart is what one patch says.
type envoyPart struct {
	owner  *envoyLimits
	kind   envoyPatchKind
	target limitTarget
	// path leads to the configuration of the patch.
	path string

	local    *spec.LocalRateLimit
	global   *spec.GlobalRateLimit
	response *spec.LimitResponse
	mode     spec.LimitMode
	// descriptors are the actions of the patch.
	descriptors []spec.RateLimitDescriptor
	include     bool
	// used means that a filter uses the actions, or that something uses the filter.
	used bool
}

// envoyFilter reads the spec of an EnvoyFilter that only limits requests. The reader
// is at the spec. Its policies are made after all resources are read.
func (l *loader) envoyFilter(r *reader, v *value, created time.Time) {
	r.envoy = true
	of := &envoyLimits{
		scope:  scope{r.origin.Namespace, v.at("workloadSelector", "labels").asLabels()},
		origin: r.origin, created: created,
	}
	at := r.path
	for _, p := range envoyPatches(v) {
		r.path = p.path
		part := &envoyPart{owner: of, kind: p.kind, target: p.target, path: pathOf(p.path), include: p.include}
		switch p.kind {
		case localFilter, localOverride:
			r.envoyLocal(p.config, part)
		case globalFilter:
			r.envoyGlobal(p.config, part)
		case limitActions:
			each(r, p.config, &part.descriptors, func(e *value) spec.RateLimitDescriptor {
				return r.limitDescriptor(e, "RateLimitConfig.RateLimit")
			})
		}
		of.parts = append(of.parts, part)
	}
	r.path = at
	of.broken = r.isBroken() || len(r.errors) > 0
	l.envoyLimits = append(l.envoyLimits, of)
}

// serviceElsewhere warns once that the service's address is not read.
func (l *loader) serviceElsewhere(r *reader, v *value) {
	if l.serviceMentioned {
		return
	}
	l.serviceMentioned = true
	r.warn(v.line, v.column, "", "is not read: --rate-limit-service or Builder.Limiter says where the service is; without them, this process counts alone")
}

// isEffective reports whether a local filter limits requests without the help of
// virtual hosts and routes.
func (p *envoyPart) isEffective() bool { return p.mode != spec.LimitDisabled && p.isConfigured() }

func (p *envoyPart) isConfigured() bool { return p.local.Bucket != nil || len(p.local.Descriptors) > 0 }

// An envoyJoin makes policies from the parts of all EnvoyFilters.
type envoyJoin struct {
	loader                              *loader
	locals, globals, actions, overrides []*envoyPart
}

// joinEnvoyLimits makes the policies of all EnvoyFilters. In Envoy, a filter says how
// much is allowed, and a virtual host or a route says what is counted. They are often
// in several EnvoyFilters.
func (l *loader) joinEnvoyLimits() {
	j := envoyJoin{loader: l}
	for _, of := range l.envoyLimits {
		for _, p := range of.parts {
			switch p.kind {
			case localFilter:
				j.locals = append(j.locals, p)
			case globalFilter:
				j.globals = append(j.globals, p)
			case limitActions:
				j.actions = append(j.actions, p)
			case localOverride:
				j.overrides = append(j.overrides, p)
			}
		}
	}
	j.actions = slices.DeleteFunc(slices.Clone(j.actions), func(a *envoyPart) bool {
		return slices.ContainsFunc(j.actions, func(o *envoyPart) bool {
			both, ok := a.owner.and(o.owner.scope)
			return ok && !o.include && o.target.replaces(a.target) && both.namespace == a.owner.namespace && maps.Equal(both.labels, a.owner.labels)
		})
	})
	for _, g := range j.globals {
		j.global(g)
	}
	for _, f := range j.locals {
		j.local(f)
	}
	for _, o := range j.overrides {
		j.override(o)
	}
	for _, a := range j.actions {
		if !a.used {
			j.warn(a, "limits nothing: no EnvoyFilter adds envoy.filters.http.ratelimit to the same gateways, nor a local filter with descriptors")
		}
	}
}

func (j *envoyJoin) warn(p *envoyPart, problem string) {
	if p.owner.broken {
		return // Its errors say more.
	}
	o := p.owner.origin
	o.Path = ""
	f := o.At(p.path, problem)
	j.loader.declared.Warnings = append(j.loader.declared.Warnings, spec.Warning{Finding: f})
}

// fitting returns the parts for gateways of p.
func fitting(parts []*envoyPart, p *envoyPart) []*envoyPart {
	return slices.DeleteFunc(slices.Clone(parts), func(o *envoyPart) bool {
		_, ok := o.owner.and(p.owner.scope)
		return !ok
	})
}

// global makes the policies of a global filter.
func (j *envoyJoin) global(g *envoyPart) {
	if len(g.descriptors) > 0 {
		j.add(g, limitTarget{}, g.globalPolicy(g.descriptors), g, g)
		return
	}
	actions := fitting(j.actions, g)
	for _, a := range actions {
		a.used, g.used = true, true
		policy := g.globalPolicy(a.descriptors)
		policy.Inheritance = j.inheritance(a, actions)
		j.add(a, a.target, policy, g, a)
	}
	// The local limit of a virtual host or of a route is more specific than these
	// policies, so it would replace them too.
	for _, o := range fitting(j.overrides, g) {
		if slices.ContainsFunc(actions, func(a *envoyPart) bool { return a.target == o.target }) {
			continue
		}
		if a := innermost(actions, o.target); a != nil {
			policy := g.globalPolicy(a.descriptors)
			policy.Inheritance = spec.InheritIgnore
			j.add(o, o.target, policy, g, a)
		}
	}
	if !g.used {
		j.warn(g, "limits nothing: no EnvoyFilter sets rate_limits for the same gateways")
	}
}

func (p *envoyPart) globalPolicy(descriptors []spec.RateLimitDescriptor) spec.RateLimitPolicy {
	global := *p.global
	return spec.RateLimitPolicy{Descriptors: descriptors, Global: &global, Response: p.response, Mode: p.mode}
}

func (p *envoyPart) localPolicy(descriptors []spec.RateLimitDescriptor) spec.RateLimitPolicy {
	local := *p.local
	return spec.RateLimitPolicy{Descriptors: descriptors, Local: &local, Response: p.response, Mode: p.mode}
}

// innermost returns the most specific part that applies to all of a target.
func innermost(parts []*envoyPart, t limitTarget) *envoyPart {
	var best *envoyPart
	for _, p := range parts {
		if p.target.covers(t) && (best == nil || p.target.level > best.target.level) {
			best = p
		}
	}
	return best
}

// inheritance returns that of a policy for the target of a. Among actions, Envoy uses
// only the most specific ones. A local filter counts beside them.
func (j *envoyJoin) inheritance(a *envoyPart, actions []*envoyPart) spec.LimitInheritance {
	if a.target.level == everything {
		return spec.InheritOverride
	}
	wider := slices.ContainsFunc(actions, func(o *envoyPart) bool { return o.target.level < a.target.level && o.target.covers(a.target) })
	switch {
	case a.include:
		return spec.InheritInclude
	case slices.ContainsFunc(fitting(j.overrides, a), func(o *envoyPart) bool { return o.target == a.target }):
		return spec.InheritIgnore
	case slices.ContainsFunc(fitting(j.locals, a), (*envoyPart).isEffective):
		if wider {
			j.warn(a, "the rate_limits of larger parts of the configuration count these requests too, because there is also a local filter for all of them. In Envoy, only these do")
		}
		return spec.InheritInclude
	case wider:
		return spec.InheritIgnore
	}
	return spec.InheritOverride
}

// local makes the policies of a local filter.
func (j *envoyJoin) local(f *envoyPart) {
	overridden := len(fitting(j.overrides, f)) > 0
	if !f.isConfigured() {
		if !overridden {
			j.warn(f, "limits nothing: it has neither a token_bucket nor descriptors")
		}
		return
	}
	policy := f.localPolicy(f.descriptors)
	from := []*envoyPart{f}
	if len(f.local.Descriptors) > 0 && len(f.descriptors) == 0 {
		from = nil
		counts := false
		for _, a := range fitting(j.actions, f) {
			counts, a.used = true, true
			if a.target.level == everything {
				policy.Descriptors = append(policy.Descriptors, a.descriptors...)
				from = append(from, a)
				continue
			}
			j.localActions(f, a)
		}
		if !counts {
			j.warn(f, "its descriptors limit nothing: neither the filter nor an EnvoyFilter for the same gateways has rate_limits")
		}
		if len(policy.Descriptors) == 0 {
			policy.Local.Descriptors, policy.Local.MaxKeys = nil, 0
		}
	}
	if policy.Local.Bucket != nil || len(policy.Local.Descriptors) > 0 {
		j.add(f, limitTarget{}, policy, f, from...)
	}
}

// localActions makes a policy for the descriptors of a local filter and the actions
// of a virtual host or of a route. The filter's own bucket stays that of all requests.
func (j *envoyJoin) localActions(f, a *envoyPart) {
	if slices.ContainsFunc(fitting(j.overrides, a), func(o *envoyPart) bool { return o.target == a.target }) {
		return // Its own filter counts.
	}
	policy := f.localPolicy(a.descriptors)
	policy.Local.Bucket, policy.Local.BucketUnmatchedOnly = nil, false
	if policy.Inheritance = j.inheritance(a, nil); f.local.BucketUnmatchedOnly && f.local.Bucket != nil {
		j.warn(f, "token_bucket counts all requests, because rate_limits of single hosts or routes use the descriptors. In Envoy, it counts only those without a descriptor")
	}
	j.add(a, a.target, policy, f, a)
}

// override makes the policy of a local filter for a virtual host or for a route.
func (j *envoyJoin) override(o *envoyPart) {
	if len(fitting(j.locals, o)) == 0 {
		j.warn(o, "limits nothing: no EnvoyFilter adds envoy.filters.http.local_ratelimit to the same gateways")
		return
	}
	policy, from := o.localPolicy(o.descriptors), o
	if len(o.local.Descriptors) > 0 && len(o.descriptors) == 0 {
		if from = innermost(fitting(j.actions, o), o.target); from == nil {
			j.warn(o, "its descriptors limit nothing: neither the filter nor an EnvoyFilter for the same gateways has rate_limits")
			policy.Local.Descriptors, policy.Local.MaxKeys = nil, 0
			from = o
		} else {
			from.used = true
			policy.Descriptors = from.descriptors
		}
	}
	policy.Inheritance = spec.InheritIgnore
	j.add(o, o.target, policy, o, from)
}

// add adds a policy for the target of p. limit is the part with the limit, and from
// are those with the actions.
func (j *envoyJoin) add(p *envoyPart, t limitTarget, policy spec.RateLimitPolicy, limit *envoyPart, from ...*envoyPart) {
	both, ok := p.owner.and(limit.owner.scope)
	broken := p.owner.broken || limit.owner.broken
	for _, f := range from {
		more, fits := both.and(f.owner.scope)
		both, ok = more, ok && fits
		broken = broken || f.owner.broken
	}
	if !ok {
		return
	}
	of := p.owner
	policy.Name, policy.Namespace, policy.Selector, policy.Created = of.origin.Name, both.namespace, both.labels, of.created
	if of.policies++; of.policies > 1 {
		policy.Name += fmt.Sprintf("-%d", of.policies)
	}
	t.apply(&policy)
	policy.Origin = of.origin
	policy.Origin.Fields = renamed{of.origin.Fields, p.names(limit, from)}
	made := spec.Declarations{RateLimits: []spec.RateLimitPolicy{policy}}
	if broken {
		made = spec.Declarations{Incomplete: new(made)}
	}
	j.loader.declared.Append(made)
}

// names are the places of a policy's fields in the EnvoyFilter of p. What another
// EnvoyFilter says is at p.
func (p *envoyPart) names(limit *envoyPart, from []*envoyPart) []renaming {
	names := []renaming{{"spec.selector.matchLabels", "spec.workloadSelector.labels"}}
	i := 0
	for _, f := range from {
		for k := range f.descriptors {
			if f.owner == p.owner {
				path := f.path
				if f.kind != limitActions {
					path += ".rate_limits"
				}
				names = append(names, renaming{fmt.Sprintf("spec.rateLimits[%d]", i), fmt.Sprintf("%s[%d]", path, k)})
			}
			i++
		}
	}
	if limit.owner == p.owner {
		status := "status"
		if limit.global != nil {
			status = "rate_limited_status"
		}
		names = append(names,
			renaming{"spec.local.perDownstreamConnection", limit.path + ".local_rate_limit_per_downstream_connection"},
			renaming{"spec.local", limit.path}, renaming{"spec.global.onStoreFailure", limit.path + ".failure_mode_deny"}, renaming{"spec.global", limit.path},
			renaming{"spec.response.statusCode", limit.path + "." + status + ".code"},
			renaming{"spec.response.headers", limit.path + ".response_headers_to_add"},
			renaming{"spec.response", limit.path}, renaming{"spec.mode", limit.path})
	}
	path := p.path
	if at := strings.LastIndex(path, ".patch.value"); at >= 0 {
		path = path[:at]
	}
	return append(names, renaming{"spec", path})
}
