package istio

import (
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

// apply sets the target of a policy. All routes of a virtual host are the virtual host.
func (t limitTarget) apply(p *spec.RateLimitPolicy) {
	switch {
	case t.route == "" && t.host == "":
	case t.route == "":
		p.VirtualHosts = []string{t.host}
	default:
		p.Targets = []spec.TargetRef{{Kind: "VirtualService", SectionName: t.route, VirtualHost: t.host}}
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
