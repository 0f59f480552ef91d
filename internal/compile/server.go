package compile

import (
	"cmp"
	"slices"
	"strings"

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
func (c *Compiler) servers() []*boundServer {
	var out []*boundServer
	for i := range c.D.Servers {
		s := &c.D.Servers[i]
		if !c.O.Workload.SelectedBy(s.Selector) || !servesHTTP(s) {
			continue
		}
		out = append(out, &boundServer{Server: s, name: resource.Name{Namespace: cmp.Or(s.Namespace, c.O.Namespace), Name: s.Gateway}})
	}
	slices.SortStableFunc(out, func(a, b *boundServer) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.name.Name, b.name.Name), cmp.Compare(a.name.Namespace, b.name.Namespace))
	})
	taken := map[string]bool{}
	kept := out[:0]
next:
	for _, s := range out {
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

// servesHTTP reports whether a server's connections carry HTTP that we see.
func servesHTTP(s *spec.Server) bool {
	switch strings.ToUpper(string(s.Protocol)) {
	case "", "HTTP", "HTTP2", "GRPC", "GRPC-WEB":
		return true
	case "HTTPS":
		return s.TLS != nil && s.TLS.Mode != spec.TLSUnset && s.TLS.Mode != spec.TLSPassthrough && s.TLS.Mode != spec.TLSAutoPassthrough
	}
	return false
}
