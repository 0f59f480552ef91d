package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A boundServer is a Server that belongs to the workload.
type boundServer struct {
	*spec.Server
	name     resource.Name
	implicit bool
	// virtualHost is the name of the virtual host that the routes are for, if it has
	// rate limits of its own.
	virtualHost string
}

// servers returns the servers that the workload's labels select, in the order in
// which Istio merges them, without those that Istio drops (mergeGateways).
//
// It includes servers without HTTP: they can make Istio drop others, and they keep
// their names.
func (c *Compiler) servers() []*boundServer {
	var out []*boundServer
	for i := range c.D.Servers {
		s := &c.D.Servers[i]
		if !c.O.Workload.SelectedBy(s.Selector) {
			c.gatewayPlace(s).Field("selector").Warnf("", "it does not select the labels of this gateway, %s: the Gateway is not served", labelText(c.O.Workload.Labels))
			c.usage.servers[s] = true // already reported
			continue
		}
		out = append(out, &boundServer{Server: s, name: resource.Name{Namespace: cmp.Or(s.Namespace, c.O.Namespace), Name: s.Gateway}})
	}
	slices.SortStableFunc(out, func(a, b *boundServer) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.name.Name, b.name.Name), cmp.Compare(a.name.Namespace, b.name.Namespace))
	})
	taken := map[string]bool{}
	plain := map[string]*boundServer{}
	kept := out[:0]
next:
	for _, s := range out {
		if key := itoa(s.Port) + " " + s.Bind; !resource.IsSecure(s.Server) {
			// Of several servers for bytes, or for bytes and HTTP, the first is
			// kept.
			first := plain[key]
			if first == nil {
				plain[key] = s
			} else if !resource.ServesHTTP(s.Server) || !resource.ServesHTTP(first.Server) {
				c.usage.passOver(s.Server, "port", "the server is dropped: port %d has another protocol for another server", s.Port)
				continue
			}
		}
		// Servers with a tls block may share a port if no host repeats.
		if s.TLS != nil {
			key := itoa(s.Port) + " " + s.Bind + " "
			names := hosts.Sanitized(s.Hosts, s.name.Namespace)
			for _, h := range names {
				if taken[key+h] {
					c.usage.passOver(s.Server, "hosts", "the server is dropped: another server on port %d has the host %s", s.Port, h)
					continue next
				}
			}
			for _, h := range names {
				taken[key+h] = true
			}
		}
		kept = append(kept, s)
	}
	return kept
}

// severalWorkloads warns of Gateways that select different workloads but are served
// together, because the labels of this gateway are not known.
func (c *Compiler) severalWorkloads() {
	if len(c.O.Workload.Labels) > 0 {
		return
	}
	first := ""
	var firstName resource.Name
	for i := range c.D.Servers {
		s := &c.D.Servers[i]
		if len(s.Selector) == 0 {
			continue
		}
		name := resource.Name{Namespace: cmp.Or(s.Namespace, c.O.Namespace), Name: s.Gateway}
		switch selector := labelText(s.Selector); {
		case first == "":
			first, firstName = selector, name
		case selector != first:
			c.gatewayPlace(s).Field("selector").Warnf("", "it selects %s, and Gateway %s selects %s: Istio serves them by different workloads, and Lateen by one. Set the labels of the workload to choose one of them", selector, firstName, first)
		}
	}
}

// labelText returns labels as "key=value,key=value".
func labelText(labels map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, key+"="+labels[key])
	}
	return strings.Join(parts, ",")
}
