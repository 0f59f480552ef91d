package istio

import (
	"cmp"
	"maps"

	"github.com/lateengo/gateway/spec"
)

// A limitTarget is what a patch of an EnvoyFilter applies to.
type limitTarget struct {
	level targetLevel
	// host and route are names in Envoy. Empty means all.
	host, route string
}

// A targetLevel is where Envoy looks for limits. Higher levels are more specific.
type targetLevel uint8

const (
	everything targetLevel = iota
	virtualHost
	routes
)

// covers reports whether t applies to all that o applies to.
func (t limitTarget) covers(o limitTarget) bool {
	switch t.level {
	case everything:
		return true
	case virtualHost:
		return o.host == t.host
	}
	return o.level == routes && (t.host == "" || t.host == o.host) && (t.route == "" || t.route == o.route)
}

// coversRoutes reports whether t applies to all routes to which o applies.
func (t limitTarget) coversRoutes(o limitTarget) bool {
	o.level = routes
	return t.covers(o)
}

// isAll reports whether t is everything, perhaps as all routes.
func (t limitTarget) isAll() bool { return t.host == "" && t.route == "" }

// isSame reports whether policies for t and o have the same target.
func (t limitTarget) isSame(o limitTarget) bool { return t.host == o.host && t.route == o.route }

// isWithin reports whether t is more specific than o, where both apply.
func (t limitTarget) isWithin(o limitTarget) bool {
	return t.level > o.level || t.level == o.level && o.covers(t) && t != o
}

// and returns what both apply to. ok is false if that is nothing.
func (t limitTarget) and(o limitTarget) (both limitTarget, ok bool) {
	if t.host != "" && o.host != "" && t.host != o.host || t.route != "" && o.route != "" && t.route != o.route {
		return both, false
	}
	return limitTarget{max(t.level, o.level), cmp.Or(t.host, o.host), cmp.Or(t.route, o.route)}, true
}

// String returns the target in the name of a policy.
func (t limitTarget) String() string {
	if t.host != "" && t.route != "" {
		return t.route + " in " + t.host
	}
	return t.route + t.host
}

// apply adds the target to a policy. All routes of a virtual host are the virtual host.
func (t limitTarget) apply(p *spec.RateLimitPolicy) {
	switch {
	case t.route == "" && t.host == "":
	case t.route == "":
		p.VirtualHosts = append(p.VirtualHosts, t.host)
	default:
		p.Targets = append(p.Targets, spec.TargetRef{Kind: "VirtualService", SectionName: t.route, VirtualHost: t.host})
	}
}

// replaces reports whether the actions of t replace those of o at all that o applies
// to: t is all routes of a virtual host.
func (t limitTarget) replaces(o limitTarget) bool {
	return t.level == routes && t.route == "" && o.level < routes && (t.host == "" || t.host == o.host)
}

// A scope is the gateways that an EnvoyFilter selects.
type scope struct {
	namespace string
	labels    map[string]string
}

// rootNamespace is the namespace whose EnvoyFilters are for all namespaces.
const rootNamespace = "istio-system"

// and returns the gateways that both select. ok is false if there can be none.
func (s scope) and(o scope) (both scope, ok bool) {
	switch {
	case s.namespace == rootNamespace:
		both.namespace = o.namespace
	case o.namespace == rootNamespace, s.namespace == o.namespace:
		both.namespace = s.namespace
	default:
		return both, false
	}
	for name, label := range s.labels {
		if other, there := o.labels[name]; there && other != label {
			return both, false
		}
	}
	if len(s.labels)+len(o.labels) > 0 {
		both.labels = make(map[string]string)
		maps.Copy(both.labels, s.labels)
		maps.Copy(both.labels, o.labels)
	}
	return both, true
}

// covers reports whether s selects all gateways that o selects.
func (s scope) covers(o scope) bool {
	both, ok := s.and(o)
	return ok && both.namespace == o.namespace && maps.Equal(both.labels, o.labels)
}
