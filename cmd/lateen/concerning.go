package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// concerning returns the warnings that concern the request of a decision: those
// about its route and VirtualService, about what its destinations are, and about the
// servers of its port.
func (c *configuration) concerning(d *gateway.Decision, warnings []spec.Warning) []spec.Warning {
	var out []spec.Warning
	for _, w := range warnings {
		concerns := false
		switch w.Kind {
		case "VirtualService":
			concerns = concernsRoute(d.Route, &w)
		case "DestinationRule":
			concerns = c.concernsRule(d, &w)
		case "ServiceEntry", "Service":
			concerns = c.concernsService(d, &w)
		case "Gateway":
			concerns = c.concernsServer(d, &w)
		}
		if concerns {
			out = append(out, w)
		}
	}
	return out
}

// concernsRoute reports whether a warning is about a route, or about its
// VirtualService and none of its other routes.
func concernsRoute(r *gateway.DecidedRoute, w *spec.Warning) bool {
	if r == nil {
		return false
	}
	name := w.Namespace + "/" + w.Name
	own := name == r.Origin.Namespace+"/"+r.Origin.Name
	if !strings.HasPrefix(w.Field, "spec.http[") {
		return own || name == r.VirtualService
	}
	return own && within(w.Field, r.Origin.Path)
}

// within reports whether a field is another one, or a part of it.
func within(field, other string) bool {
	rest, ok := strings.CutPrefix(field, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// concernsRule reports whether a warning is about a DestinationRule that is for one
// of the destinations.
func (c *configuration) concernsRule(d *gateway.Decision, w *spec.Warning) bool {
	for i := range c.declared.DestinationRules {
		rule := &c.declared.DestinationRules[i]
		if rule.Name != w.Name || rule.Namespace != w.Namespace {
			continue
		}
		for j := range d.Destinations {
			to := &d.Destinations[j]
			subset := slices.IndexFunc(rule.Subsets, func(s spec.Subset) bool { return s.Name == to.Subset })
			if covers(rule.Host, rule.Namespace, to.Host) &&
				(!strings.HasPrefix(w.Field, "spec.subsets[") || within(w.Field, "spec.subsets["+strconv.Itoa(subset)+"]")) {
				return true
			}
		}
	}
	return false
}

// concernsService reports whether a warning is about the ServiceEntry or the Service of
// one of the destinations.
func (c *configuration) concernsService(d *gateway.Decision, w *spec.Warning) bool {
	return slices.ContainsFunc(c.declared.Services, func(s spec.Service) bool {
		return s.Name == w.Name && s.Namespace == w.Namespace && slices.ContainsFunc(s.Hosts, func(host string) bool {
			return slices.ContainsFunc(d.Destinations, func(to gateway.DecidedDestination) bool { return covers(host, s.Namespace, to.Host) })
		})
	})
}

// covers reports whether a host that a resource names is a destination's, or a
// wildcard for it.
func covers(written, namespace, host string) bool {
	if suffix, ok := strings.CutPrefix(written, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return resource.FullHost(written, namespace) == host
}

// concernsServer reports whether a warning is about a Gateway that has the port of
// the decision, and none of its servers at other ports.
func (c *configuration) concernsServer(d *gateway.Decision, w *spec.Warning) bool {
	port, err := strconv.Atoi(d.Listener[strings.LastIndexByte(d.Listener, '_')+1:])
	return err == nil && slices.ContainsFunc(c.declared.Servers, func(s spec.Server) bool {
		return s.Gateway == w.Name && s.Namespace == w.Namespace && s.Port == port &&
			(!strings.HasPrefix(w.Field, "spec.servers[") || within(w.Field, s.Origin.Path))
	})
}
