package istio

import (
	"time"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// translate reads the spec of a resource and adds what it declares. The reader
// is at the spec.
//
// What has gaps is left out, so that the gateway does not complain about what
// the text is to blame for: of a VirtualService the routes and of a Gateway the
// servers concerned, and of all other kinds the resource.
func (l *loader) translate(entry *kindEntry, r *reader, v *value, created time.Time) {
	if entry.spec == nil {
		policy := r.rateLimitPolicy(v)
		policy.Created = created
		if !r.isBroken() {
			l.declared.RateLimits = append(l.declared.RateLimits, policy)
		}
		return
	}
	m := entry.spec()
	r.message(v, m.ProtoReflect())
	switch m := m.(type) {
	case *networking.Gateway:
		servers := r.servers(m, created)
		broken, elsewhere := r.breaks("spec.servers")
		if elsewhere {
			return
		}
		for i, s := range servers {
			if !broken[i] {
				l.declared.Servers = append(l.declared.Servers, s)
			}
		}
	case *networking.VirtualService:
		vs := r.virtualService(m)
		vs.Created = created
		broken, elsewhere := r.breaks("spec.http")
		if elsewhere || len(r.errors) > 0 && len(broken) >= len(vs.Routes) {
			return
		}
		if len(broken) > 0 {
			sound := make([]spec.Route, 0, len(vs.Routes))
			for i, route := range vs.Routes {
				if !broken[i] {
					sound = append(sound, route)
				}
			}
			vs.Routes = sound
		}
		l.declared.VirtualServices = append(l.declared.VirtualServices, vs)
	case *networking.DestinationRule:
		rule := r.destinationRule(m)
		rule.Created = created
		if !r.isBroken() {
			l.declared.DestinationRules = append(l.declared.DestinationRules, rule)
		}
	case *networking.ServiceEntry:
		r.serviceAddresses(m, v)
		service := r.service(m)
		service.Created = created
		if !r.isBroken() {
			l.declared.Services = append(l.declared.Services, service)
		}
	case *networking.WorkloadEntry:
		entry := r.workloadEntry(m)
		if !r.isBroken() {
			l.declared.WorkloadEntries = append(l.declared.WorkloadEntries, entry)
		}
	}
}

// below returns the origin of a part of the resource.
func (r *reader) below(path string) spec.Origin {
	o := r.origin
	o.Path = path
	if line, column, ok := o.Fields.Locate(path); ok {
		o.Line, o.Column = line, column
	}
	return o
}
