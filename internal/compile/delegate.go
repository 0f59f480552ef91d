package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A delegateMerger replaces routes that delegate with the routes of their delegates
// (Istio's MergeHTTPRoutes).
type delegateMerger struct {
	c      *Compiler
	byName map[resource.Name]*spec.VirtualService
}

func newDelegateMerger(c *Compiler) *delegateMerger {
	m := &delegateMerger{c: c, byName: map[resource.Name]*spec.VirtualService{}}
	for i := range c.D.VirtualServices {
		vs := &c.D.VirtualServices[i]
		if len(vs.Hosts) == 0 {
			m.byName[resource.Name{Namespace: cmp.Or(vs.Namespace, c.O.Namespace), Name: vs.Name}] = vs
		}
	}
	return m
}

// routes returns the routes of a VirtualService with those of its delegates. A
// route disappears if its delegate is missing, is not exported to it, or delegates
// itself.
func (m *delegateMerger) routes(vs *boundVirtualService) []boundRoute {
	out := make([]boundRoute, 0, len(vs.Routes))
	for i := range vs.Routes {
		r := &vs.Routes[i]
		if r.Delegate == nil {
			out = append(out, boundRoute{Route: r, from: vs.VirtualService, index: i, namespace: vs.name.Namespace, targets: [][]policyTarget{routeTargets(vs.name, r.Name)}})
			continue
		}
		out = m.delegate(out, vs, r)
	}
	return out
}

// delegate appends the routes that replace a route that delegates.
func (m *delegateMerger) delegate(out []boundRoute, vs *boundVirtualService, root *spec.Route) []boundRoute {
	usage := &m.c.usage
	name := resource.Name{Namespace: cmp.Or(root.Delegate.Namespace, vs.name.Namespace), Name: root.Delegate.Name}
	delegate := m.byName[name]
	switch {
	case delegate == nil:
		usage.passOver(root, "delegate.name", "there is no delegate %s: the route matches no request", name)
		return out
	case !resource.ExportedTo(delegate.ExportTo, name.Namespace, vs.name.Namespace):
		usage.passOver(root, "delegate.name", "VirtualService %s is not exported to the namespace %s: the route matches no request", name, vs.name.Namespace)
		return out
	}
	conflicts := false
	for j := range delegate.Routes {
		own := &delegate.Routes[j]
		if own.Delegate != nil {
			usage.passOver(own, "delegate", "a delegate cannot delegate")
			continue
		}
		merged, conflict := mergeRoutes(root, own, vs.name.Namespace, name.Namespace)
		if conflict >= 0 {
			// Istio drops the whole route of the delegate.
			usage.passOver(&own.Match[conflict], "", "conflicts with every match of the route of VirtualService %s that delegates to it: Istio drops the whole route, so it matches no request", vs.name)
			conflicts = true
			continue
		}
		merged.from, merged.index, merged.namespace = delegate, j, name.Namespace
		merged.targets = [][]policyTarget{mergedTargets(vs.name, root.Name, merged.Name), routeTargets(name, own.Name)}
		// Without the name of a VirtualService, a route has only the joined name.
		merged.targets[1] = slices.DeleteFunc(merged.targets[1], isOfAny)
		out = append(out, merged)
	}
	if conflicts {
		usage.passOver(root, "delegate", "every route of VirtualService %s conflicts with the match of this one: the route matches no request", name)
	}
	return out
}

// routeTargets are the possible targets of policies for a route of a
// VirtualService, the most specific first.
func routeTargets(vs resource.Name, route string) []policyTarget {
	all := policyTarget{kind: "VirtualService", name: vs}
	if route == "" {
		return []policyTarget{all}
	}
	return []policyTarget{{kind: "VirtualService", section: route, name: vs}, {kind: "VirtualService", section: route}, all}
}

// isOfAny reports whether a target is the routes with a name of any VirtualService.
func isOfAny(t policyTarget) bool { return t.name.Name == "" }

// mergedTargets are the possible targets of policies for a route that is joined with one
// of a delegate, in the VirtualService that delegates.
func mergedTargets(vs resource.Name, route, joined string) []policyTarget {
	targets := routeTargets(vs, joined)
	if route == joined || route == "" {
		return targets
	}
	return slices.Insert(targets, len(targets)-1, policyTarget{kind: "VirtualService", section: route, name: vs})
}

// mergeRoutes merges a route that delegates with a route of the delegate. If a
// match of the delegate's route conflicts with every match of the root's, it
// returns the index of that match; otherwise -1.
func mergeRoutes(root, own *spec.Route, rootNamespace, ownNamespace string) (merged boundRoute, conflict int) {
	merged.declared = []*spec.Route{root, own}
	out := *own
	out.Match = nil
	switch {
	case len(own.Match) == 0:
		out.Match = root.Match
		merged.matches = eachMatch(root.Match)
	case len(root.Match) == 0:
		out.Match = own.Match
		merged.matches = eachMatch(own.Match)
	default:
		for i := range own.Match {
			found := false
			for j := range root.Match {
				if m, ok := mergeMatches(&root.Match[j], &own.Match[i], rootNamespace, ownNamespace); ok {
					out.Match = append(out.Match, m)
					merged.matches = append(merged.matches, []*spec.Match{&root.Match[j], &own.Match[i]})
					found = true
				}
			}
			if !found {
				return boundRoute{}, i
			}
		}
	}
	out.Name = resource.JoinedName(root.Name, own.Name)
	out.Delegate = nil
	if out.Rewrite == nil {
		out.Rewrite = root.Rewrite
	}
	if out.DirectResponse == nil {
		out.DirectResponse = root.DirectResponse
	}
	if out.Timeout == 0 {
		out.Timeout = root.Timeout
	}
	out.MaxRequestBody, out.MaxRequests = cmp.Or(own.MaxRequestBody, root.MaxRequestBody), cmp.Or(own.MaxRequests, root.MaxRequests)
	if out.Retry == nil {
		out.Retry = root.Retry
	}
	if out.Fault == nil {
		out.Fault = root.Fault
	}
	if len(out.Mirrors) == 0 {
		out.Mirrors = root.Mirrors
	}
	if out.CORS == nil {
		out.CORS = root.CORS
	}
	if out.Headers.IsZero() {
		out.Headers = root.Headers
	}
	// The limits of both apply: a delegate does not remove those of its root.
	if len(root.RateLimits) > 0 {
		out.RateLimits = slices.Concat(root.RateLimits, own.RateLimits)
	}
	merged.Route = &out
	return merged, -1
}

// eachMatch returns each match as the only source of a merged match.
func eachMatch(list []spec.Match) [][]*spec.Match {
	out := make([][]*spec.Match, len(list))
	for i := range list {
		out[i] = []*spec.Match{&list[i]}
	}
	return out
}

// mergeMatches returns the match that requires both, or false if Istio sees a
// conflict.
func mergeMatches(root, own *spec.Match, rootNamespace, ownNamespace string) (spec.Match, bool) {
	if matchesConflict(root, own, rootNamespace, ownNamespace) {
		return spec.Match{}, false
	}
	out := *own
	out.Name = resource.JoinedName(root.Name, own.Name)
	for _, f := range []struct{ to, from *spec.StringMatch }{
		{&out.URI, &root.URI}, {&out.Method, &root.Method}, {&out.Scheme, &root.Scheme}, {&out.Authority, &root.Authority},
	} {
		if f.to.Kind == spec.MatchAny {
			*f.to = *f.from
		}
	}
	out.IgnoreURICase = root.IgnoreURICase
	out.Headers = mergeMaps(root.Headers, own.Headers)
	out.WithoutHeaders = mergeMaps(root.WithoutHeaders, own.WithoutHeaders)
	out.QueryParams = mergeMaps(root.QueryParams, own.QueryParams)
	out.SourceLabels = mergeMaps(root.SourceLabels, own.SourceLabels)
	out.Port = cmp.Or(own.Port, root.Port)
	out.SourceNamespace = cmp.Or(own.SourceNamespace, root.SourceNamespace)
	out.StatPrefix = cmp.Or(own.StatPrefix, root.StatPrefix)
	// Names of gateways are resolved in the namespace of their VirtualService.
	gateways, namespace := own.Gateways, ownNamespace
	if len(gateways) == 0 {
		gateways, namespace = root.Gateways, rootNamespace
	}
	out.Gateways = nil
	for _, g := range gateways {
		if g != "*" && g != resource.Mesh {
			g = resource.GatewayNamed(g, namespace).String()
		}
		out.Gateways = append(out.Gateways, g)
	}
	return out, true
}

func mergeMaps[V any](root, own map[string]V) map[string]V {
	if len(root) == 0 {
		return own
	}
	out := maps.Clone(root)
	maps.Copy(out, own)
	return out
}

func matchesConflict(root, own *spec.Match, rootNamespace, ownNamespace string) bool {
	if root.IgnoreURICase != own.IgnoreURICase {
		return true
	}
	if stringsConflict(root.URI, own.URI) || stringsConflict(root.Method, own.Method) ||
		stringsConflict(root.Scheme, own.Scheme) || stringsConflict(root.Authority, own.Authority) {
		return true
	}
	if mapsConflict(root.Headers, own.Headers) || mapsConflict(root.WithoutHeaders, own.WithoutHeaders) ||
		mapsConflict(root.QueryParams, own.QueryParams) {
		return true
	}
	if root.Port > 0 && own.Port > 0 && root.Port != own.Port {
		return true
	}
	if root.SourceNamespace != "" && root.SourceNamespace != own.SourceNamespace {
		return true
	}
	for key, value := range own.SourceLabels {
		if other, ok := root.SourceLabels[key]; ok && other != value {
			return true
		}
	}
	if len(root.Gateways) > 0 && len(own.Gateways) > 0 {
		for _, g := range own.Gateways {
			name := resource.GatewayNamed(g, ownNamespace)
			if !slices.ContainsFunc(root.Gateways, func(other string) bool { return resource.GatewayNamed(other, rootNamespace) == name }) {
				return true
			}
		}
	}
	return false
}

func mapsConflict(root, own map[string]spec.StringMatch) bool {
	for key, m := range own {
		if other, ok := root[key]; ok && valuesConflict(other, m) {
			return true
		}
	}
	return false
}

// valuesConflict is like stringsConflict, for two present conditions on one key. In
// Istio, a condition for presence, or for an empty value, conflicts with any other.
func valuesConflict(root, own spec.StringMatch) bool {
	return root.Value == "" || own.Value == "" || stringsConflict(root, own)
}

// stringsConflict reports whether own is not within root, as far as their texts
// show.
func stringsConflict(root, own spec.StringMatch) bool {
	if root.Kind == spec.MatchAny || own.Kind == spec.MatchAny {
		return false
	}
	switch {
	case root.Kind == spec.MatchRegex || own.Kind == spec.MatchRegex:
		return true
	case root.Kind == spec.MatchPrefix:
		return !strings.HasPrefix(own.Value, root.Value)
	}
	return own.Kind != spec.MatchExact || own.Value != root.Value
}
