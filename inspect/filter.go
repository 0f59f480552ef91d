package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Filter selects routes of a Table. Empty fields select all.
type Filter struct {
	// Host is a host name: of each route config, the virtual host that serves it. A
	// domain with a "*" selects the virtual host of that name.
	Host string
	// Path is a path; a query does not count: the routes whose condition on the path holds for
	// it. Their other conditions do not count.
	Path string
	// Destination is a host, in full or its first labels, a host and port, or the name
	// of a cluster: the routes that send requests or copies to it.
	Destination string
	// Resource is "name", "namespace/name" or "kind/namespace/name": the routes that
	// come from a VirtualService, or use a policy, a DestinationRule or a Gateway.
	Resource string
}

// Filtered returns the routes of the table that the filter selects. The routes keep their
// numbers. Listeners, route configs and virtual hosts without any are left out, unless the
// filter is zero.
func (t Table) Filtered(f Filter) (Table, error) {
	if f == (Filter{}) {
		return t, nil
	}
	f.Path, _, _ = strings.Cut(f.Path, "?")
	kind, namespace, name, err := splitResource(f.Resource)
	if err != nil {
		return Table{}, err
	}
	out := Table{Listeners: []Listener{}}
	for _, l := range t.Listeners {
		configs := l.RouteConfigs
		l.RouteConfigs = nil
		for _, c := range configs {
			gateway := f.Resource != "" && (kind == "" || strings.EqualFold(kind, "Gateway")) && slices.ContainsFunc(c.Gateways, func(g string) bool {
				ns, n, _ := strings.Cut(g, "/")
				return n == name && (namespace == "" || ns == namespace)
			})
			hosts, domain := c.VirtualHosts, ""
			if f.Host != "" {
				domain = domainFor(f.Host, hosts)
			}
			c.VirtualHosts = nil
			for _, h := range hosts {
				if f.Host != "" && h.Domain != domain {
					continue
				}
				routes := h.Routes
				h.Routes = []Route{}
				for _, r := range routes {
					if f.Path != "" && !r.Conditions[0].holdsFor(f.Path) || f.Destination != "" && !r.leadsTo(f.Destination) ||
						f.Resource != "" && !gateway && !r.isOf(kind, namespace, name) {
						continue
					}
					h.Routes = append(h.Routes, r)
				}
				if len(h.Routes) > 0 || len(routes) == 0 && f.Path == "" && f.Destination == "" && (f.Resource == "" || gateway) {
					c.VirtualHosts = append(c.VirtualHosts, h)
				}
			}
			if len(c.VirtualHosts) > 0 {
				l.RouteConfigs = append(l.RouteConfigs, c)
			}
		}
		if len(l.RouteConfigs) > 0 {
			out.Listeners = append(out.Listeners, l)
		}
	}
	return out, nil
}

// splitResource splits "kind/namespace/name".
func splitResource(text string) (kind, namespace, name string, err error) {
	parts := strings.Split(text, "/")
	if len(parts) > 3 || text != "" && slices.Contains(parts, "") {
		return "", "", "", fmt.Errorf("resource %q: NAME, NAMESPACE/NAME or KIND/NAMESPACE/NAME is expected", text)
	}
	name = parts[len(parts)-1]
	if len(parts) > 1 {
		namespace = parts[len(parts)-2]
	}
	if len(parts) > 2 {
		kind = parts[0]
	}
	return kind, namespace, name, nil
}

// domainFor returns the domain of the virtual host that serves a host, or "".
func domainFor(host string, hosts []VirtualHost) string {
	host = strings.ToLower(host)
	best := ""
	for i := range hosts {
		d := hosts[i].Domain
		suffix, wildcard := strings.CutPrefix(d, "*")
		switch {
		case d == host:
			return d
		case strings.HasPrefix(host, "*"):
		case wildcard && (d == "*" || len(host) > len(suffix) && strings.HasSuffix(host, suffix)) && len(d) > len(best):
			best = d
		}
	}
	return best
}

// holdsFor reports whether a condition on the path holds for a path.
func (c *Condition) holdsFor(path string) bool {
	value := c.Value
	if c.IgnoreCase {
		value, path = strings.ToLower(value), strings.ToLower(path)
	}
	switch c.Kind {
	case "exact":
		return path == value
	case "prefix":
		return strings.HasPrefix(path, value)
	}
	re, err := regexp.Compile(`\A(?:` + value + `)\z`)
	return err == nil && re.MatchString(path)
}

// leadsTo reports whether the route sends requests or copies to a destination.
func (r *Route) leadsTo(name string) bool {
	for i := range r.Destinations {
		if isCluster(r.Destinations[i].Cluster, name) {
			return true
		}
	}
	for i := range r.Mirrors {
		if isCluster(r.Mirrors[i].Cluster, name) {
			return true
		}
	}
	return false
}

// isCluster reports whether a name is that of a cluster, of its host, or of its host and
// port.
func isCluster(cluster, name string) bool {
	parts := strings.SplitN(cluster, "|", 4)
	if cluster == name || len(parts) < 4 {
		return cluster == name
	}
	host, port := parts[3], parts[1]
	if name, at, ok := strings.Cut(name, ":"); ok {
		return at == port && isHost(host, name)
	}
	return isHost(host, name)
}

func isHost(host, name string) bool {
	rest, ok := strings.CutPrefix(host, name)
	return ok && (rest == "" || rest[0] == '.')
}

// isOf reports whether the route comes from a resource, or uses it.
func (r *Route) isOf(kind, namespace, name string) bool {
	is := func(k, ns, n string) bool {
		return n == name && (namespace == "" || ns == namespace) && (kind == "" || strings.EqualFold(k, kind))
	}
	for _, vs := range []string{r.VirtualService, r.Delegate} {
		if ns, n, ok := strings.Cut(vs, "/"); ok && is("VirtualService", ns, n) {
			return true
		}
	}
	places := []Place{r.Place}
	for i := range r.Limits {
		places = append(places, r.Limits[i].Place)
	}
	for i := range r.Destinations {
		places = append(places, r.Destinations[i].PolicyPlace)
	}
	return slices.ContainsFunc(places, func(p Place) bool {
		return p.origin != nil && is(p.origin.Kind, p.origin.Namespace, p.origin.Name)
	})
}
