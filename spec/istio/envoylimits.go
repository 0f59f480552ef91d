package istio

import (
	"fmt"
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

// hasOwnActions reports whether a filter needs no actions of virtual hosts and routes.
func (p *envoyPart) hasOwnActions() bool { return len(p.descriptors) > 0 }

func (p *envoyPart) isConfigured() bool { return p.local.Bucket != nil || len(p.local.Descriptors) > 0 }

// An envoyJoin makes policies from the parts of all EnvoyFilters.
type envoyJoin struct {
	loader                              *loader
	locals, globals, actions, overrides []*envoyPart
	// named is how many policies have a namespace and a name so far.
	named map[string]int
}

// joinEnvoyLimits makes the policies of all EnvoyFilters. In Envoy, a filter says how
// much is allowed, and a virtual host or a route says what is counted. They are often
// in several EnvoyFilters.
func (l *loader) joinEnvoyLimits() {
	j := envoyJoin{loader: l, named: map[string]int{}}
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
			return !o.include && o.target.replaces(a.target) && o.owner.covers(a.owner.scope)
		})
	})
	j.overrides = slices.DeleteFunc(j.overrides, func(o *envoyPart) bool {
		unused := len(fitting(j.locals, o)) == 0
		if unused {
			j.warn(o, "limits nothing: no EnvoyFilter adds envoy.filters.http.local_ratelimit to the same gateways")
		}
		return unused
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
	j.remember()
	for _, a := range j.actions {
		switch {
		case a.used:
		case slices.ContainsFunc(fitting(j.globals, a), (*envoyPart).hasOwnActions):
			j.warn(a, "limits nothing: envoy.filters.http.ratelimit of the same gateways has rate_limits of its own, and uses only these")
		default:
			j.warn(a, "limits nothing: no EnvoyFilter adds envoy.filters.http.ratelimit to the same gateways, nor a local filter with descriptors")
		}
	}
}

// remember notes in each policy which EnvoyFilters there are, because each of them may have
// a part in it.
func (j *envoyJoin) remember() {
	var filters []spec.Origin
	for _, of := range j.loader.envoyLimits {
		filters = append(filters, of.origin)
	}
	policies := j.loader.declared.RateLimits
	for i := range policies {
		if from, ok := policies[i].Origin.Fields.(renamed); ok && policies[i].Origin.Kind == "EnvoyFilter" {
			from.filters = filters
			policies[i].Origin.Fields = from
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
	actions := []*envoyPart{g}
	if g.hasOwnActions() {
		policy := g.globalPolicy(g.descriptors)
		policy.Inheritance = spec.InheritInclude
		j.add(g, nil, policy, g, g)
	} else {
		actions = fitting(j.actions, g)
		for _, a := range actions {
			a.used, g.used = true, true
			policy := g.globalPolicy(a.descriptors)
			policy.Inheritance = j.inheritance(a)
			j.add(a, []limitTarget{a.target}, policy, g, a)
		}
		if !g.used {
			j.warn(g, "limits nothing: no EnvoyFilter sets rate_limits for the same gateways")
		}
	}
	j.keep(g, actions)
}

// keep makes the policies of a global filter where more specific policies would replace
// them too: those for overrides of the local filter, and for actions of other global
// filters. Only the actions of one filter replace each other.
func (j *envoyJoin) keep(g *envoyPart, actions []*envoyPart) {
	if g.mode == spec.LimitDisabled {
		return
	}
	type kept struct {
		a *envoyPart
		t limitTarget
	}
	done := make(map[kept][]scope)
	keep := func(at *envoyPart, t limitTarget, a *envoyPart) {
		both, _ := at.owner.and(g.owner.scope)
		k := kept{a, limitTarget{host: t.host, route: t.route}}
		if slices.ContainsFunc(done[k], func(s scope) bool { return s.covers(both) }) {
			return
		}
		done[k] = append(done[k], both)
		policy := g.globalPolicy(a.descriptors)
		policy.Inheritance = spec.InheritIgnore
		j.add(at, []limitTarget{t}, policy, g, a)
	}
	for _, o := range fitting(j.overrides, g) {
		both, _ := o.owner.and(g.owner.scope)
		for _, t := range j.places(o) {
			for _, a := range innermost(actions, t, both) {
				// Its own policy may be there.
				if !a.target.isSame(t) || t.isAll() && !j.sameNamespace(o, g, a) {
					keep(o, t, a)
				}
			}
		}
	}
	if !g.hasOwnActions() {
		return
	}
	for _, a := range fitting(j.actions, g) {
		if j.replacesWider(a) && slices.ContainsFunc(fitting(j.globals, a), func(other *envoyPart) bool { return !other.hasOwnActions() }) {
			keep(a, a.target, g)
		}
	}
}

// sameNamespace reports whether a policy for all gateways of g and a has the same
// namespace if it is only for those of o.
func (j *envoyJoin) sameNamespace(o, g, a *envoyPart) bool {
	all, _ := g.owner.and(a.owner.scope)
	some, _ := all.and(o.owner.scope)
	return all.namespace == some.namespace
}

// places returns the targets of the policies for an override: its own, and those within it
// to which actions apply. Policies for these actions would keep the override out. Where a
// more specific override counts, there is none.
func (j *envoyJoin) places(o *envoyPart) []limitTarget {
	places := []limitTarget{o.target}
	if o.target.isAll() {
		return places
	}
	for _, a := range fitting(j.actions, o) {
		t, ok := o.target.and(a.target)
		if !ok || slices.ContainsFunc(places, t.isSame) || slices.ContainsFunc(j.overrides, func(other *envoyPart) bool {
			return other.target.isWithin(o.target) && other.target.coversRoutes(t) && other.owner.covers(o.owner.scope)
		}) {
			continue
		}
		places = append(places, t)
	}
	return places
}

func (p *envoyPart) globalPolicy(descriptors []spec.RateLimitDescriptor) spec.RateLimitPolicy {
	global := *p.global
	return spec.RateLimitPolicy{Descriptors: descriptors, Global: &global, Response: p.response, Mode: p.mode}
}

func (p *envoyPart) localPolicy(descriptors []spec.RateLimitDescriptor) spec.RateLimitPolicy {
	local := *p.local
	return spec.RateLimitPolicy{Descriptors: descriptors, Local: &local, Response: p.response, Mode: p.mode}
}

// innermost returns the actions that count for all of a target at gateways of a scope: the
// most specific ones, and at gateways that these are not for, less specific ones.
func innermost(actions []*envoyPart, t limitTarget, at scope) []*envoyPart {
	var covering []*envoyPart
	for _, a := range actions {
		if _, ok := a.owner.and(at); ok && a.target.coversRoutes(t) {
			covering = append(covering, a)
		}
	}
	return slices.DeleteFunc(slices.Clone(covering), func(a *envoyPart) bool {
		both, _ := a.owner.and(at)
		return slices.ContainsFunc(covering, func(o *envoyPart) bool {
			return o.target.level > a.target.level && !o.include && o.owner.covers(both)
		})
	})
}

// inheritance returns that of a policy for the target of a. Among actions, Envoy uses
// only the most specific ones. Filters that need no actions count beside them.
func (j *envoyJoin) inheritance(a *envoyPart) spec.LimitInheritance {
	switch {
	case a.target.isAll():
		return spec.InheritInclude
	case j.isOverridden(a):
		return spec.InheritIgnore
	case a.include:
		return spec.InheritInclude
	case j.replacesWider(a):
		return spec.InheritIgnore
	case j.isLimitedLocally(a):
		if j.hasWider(a) {
			j.warn(a, "the rate_limits of larger parts of the configuration count these requests too, because there is also a local filter for all of them. In Envoy, only these do")
		}
		return spec.InheritInclude
	case slices.ContainsFunc(fitting(j.globals, a), (*envoyPart).hasOwnActions):
		return spec.InheritInclude
	}
	return spec.InheritOverride
}

// replacesWider reports whether the policies for a replace all less specific ones.
func (j *envoyJoin) replacesWider(a *envoyPart) bool {
	return !a.target.isAll() && !a.include && j.hasWider(a) && !j.isOverridden(a) && !j.isLimitedLocally(a)
}

// hasWider reports whether there are less specific actions for the target of a.
func (j *envoyJoin) hasWider(a *envoyPart) bool {
	return slices.ContainsFunc(fitting(j.actions, a), func(o *envoyPart) bool { return o.target.level < a.target.level && o.target.covers(a.target) })
}

// isOverridden reports whether an override applies to all of the target of a, at all its
// gateways. Then places has the target of a.
func (j *envoyJoin) isOverridden(a *envoyPart) bool {
	return slices.ContainsFunc(j.overrides, func(o *envoyPart) bool {
		return !o.target.isAll() && o.target.coversRoutes(a.target) && o.owner.covers(a.owner.scope)
	})
}

// isLimitedLocally reports whether a less specific policy of a local filter counts requests
// to the target of a.
func (j *envoyJoin) isLimitedLocally(a *envoyPart) bool {
	return slices.ContainsFunc(fitting(j.locals, a), (*envoyPart).isEffective) ||
		slices.ContainsFunc(fitting(j.overrides, a), func(o *envoyPart) bool { return o.isEffective() && o.target.coversRoutes(a.target) })
}

// local makes the policies of a local filter.
func (j *envoyJoin) local(f *envoyPart) {
	overrides := fitting(j.overrides, f)
	if !f.isConfigured() {
		if len(overrides) == 0 {
			j.warn(f, "limits nothing: it has neither a token_bucket nor descriptors")
		}
		return
	}
	if slices.ContainsFunc(overrides, func(o *envoyPart) bool { return o.target.isAll() && o.owner.covers(f.owner.scope) }) {
		return // The override counts everywhere.
	}
	policy := f.localPolicy(f.descriptors)
	policy.Inheritance = spec.InheritInclude
	from := []*envoyPart{f}
	if len(f.local.Descriptors) > 0 && len(f.descriptors) == 0 {
		from = nil
		counts := false
		for _, a := range fitting(j.actions, f) {
			counts, a.used = true, true
			if a.target.isAll() && a.owner.covers(f.owner.scope) {
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
		j.add(f, nil, policy, f, from...)
	}
}

// localActions makes a policy for the descriptors of a local filter and the actions
// of a virtual host or of a route, or of some gateways. The filter's own bucket stays that
// of all requests.
func (j *envoyJoin) localActions(f, a *envoyPart) {
	if j.isOverridden(a) {
		return // Its own filter counts.
	}
	policy := f.localPolicy(a.descriptors)
	policy.Local.Bucket, policy.Local.BucketUnmatchedOnly = nil, false
	policy.Inheritance = spec.InheritInclude
	if f.local.BucketUnmatchedOnly && f.local.Bucket != nil {
		j.warn(f, "token_bucket counts all requests, because rate_limits of single hosts or routes use the descriptors. In Envoy, it counts only those without a descriptor")
	}
	j.add(a, []limitTarget{a.target}, policy, f, a)
}

// override makes the policies of a local filter for a virtual host or for a route.
func (j *envoyJoin) override(o *envoyPart) {
	places := j.places(o)
	if len(o.local.Descriptors) == 0 || o.hasOwnActions() {
		policy := o.localPolicy(o.descriptors)
		policy.Inheritance = spec.InheritIgnore
		j.add(o, places, policy, o, o)
		return
	}
	used := false
	for _, t := range places {
		used = j.overrideActions(o, t) || used
	}
	if !used {
		j.warn(o, "its descriptors limit nothing: neither the filter nor an EnvoyFilter for the same gateways has rate_limits")
	}
}

// overrideActions makes the policies of an override with descriptors but no actions, for
// one of its places. It reports whether there are actions.
func (j *envoyJoin) overrideActions(o *envoyPart, t limitTarget) (used bool) {
	policy := o.localPolicy(nil)
	policy.Inheritance = spec.InheritIgnore
	from := []*envoyPart{o}
	var some []*envoyPart
	for _, a := range innermost(j.actions, t, o.owner.scope) {
		a.used, used = true, true
		if !a.owner.covers(o.owner.scope) {
			some = append(some, a)
			continue
		}
		policy.Descriptors = append(policy.Descriptors, a.descriptors...)
		from = append(from, a)
	}
	if len(policy.Descriptors) == 0 {
		policy.Local.Descriptors, policy.Local.MaxKeys = nil, 0
	}
	j.add(o, []limitTarget{t}, policy, o, from...)
	for _, a := range some {
		policy := o.localPolicy(a.descriptors)
		policy.Local.Bucket, policy.Local.BucketUnmatchedOnly = nil, false
		policy.Inheritance = spec.InheritIgnore
		j.add(o, []limitTarget{t}, policy, o, a)
	}
	return used
}

// add adds a policy of the EnvoyFilter of p for some targets, or without them for
// everything. limit is the part with the limit, and from are those with the actions.
func (j *envoyJoin) add(p *envoyPart, targets []limitTarget, policy spec.RateLimitPolicy, limit *envoyPart, from ...*envoyPart) {
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
	policy.Namespace, policy.Selector, policy.Created = both.namespace, both.labels, of.created
	policy.Name = j.unique(both.namespace, p.policyName(limit, targets))
	for _, t := range targets {
		t.apply(&policy)
	}
	policy.Origin = of.origin
	policy.Origin.Fields = renamed{Locator: of.origin.Fields, names: p.names(limit, from, len(policy.Targets))}
	made := spec.Declarations{RateLimits: []spec.RateLimitPolicy{policy}}
	if broken {
		made = spec.Declarations{Incomplete: new(made)}
	}
	j.loader.declared.Append(made)
}

// policyName names a policy by what it limits. Counters belong to names, so a name does
// not change if the EnvoyFilter gets more patches.
func (p *envoyPart) policyName(limit *envoyPart, targets []limitTarget) string {
	name := p.owner.origin.Name
	if limit.global != nil {
		name += " global " + limit.global.Domain
	} else {
		name += " local"
	}
	if limit.owner != p.owner {
		name += " of " + limit.owner.origin.Name
	}
	if len(targets) > 0 && !targets[0].isAll() {
		name += " for " + targets[0].String()
	}
	return name
}

// unique numbers the policies with the same name.
func (j *envoyJoin) unique(namespace, name string) string {
	id := namespace + "/" + name
	if j.named[id]++; j.named[id] > 1 {
		name += fmt.Sprintf(" %d", j.named[id])
	}
	return name
}

// names are the places of a policy's fields in the EnvoyFilter of p. What another
// EnvoyFilter says is at p.
func (p *envoyPart) names(limit *envoyPart, from []*envoyPart, targets int) []renaming {
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
	for i := 1; i < targets; i++ {
		// All are routes with the name in the patch, so that a finding about it is one.
		names = append(names, renaming{fmt.Sprintf("spec.targetRefs[%d]", i), path + ".targetRefs[0]"})
	}
	return append(names, renaming{"spec", path})
}
