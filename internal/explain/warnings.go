package explain

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// concerning finds the warnings that concern the request: those about its route and
// VirtualService, about its rate limits, about what its destinations are, and about the
// servers of its port.
func (x *explainer) concerning() {
	d := x.program.Declarations
	if d == nil {
		return
	}
	c := concern{x, d}
	for _, w := range x.program.Warnings {
		concerns := false
		switch w.Kind {
		case "VirtualService", "Route":
			concerns = c.route(&w)
		case "DestinationRule":
			concerns = c.rule(&w)
		case "ServiceEntry", "Service":
			concerns = c.service(&w)
		case "Gateway", "Server":
			concerns = c.server(&w)
		default:
			concerns = c.limit(&w)
		}
		if concerns {
			x.Warnings = append(x.Warnings, w)
		}
	}
}

// A concern finds whether a warning concerns a request.
type concern struct {
	*explainer
	declared *spec.Declarations
}

// route reports whether a warning is about the route, or about its VirtualService and none
// of its other routes.
func (c concern) route(w *spec.Warning) bool {
	r := c.Decision.Route
	if r == nil {
		return false
	}
	if r.Origin.Kind == "Route" {
		// A route of Builder.Route: its line identifies it.
		return w.Kind == "Route" && w.File == r.Origin.File && w.Line == r.Origin.Line
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

// rule reports whether a warning is about a DestinationRule that is for one of the
// destinations.
func (c concern) rule(w *spec.Warning) bool {
	for i := range c.declared.DestinationRules {
		rule := &c.declared.DestinationRules[i]
		if rule.Name != w.Name || rule.Namespace != w.Namespace {
			continue
		}
		for j := range c.Decision.Destinations {
			to := &c.Decision.Destinations[j]
			subset := slices.IndexFunc(rule.Subsets, func(s spec.Subset) bool { return s.Name == to.Subset })
			if covers(rule.Host, rule.Namespace, to.Host) &&
				(!strings.HasPrefix(w.Field, "spec.subsets[") || within(w.Field, "spec.subsets["+strconv.Itoa(subset)+"]")) {
				return true
			}
		}
	}
	return false
}

// service reports whether a warning is about the ServiceEntry or the Service of one of the
// destinations.
func (c concern) service(w *spec.Warning) bool {
	return slices.ContainsFunc(c.declared.Services, func(s spec.Service) bool {
		return s.Name == w.Name && s.Namespace == w.Namespace && slices.ContainsFunc(s.Hosts, func(host string) bool {
			return slices.ContainsFunc(c.Decision.Destinations, func(to inspect.DecidedDestination) bool { return covers(host, s.Namespace, to.Host) })
		})
	})
}

// covers reports whether a host that a resource names is a destination's, or a wildcard for
// it.
func covers(written, namespace, host string) bool {
	if suffix, ok := strings.CutPrefix(written, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return resource.FullHost(written, namespace) == host
}

// server reports whether a warning is about a Gateway that has the port of the decision,
// and none of its servers at other ports.
func (c concern) server(w *spec.Warning) bool {
	listener := c.Decision.Listener
	port, err := strconv.Atoi(listener[strings.LastIndexByte(listener, '_')+1:])
	return err == nil && slices.ContainsFunc(c.declared.Servers, func(s spec.Server) bool {
		return s.Gateway == w.Name && s.Namespace == w.Namespace && s.Port == port &&
			(!strings.HasPrefix(w.Field, "spec.servers[") || within(w.Field, s.Origin.Path))
	})
}

// limit reports whether a warning is about the policy of one of the route's limits.
func (c concern) limit(w *spec.Warning) bool {
	if c.clause == nil {
		return false
	}
	for _, l := range c.clause.Route.Limits.All() {
		if o := l.Origin; o != nil && w.Kind == o.Kind && w.Name == o.Name && w.Namespace == o.Namespace && w.File == o.File && o.Kind != "" {
			return true
		}
	}
	return false
}
