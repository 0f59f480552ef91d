// Package validate reports all problems in declarations at once, as errors or as
// warnings. Package compile accepts only declarations without errors.
package validate

import (
	"cmp"
	"strconv"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// Options are the settings of the builder that validation needs.
type Options struct {
	// DefaultNamespace is the namespace of declarations without one.
	DefaultNamespace string
	Semantics        semantics.Mode
	// TrustedProxies is the number of proxies in front whose X-Forwarded-For is
	// trusted.
	TrustedProxies int
	// Workload is the gateway as a workload in a cluster.
	Workload resource.Workload
	// Regexes caches the compiled expressions. It may be nil.
	Regexes regex.Cache
	// Checked reports whether a VirtualService was validated before, without a finding,
	// among the same declarations of other kinds. It may be nil.
	Checked func(*spec.VirtualService) bool
	// Valid is called for each VirtualService without a finding. It may be nil.
	Valid func(*spec.VirtualService)
}

// All reports all problems in the declarations. Errors are what Istio's webhook
// refuses, what only Envoy refuses, and what cannot be executed. Warnings are
// accepted declarations that cannot work, or that mean something else than they
// seem to.
//
// Its cost is near-linear in the size of the declarations: no check compares
// declarations in pairs.
func All(d *spec.Declarations, o Options, f *findings.List) {
	if o.Regexes == nil {
		o.Regexes = regex.Cache{}
	}
	v := &validator{Options: o, findings: f, declarations: d}
	v.indexGateways()
	v.indexVirtualServices()
	v.indexSubsets()
	v.indexServices()
	v.indexDestinations()
	v.workloads = resource.NewWorkloads(d.WorkloadEntries, o.DefaultNamespace)
	v.selectedBySome = make(map[*spec.WorkloadEntry]bool)

	v.duplicates()
	v.servers()
	v.virtualServices()
	v.services()
	v.destinationRules()
	v.rateLimitPolicies()
	v.telemetries()
	v.unexecutedPolicies()
}

// A validator is one run of All.
type validator struct {
	Options
	findings     *findings.List
	declarations *spec.Declarations

	gateways map[resource.Name]*gatewayIndex
	// everyGateway combines all gateways, for the reference "*".
	everyGateway gatewayIndex
	// byName has the VirtualServices by name.
	byName map[resource.Name]*spec.VirtualService
	// delegated has the VirtualServices that some route delegates to.
	delegated map[resource.Name]bool
	subsets   subsetIndex
	// portsOf has the port numbers of each declared host.
	portsOf map[string][]int
	// servicesOf has the services of each declared host, after the first lookup.
	servicesOf map[string][]*spec.Service
	workloads  resource.Workloads
	// selectedBySome has the WorkloadEntries that a service selects.
	selectedBySome map[*spec.WorkloadEntry]bool
	// encryptors has the DestinationRules of each host, after the first lookup.
	encryptors *hosts.Table[*[]*spec.DestinationRule]
	// destinations are the full hosts of all destinations and mirrors of routes.
	destinations map[string]bool
	// reach is reused for all VirtualServices.
	reach reach
}

// named returns the identity of a declaration, with the default namespace if it has
// none.
func (v *validator) named(namespace, name string) resource.Name {
	return resource.Name{Namespace: cmp.Or(namespace, v.DefaultNamespace), Name: name}
}

// duplicates reports resources that are declared twice.
func (v *validator) duplicates() {
	d := v.declarations
	once(v, len(d.VirtualServices), "VirtualService", func(i int) (*spec.Origin, string, string, string) {
		vs := &d.VirtualServices[i]
		return &vs.Origin, vs.Namespace, vs.Name, ""
	})
	once(v, len(d.Services), "ServiceEntry", func(i int) (*spec.Origin, string, string, string) {
		s := &d.Services[i]
		if s.Kubernetes {
			// Several sources may know the Services of a cluster.
			return &s.Origin, "", "", ""
		}
		return &s.Origin, s.Namespace, s.Name, ""
	})
	once(v, len(d.WorkloadEntries), "WorkloadEntry", func(i int) (*spec.Origin, string, string, string) {
		w := &d.WorkloadEntries[i]
		return &w.Origin, w.Namespace, w.Name, ""
	})
	once(v, len(d.DestinationRules), "DestinationRule", func(i int) (*spec.Origin, string, string, string) {
		r := &d.DestinationRules[i]
		return &r.Origin, r.Namespace, r.Name, ""
	})
	once(v, len(d.RateLimits), "RateLimitConfig", func(i int) (*spec.Origin, string, string, string) {
		p := &d.RateLimits[i]
		return &p.Origin, p.Namespace, p.Name, ""
	})
	once(v, len(d.Telemetries), "Telemetry", func(i int) (*spec.Origin, string, string, string) {
		t := &d.Telemetries[i]
		return &t.Origin, t.Namespace, t.Name, ""
	})
	// A Gateway consists of its servers. Two resources of one name both have a
	// spec.servers[0]. Servers in Go have no path and are added to the Gateway that
	// they name.
	once(v, len(d.Servers), "Gateway", func(i int) (*spec.Origin, string, string, string) {
		s := &d.Servers[i]
		if s.Origin.Path == "" {
			return &s.Origin, "", "", ""
		}
		return &s.Origin, s.Namespace, s.Gateway, s.Origin.Path
	})
}

// once reports the second and later of n declarations with the same kind, name and
// part. It ignores those without a name.
func once(v *validator, n int, kind string, at func(i int) (o *spec.Origin, namespace, name, part string)) {
	if n < 2 {
		return
	}
	type identity struct {
		kind string
		resource.Name
		part string
	}
	first := make(map[identity]*spec.Origin, n)
	for i := range n {
		o, namespace, name, part := at(i)
		if name == "" {
			continue
		}
		id := identity{cmp.Or(o.Kind, kind), v.named(namespace, name), part}
		before, ok := first[id]
		if !ok {
			first[id] = o
			continue
		}
		s := v.site(o, kind, namespace, name)
		if before.File == "" {
			s.errorf(spec.CodeDuplicate, "%s %s is declared twice", id.kind, id.Name)
		} else {
			s.errorf(spec.CodeDuplicate, "%s %s is declared twice: first at %s", id.kind, id.Name, position(before))
		}
	}
}

// position returns "file:line" of an origin.
func position(o *spec.Origin) string {
	if o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// exportTo validates the list of the namespaces that see a resource.
func (v *validator) exportTo(s *site, list []string, namespace string, orNobody bool) {
	if len(list) == 0 {
		return
	}
	namespace = cmp.Or(namespace, v.DefaultNamespace)
	seen := make(map[string]bool, len(list))
	for i, entry := range list {
		e := s.element("exportTo", i)
		switch {
		case entry == "*":
			if len(list) > 1 {
				e.errorf(spec.CodeConflict, `"*" means every namespace and must be the only entry, but the list has %d entries`, len(list))
			}
		case entry == "~" && orNobody:
			if len(list) > 1 {
				e.errorf(spec.CodeConflict, `"~" means no namespace and must be the only entry, but the list has %d entries`, len(list))
			}
		case entry == ".":
		case !resource.IsLabel(entry):
			e.errorf(spec.CodeInvalid, `%q is neither "*", "." nor the name of a namespace`, entry)
		}
		name := entry
		if entry == "." {
			name = namespace
		}
		if seen[name] {
			e.errorf(spec.CodeDuplicate, "the namespace %q is listed twice", name)
		}
		seen[name] = true
	}
}
