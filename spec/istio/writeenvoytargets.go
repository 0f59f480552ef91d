package istio

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// An envoyPlace is what a policy limits: parts of the gateways of a scope.
type envoyPlace struct {
	scope
	targets []limitTarget
}

// places returns what a policy limits, in Envoy's words. Gateways are found by the labels
// that their Gateways select, in any namespace.
func (w *writer) places(doc *written, p *spec.RateLimitPolicy) []envoyPlace {
	if len(p.Targets) == 0 && len(p.VirtualHosts) == 0 {
		return []envoyPlace{{scope{doc.namespace, p.Selector}, []limitTarget{{}}}}
	}
	var out []envoyPlace
	add := func(labels map[string]string, t limitTarget) {
		if len(labels) == 0 {
			labels = nil
		}
		for i := range out {
			if labelsText(out[i].labels) == labelsText(labels) {
				if !slices.Contains(out[i].targets, t) {
					out[i].targets = append(out[i].targets, t)
				}
				return
			}
		}
		out = append(out, envoyPlace{scope{rootNamespace, labels}, []limitTarget{t}})
	}
	for _, host := range p.VirtualHosts {
		add(p.Selector, limitTarget{level: virtualHost, host: host})
	}
	for i := range p.Targets {
		t, path := &p.Targets[i], fmt.Sprintf("spec.targetRefs[%d]", i)
		before := len(out)
		switch {
		case t.Kind == "VirtualService" && t.Name == "":
			add(p.Selector, limitTarget{routes, t.VirtualHost, t.SectionName})
		case t.Kind == "VirtualService":
			w.placesOfService(doc, path, t, add)
		default:
			w.placesOfGateway(doc, path, t, add)
		}
		if len(out) == before && before == 0 {
			w.lost(doc, path, "nothing is served there: there is no part of Envoy's configuration to limit")
		}
	}
	return out
}

func labelsText(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	return string(appendYAML(nil, textsValue(labels), 0, true))
}

// eachHost calls f for each virtual host of a VirtualService.
func (w *writer) eachHost(vs *spec.VirtualService, f func(s *spec.Server, host string)) {
	namespace := cmp.Or(vs.Namespace, w.options.Namespace)
	var full []string
	for _, host := range vs.Hosts {
		full = append(full, resource.FullName(host, namespace))
	}
	for i := range w.declared.Servers {
		s := &w.declared.Servers[i]
		g := w.gatewayOf(s)
		if !slices.ContainsFunc(vs.Gateways, func(name string) bool {
			return name == "*" || resource.GatewayNamed(name, namespace) == resource.Name{Namespace: g.namespace, Name: g.name}
		}) {
			continue
		}
		for _, domain := range hosts.Intersect(hosts.ForNamespace(s.Hosts, g.namespace, namespace), full) {
			f(s, strings.ToLower(domain)+":"+strconv.Itoa(s.Port))
		}
	}
}

// placesOfService adds the virtual hosts of a VirtualService, or its routes with a name.
func (w *writer) placesOfService(doc *written, path string, t *spec.TargetRef, add func(map[string]string, limitTarget)) {
	i := slices.IndexFunc(w.virtualServices, func(vs *written) bool { return vs.namespace == doc.namespace && vs.name == t.Name })
	if i < 0 {
		return
	}
	vs := &w.declared.VirtualServices[i]
	if len(vs.Hosts) == 0 {
		w.lost(doc, path, "the VirtualService is a delegate, whose routes Envoy has under the names of others")
		return
	}
	if t.SectionName != "" {
		for j := range vs.Routes {
			r := &vs.Routes[j]
			if routeName(vs, j) == t.SectionName && slices.ContainsFunc(r.Match, func(m spec.Match) bool { return m.Name != "" }) {
				w.lost(doc, path+".sectionName", "the matches of the route have names, which are parts of its name in Envoy")
			}
		}
		w.eachHost(vs, func(s *spec.Server, host string) { add(s.Selector, limitTarget{routes, host, t.SectionName}) })
		return
	}
	w.eachHost(vs, func(s *spec.Server, host string) {
		for k := range w.declared.VirtualServices {
			if k == i {
				continue
			}
			w.eachHost(&w.declared.VirtualServices[k], func(_ *spec.Server, other string) {
				if other == host {
					w.lost(doc, path, fmt.Sprintf("VirtualService %s has the virtual host %s too, and Envoy would limit both: name the routes, and use sectionName", w.virtualServices[k].name, host))
				}
			})
		}
		add(s.Selector, limitTarget{level: virtualHost, host: host})
	})
}

// placesOfGateway adds all of a Gateway if no other one has its labels, and otherwise its
// virtual hosts.
func (w *writer) placesOfGateway(doc *written, path string, t *spec.TargetRef, add func(map[string]string, limitTarget)) {
	g := gatewayName{doc.namespace, t.Name}
	own := func(s *spec.Server) bool {
		return w.gatewayOf(s) == g && (t.SectionName == "" || s.PortName == t.SectionName)
	}
	alone, found := true, false
	var labels map[string]string
	for i := range w.declared.Servers {
		if s := &w.declared.Servers[i]; own(s) {
			found, labels = true, s.Selector
		}
	}
	for i := range w.declared.Servers {
		s := &w.declared.Servers[i]
		alone = alone && (own(s) || len(labels) > 0 && labelsText(s.Selector) != labelsText(labels))
	}
	switch {
	case !found:
	case alone:
		add(labels, limitTarget{})
	default:
		for i := range w.declared.VirtualServices {
			w.eachHost(&w.declared.VirtualServices[i], func(s *spec.Server, host string) {
				if own(s) {
					add(s.Selector, limitTarget{level: virtualHost, host: host})
				}
			})
		}
	}
}
