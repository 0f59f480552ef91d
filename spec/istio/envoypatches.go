package istio

import (
	"regexp"
	"slices"
	"strings"
)

// An envoyPatch is what one patch of an EnvoyFilter says about limits.
type envoyPatch struct {
	kind   envoyPatchKind
	target limitTarget
	// path leads to config, from the root of the resource.
	path   []step
	config *value
	// include adds the actions of the virtual host to those of the route.
	include bool
}

type envoyPatchKind uint8

const (
	// localFilter and globalFilter add Envoy's filters.
	localFilter envoyPatchKind = iota
	globalFilter
	// limitActions are rate_limits of a virtual host or of a route.
	limitActions
	// localOverride replaces the configuration of the local filter, for a virtual host
	// or for a route.
	localOverride
)

// limitFilterNames are the names of Envoy's filters that limit requests, like gates.
var limitFilterNames = regexp.MustCompile(`(?:^|[./])envoy\.(?:[a-z0-9_.]+\.)?(?:ratelimit|rate_limit|local_ratelimit)(?:$|\.)`)

// limitsRequests reports whether an EnvoyFilter limits requests at gateways, perhaps
// among other things.
func limitsRequests(resource *value) bool {
	patches := resource.at("spec", "configPatches")
	if patches == nil || patches.form != list {
		return false
	}
	return slices.ContainsFunc(patches.elements, func(p *value) bool {
		if isForOthers(p) {
			return false
		}
		content := p.at("patch", "value")
		actions, _ := content.either("rate_limits")
		route, _ := content.either("route")
		if actions == nil {
			actions, _ = route.either("rate_limits")
		}
		return actions != nil || content.find(limitFilterNames.MatchString) != ""
	})
}

// isForOthers reports whether a patch does not concern gateways, or only removes
// something.
func isForOthers(patch *value) bool {
	return strings.HasPrefix(patch.at("match", "context").asText(), "SIDECAR_") || patch.at("patch", "operation").asText() == "REMOVE"
}

// An otherPart is the first part of an EnvoyFilter that is about something else than
// limits, or limits something that cannot be selected here.
type otherPart struct {
	at    *value
	field string
	found string
}

// reason completes "is not executed by Lateen: ".
func (o *otherPart) reason(resource *value) string {
	name := gateOf(resource)
	if name == "" {
		name = "rate_limits"
	}
	return "it sets up " + name + ", and skipping it would allow requests that the filter refuses. It is not read because of " + o.field + ": " + o.found
}

// otherThanLimits returns the first part of an EnvoyFilter because of which it is not
// read, or nil.
func otherThanLimits(resource *value) *otherPart {
	var p patchReader
	p.resource(resource)
	return p.other
}

// envoyPatches returns what an EnvoyFilter says about limits. The path leads to its
// spec.
func envoyPatches(spec *value) []envoyPatch {
	p := patchReader{path: []step{{name: "spec"}}}
	p.spec(spec)
	return p.found
}

// A patchReader reads the patches of an EnvoyFilter up to the first part that it does
// not understand.
type patchReader struct {
	path  []step
	found []envoyPatch
	other *otherPart
}

// stop records the part that is not understood.
func (p *patchReader) stop(at *value, found string) {
	if p.other == nil {
		p.other = &otherPart{at, pathOf(p.path), found}
	}
}

// in calls read for a field of v, with the reader at the field. The field may be
// written with underscores or in camel case.
func (p *patchReader) in(v *value, name string, read func(*value)) {
	if p.other != nil {
		return
	}
	e, k := v.either(name)
	if e == nil || e.form == null {
		return
	}
	p.path = append(p.path, step{name: k.name})
	read(e)
	p.path = p.path[:len(p.path)-1]
}

// only reports whether v is a map with no other fields than these.
func (p *patchReader) only(v *value, known ...string) bool {
	switch {
	case p.other != nil:
		return false
	case v.form != object:
		p.stop(v, "expected a map, found "+v.String())
		return false
	case len(v.flaws) > 0:
		f := v.flaws[0]
		p.stop(&value{line: f.line, column: f.column}, f.problem)
		return false
	}
	for i, k := range v.keys {
		if v.elements[i].form == null || slices.ContainsFunc(known, func(name string) bool { return name == k.name || camelCase(name) == k.name }) {
			continue
		}
		p.path = append(p.path, step{name: k.name})
		p.stop(&value{line: k.line, column: k.column}, "only "+strings.Join(known, ", ")+" can be executed here")
		p.path = p.path[:len(p.path)-1]
		return false
	}
	return true
}

// word stops at a field with another text than these.
func (p *patchReader) word(v *value, name string, known ...string) {
	p.in(v, name, func(e *value) {
		if e.form != text || !slices.Contains(known, e.scalar) {
			p.stop(e, "expected "+strings.Join(known, " or ")+", found "+e.String())
		}
	})
}

// text returns a field with a text.
func (p *patchReader) text(v *value, name string) (s string) {
	p.in(v, name, func(e *value) {
		if s = e.asText(); e.form != text {
			p.stop(e, "expected a string, found "+e.String())
		}
	})
	return s
}

func (p *patchReader) resource(v *value) {
	p.in(v, "spec", p.spec)
}

func (p *patchReader) spec(v *value) {
	if !p.only(v, "workloadSelector", "configPatches", "priority") {
		return
	}
	p.in(v, "workloadSelector", func(e *value) {
		if p.only(e, "labels") {
			p.in(e, "labels", p.labels)
		}
	})
	p.in(v, "configPatches", func(e *value) {
		if e.form != list {
			p.stop(e, "expected a list, found "+e.String())
			return
		}
		for i, each := range e.elements {
			p.path = append(p.path, step{index: i, form: indexStep})
			if !isForOthers(each) {
				p.patch(each)
			}
			p.path = p.path[:len(p.path)-1]
		}
	})
}

func (p *patchReader) labels(v *value) {
	if v.form != object || len(v.flaws) > 0 || slices.ContainsFunc(v.elements, func(e *value) bool { return e.form != text }) {
		p.stop(v, "expected a map of strings")
	}
}

func (p *patchReader) patch(v *value) {
	if !p.only(v, "applyTo", "match", "patch") {
		return
	}
	applyTo := p.text(v, "applyTo")
	p.in(v, "match", func(e *value) {
		if e.form != object {
			p.stop(e, "expected a map, found "+e.String())
		}
		p.word(e, "context", "GATEWAY", "ANY")
	})
	switch applyTo {
	case "HTTP_FILTER":
		p.in(v, "match", p.listener)
		p.operation(v, p.filter, "INSERT_BEFORE", "INSERT_FIRST", "INSERT_AFTER", "ADD")
	case "VIRTUAL_HOST":
		host, _ := p.routes(v, false)
		t := limitTarget{level: everything}
		if host != "" {
			t = limitTarget{level: virtualHost, host: host}
		}
		p.operation(v, func(e *value) { p.rules(e, t, "rate_limits", "typed_per_filter_config") }, "MERGE")
	case "HTTP_ROUTE":
		host, route := p.routes(v, true)
		t := limitTarget{level: routes, host: host, route: route}
		p.operation(v, func(e *value) { p.rules(e, t, "route", "typed_per_filter_config") }, "MERGE")
	case "CLUSTER":
		// No route leads to an added cluster. It is for the rate limit service.
		p.operation(v, func(*value) {}, "ADD")
	default:
		at := v
		if e, _ := v.field("applyTo"); e != nil {
			at = e
		}
		p.path = append(p.path, step{name: "applyTo"})
		p.stop(at, "only HTTP_FILTER, VIRTUAL_HOST, HTTP_ROUTE and CLUSTER can be executed")
		p.path = p.path[:len(p.path)-1]
	}
}

// operation reads the value of a patch with one of the operations.
func (p *patchReader) operation(v *value, read func(*value), known ...string) {
	p.in(v, "patch", func(e *value) {
		if !p.only(e, "operation", "value", "filterClass") {
			return
		}
		if p.text(e, "operation") == "" {
			p.stop(e, "the operation is missing")
		}
		p.word(e, "operation", known...)
		p.in(e, "value", read)
	})
}

// listener reads the match of a filter. Only filters for all requests are understood.
func (p *patchReader) listener(v *value) {
	if !p.only(v, "context", "listener") {
		return
	}
	p.in(v, "listener", func(e *value) {
		if !p.only(e, "filterChain") {
			return
		}
		p.in(e, "filterChain", func(e *value) {
			if !p.only(e, "filter") {
				return
			}
			p.in(e, "filter", func(e *value) {
				p.only(e, "name", "subFilter")
				p.word(e, "name", "envoy.filters.network.http_connection_manager", "envoy.http_connection_manager")
			})
		})
	})
}

// routes reads the match of a virtual host or of a route, and returns their names.
func (p *patchReader) routes(v *value, named bool) (host, route string) {
	p.in(v, "match", func(e *value) {
		if !p.only(e, "context", "routeConfiguration") {
			return
		}
		p.in(e, "routeConfiguration", func(e *value) {
			if !p.only(e, "vhost") {
				return
			}
			p.in(e, "vhost", func(e *value) {
				if !p.only(e, "name", "route") {
					return
				}
				host = p.text(e, "name")
				p.in(e, "route", func(e *value) {
					if named {
						p.only(e, "name", "action")
						route = p.text(e, "name")
					} else {
						p.only(e, "action")
					}
					p.word(e, "action", "ANY")
				})
			})
		})
	})
	return host, route
}

// filter reads an added filter.
func (p *patchReader) filter(v *value) {
	if !p.only(v, "name", "typed_config") {
		return
	}
	found := false
	p.in(v, "typed_config", func(e *value) {
		found = true
		p.typedConfig(e, func(name string, config *value) {
			switch name {
			case localRateLimit:
				p.add(envoyPatch{kind: localFilter, config: config})
			case globalRateLimit:
				p.add(envoyPatch{kind: globalFilter, config: config})
			default:
				p.stop(config, "only "+localRateLimit+" and "+globalRateLimit+" can be executed, found "+quote(name))
			}
		})
	})
	if !found {
		p.stop(v, "expected a typed_config")
	}
}

func (p *patchReader) add(patch envoyPatch) {
	patch.path = slices.Clone(p.path)
	p.found = append(p.found, patch)
}

// The names of the messages that configure Envoy's filters.
const (
	localRateLimit  = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
	globalRateLimit = "envoy.extensions.filters.http.ratelimit.v3.RateLimit"
)

// typedConfig calls read for the name of a message and its contents, with the reader
// at the contents.
func (p *patchReader) typedConfig(v *value, read func(name string, config *value)) {
	if v.form != object {
		p.stop(v, "expected a map, found "+v.String())
		return
	}
	const typeKey = "@type"
	name := messageOf(p.text(v, typeKey))
	switch name {
	case "udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct":
		if !p.only(v, typeKey, "type_url", "value") {
			return
		}
		name = messageOf(p.text(v, "type_url"))
		found := false
		p.in(v, "value", func(e *value) {
			found = true
			read(name, e)
		})
		if !found && p.other == nil {
			read(name, &value{form: object, line: v.line, column: v.column})
		}
	default:
		contents := *v
		contents.keys, contents.elements = nil, nil
		for i, k := range v.keys {
			if k.name != typeKey {
				contents.keys, contents.elements = append(contents.keys, k), append(contents.elements, v.elements[i])
			}
		}
		read(name, &contents)
	}
}

// messageOf returns the name of a message in a type URL.
func messageOf(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// rules reads what a patch adds to a virtual host or to a route.
func (p *patchReader) rules(v *value, t limitTarget, known ...string) {
	if !p.only(v, known...) {
		return
	}
	actions := func(e *value) { p.add(envoyPatch{kind: limitActions, target: t, config: e}) }
	p.in(v, "rate_limits", actions)
	p.in(v, "route", func(e *value) {
		if !p.only(e, "rate_limits", "include_vh_rate_limits") {
			return
		}
		p.in(e, "rate_limits", actions)
		p.in(e, "include_vh_rate_limits", func(e *value) {
			switch include := e.form == boolean && truth(e.scalar); {
			case e.form != boolean:
				p.stop(e, "expected a boolean, found "+e.String())
			case include && (len(p.found) == 0 || p.found[len(p.found)-1].kind != limitActions):
				p.stop(e, "it can be executed only together with rate_limits")
			case include:
				p.found[len(p.found)-1].include = true
			}
		})
	})
	p.in(v, "typed_per_filter_config", func(e *value) {
		if e.form != object || len(e.flaws) > 0 {
			p.stop(e, "expected a map of filters")
			return
		}
		for i, k := range e.keys {
			p.path = append(p.path, step{name: k.name, form: keyStep})
			p.typedConfig(e.elements[i], func(name string, config *value) {
				if name != localRateLimit {
					p.stop(config, "only "+localRateLimit+" can be executed, found "+quote(name))
					return
				}
				p.add(envoyPatch{kind: localOverride, target: t, config: config})
			})
			p.path = p.path[:len(p.path)-1]
		}
	})
}
