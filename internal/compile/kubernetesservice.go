package compile

import (
	"cmp"

	"github.com/lateengo/gateway/internal/resource"
)

// followAlias replaces a service that is another name of a host by the service with that
// host, as istiod does, unless it has a backend of its own. Without such a service, the
// host is looked up. As in istiod, the port is chosen before. It reports whether the
// service was replaced.
func (c *Compiler) followAlias(r *resolved, namespace string) bool {
	if r.service == nil || r.service.alias() == "" {
		return false
	}
	if c.backends.Find(r.Host, r.written.Host, int(r.Port), r.Subset) != nil {
		return false
	}
	host := r.service.alias()
	to := c.services.Find(host, namespace)
	if to == nil || to.alias() != "" {
		return false
	}
	c.useService(host, to)
	r.Host, r.service = host, to
	return true
}

// warnOfService warns once of a Service of Kubernetes whose requests get 503 because of
// its endpoints, or that istiod does not serve.
func (c *Compiler) warnOfService(h *hostService) {
	s := h.parts[0].Service
	if !s.Kubernetes || c.toldOf[h] {
		return
	}
	if c.toldOf == nil {
		c.toldOf = make(map[*hostService]bool)
	}
	c.toldOf[h] = true
	o := named(s.Origin, "Service", s.Namespace, s.Name)
	if !o.Go {
		o.Path = ""
	}
	at := c.At(o)
	endpoints := 0
	for _, part := range h.parts {
		endpoints += len(part.endpoints)
	}
	switch {
	case s.Alias != "":
		c.At(s.Origin).Field("externalName").Warnf("", "no ServiceEntry and no Service has the host %s: its name is looked up, but Istio answers 503", s.Alias)
	case h.needsBackend():
		name := c.backendNameOf(s.Hosts[0])
		port := 80
		if len(s.Ports) > 0 {
			port = cmp.Or(s.Ports[0].TargetPort, s.Ports[0].Number)
		}
		at.Warnf("", "has no endpoints here, so requests get 503: it needs a backend, such as --backend %s=http://127.0.0.1:%d, or Builder.Backend(%q, …)", name, port, name)
	case endpoints == 0:
		at.Warnf("", "none of its endpoints is ready: requests get 503")
	}
}

// backendNameOf returns the shortest name that a backend for a host may have.
func (c *Compiler) backendNameOf(host string) string {
	if short := resource.ShortName(host); resource.FullHost(short, c.O.Namespace) == host {
		return short
	}
	return host
}
