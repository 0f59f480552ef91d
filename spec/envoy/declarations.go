package envoy

import (
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Namespace is the namespace of the VirtualServices that stand for virtual hosts.
const Namespace = "cluster"

// Declare returns the route configs as servers, and their virtual hosts as
// VirtualServices with the names of the virtual hosts.
func (d *Dump) Declare() (spec.Declarations, error) {
	var out spec.Declarations
	for i, c := range d.configs {
		out.Append(c.declare(d, i))
	}
	return out, nil
}

func (c *routeConfig) declare(d *Dump, index int) (out spec.Declarations) {
	server := spec.Server{
		Gateway: "http-" + strconv.Itoa(c.port), Namespace: Namespace, Port: c.port, PortName: "http", Protocol: "HTTP", Hosts: []string{"*"},
		Origin: spec.Origin{File: d.name, Kind: "RouteConfiguration", Name: c.name},
	}
	if c.tls {
		server.Gateway, server.Namespace, server.PortName, server.Protocol = c.gateway, c.space, c.portName, "HTTPS"
		server.TLS = &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "unknown"}
		// With an address of its own, no server is dropped for the hosts of another.
		server.Bind = "127.0." + strconv.Itoa(index/250) + "." + strconv.Itoa(index%250+1)
	}
	out.Servers = append(out.Servers, server)
	redirecting := server
	redirecting.Gateway += "-to-https"
	redirecting.Hosts, redirecting.TLS = nil, &spec.ServerTLS{HTTPSRedirect: true}
	for _, h := range c.hosts {
		gateway := server.Namespace + "/" + server.Gateway
		if h.redirect && !c.tls {
			gateway = redirecting.Namespace + "/" + redirecting.Gateway
			redirecting.Hosts = append(redirecting.Hosts, h.domains...)
		}
		for _, domain := range h.domains {
			if len(h.routes) == 0 && domain == "*" {
				continue // it answers 404, as no virtual host does
			}
			routes := h.routes
			if len(routes) == 0 {
				// No path begins otherwise than with a slash. So the host is there, and
				// answers 404.
				routes = []spec.Route{{Match: []spec.Match{{URI: spec.Exact("-")}}, DirectResponse: &spec.DirectResponse{Status: 404}}}
			}
			out.VirtualServices = append(out.VirtualServices, spec.VirtualService{
				Name: h.name, Namespace: Namespace, Hosts: []string{domain}, Gateways: []string{gateway}, Routes: routes,
				Origin: spec.Origin{File: d.name, Kind: "VirtualHost", Name: c.name + " " + h.name},
			})
		}
	}
	if len(redirecting.Hosts) > 0 {
		out.Servers = append(out.Servers, redirecting)
	}
	return out
}

// GiveUp notes that routes which a Build refuses are not understood, so that the next
// Declare leaves them out. It reports whether there are such routes among the errors.
func (d *Dump) GiveUp(errs []*spec.Error) bool {
	given := false
	for _, e := range errs {
		path, _, _ := strings.Cut(e.Field, ".")
		for _, c := range d.configs {
			for _, h := range c.hosts {
				for i := range h.routes {
					r := &h.routes[i]
					key := routeKey{r.Origin.Name, r.Origin.Path}
					if e.Kind == kind && e.Name == key.name && path == key.path && d.unknown[key] == "" {
						d.unknown[key] = e.Problem
						*r = unknownRoute(*r)
						if strings.Contains(e.Field, ".match") {
							r.Match = nil // as far as is known, it takes all requests
						}
						given = true
					}
				}
			}
		}
	}
	return given
}
