package istio

import (
	"time"

	"github.com/lateengo/gateway/spec"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1alpha3"
	telemetry "istio.io/api/telemetry/v1alpha1"
)

// translate reads the spec of a resource and adds its declarations. The reader is
// at the spec.
//
// A resource with unreadable fields is incomplete: the rest is checked, and it is
// never served.
func (l *loader) translate(entry *kindEntry, r *reader, v *value, created time.Time) {
	var d spec.Declarations
	switch m := r.contents(entry, v).(type) {
	case nil:
		if entry.name == "EnvoyFilter" {
			l.envoyFilter(r, v, created)
			return
		}
		policy := r.limits(entry, v)
		policy.Created = created
		d.RateLimits = append(d.RateLimits, policy)
	case *networking.Gateway:
		d.Servers = r.servers(m, created)
	case *networking.VirtualService:
		vs := r.virtualService(m)
		vs.Created = created
		if len(vs.Routes) == 0 && (v.at("tcp") != nil || v.at("tls") != nil) {
			return // a warning says that it is not served
		}
		d.VirtualServices = append(d.VirtualServices, vs)
	case *networking.DestinationRule:
		rule := r.destinationRule(m)
		rule.Created = created
		d.DestinationRules = append(d.DestinationRules, rule)
	case *networking.ServiceEntry:
		r.serviceAddresses(m, v)
		service := r.service(m)
		service.Created = created
		d.Services = append(d.Services, service)
	case *telemetry.Telemetry:
		t := r.telemetry(m)
		t.Created = created
		d.Telemetries = append(d.Telemetries, t)
	case *networking.WorkloadEntry:
		d.WorkloadEntries = append(d.WorkloadEntries, r.workloadEntry(m))
	}
	if r.isBroken() {
		l.declared.Append(spec.Declarations{Incomplete: &d})
	} else {
		l.declared.Append(d)
	}
}

// limits reads the spec of a RateLimitConfig.
func (r *reader) limits(entry *kindEntry, v *value) spec.RateLimitPolicy {
	if entry.group == soloGroup {
		return r.soloPolicy(v)
	}
	return r.rateLimitPolicy(v)
}

// contents reads the spec of a resource into the message of its kind. It is nil for
// a kind that is read without a message.
func (r *reader) contents(entry *kindEntry, v *value) proto.Message {
	if entry.spec == nil {
		return nil
	}
	m := entry.spec()
	r.message(v, m.ProtoReflect())
	return m
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
