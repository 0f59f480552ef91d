package compile

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A boundServer is a Server that the workload has.
type boundServer struct {
	*spec.Server
	name     resource.Name
	implicit bool
}

// servers returns the servers that the workload's labels select, in the order in
// which Istio merges them, without those that it drops (mergeGateways).
//
// Servers that do not carry HTTP are among them: they can make Istio drop others,
// and their names are theirs.
func (c *Compiler) servers() []*boundServer {
	var out []*boundServer
	for i := range c.D.Servers {
		s := &c.D.Servers[i]
		if !c.O.Workload.SelectedBy(s.Selector) {
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
			// Of several servers for bytes, or for bytes and HTTP, the first is kept.
			first := plain[key]
			if first == nil {
				plain[key] = s
			} else if !resource.ServesHTTP(s.Server) || !resource.ServesHTTP(first.Server) {
				continue
			}
		}
		// Servers with a tls block may share a port while no host repeats.
		if s.TLS != nil {
			key := itoa(s.Port) + " " + s.Bind + " "
			names := hosts.Sanitized(s.Hosts, s.name.Namespace)
			for _, h := range names {
				if taken[key+h] {
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
