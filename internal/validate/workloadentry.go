package validate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// codeSelectsNothing is Istio's NoMatchingWorkloadsFound.
const codeSelectsNothing = "IST0127"

// workloadSelector validates what a service selects.
func (v *validator) workloadSelector(s *site, service *spec.Service) {
	if service.WorkloadSelector == nil {
		return
	}
	e := s.field("workloadSelector")
	v.labels(&e, "labels", service.WorkloadSelector)
	switch service.Resolution {
	case spec.ResolveNone:
		e.warnf(codeSchema, "selects nothing: resolution NONE has no endpoints")
		return
	case spec.ResolveDynamicDNS, spec.ResolveDiscovery:
		e.errorf(spec.CodeConflict, "resolution %s has no endpoints to select", service.Resolution)
		return
	}
	if len(service.WorkloadSelector) == 0 {
		e.warnf(codeSchema, "has no labels: it selects every WorkloadEntry of the namespace")
	}
	if len(service.Endpoints) == 0 {
		v.selectedWorkloads(&e, service)
	}
}

// selectedWorkloads warns of selected entries that a service cannot use.
func (v *validator) selectedWorkloads(e *site, service *spec.Service) {
	namespace := cmp.Or(service.Namespace, v.DefaultNamespace)
	used, misfits := 0, 0
	var misfit *spec.WorkloadEntry
	for _, w := range v.workloads.Selected(service.WorkloadSelector, namespace) {
		v.selectedBySome[w] = true
		switch {
		case resource.AddressMisfit(service.Resolution, w.Address) == "":
			used++
		case misfit == nil:
			misfit = w
			misfits++
		default:
			misfits++
		}
	}
	if misfit != nil {
		problem := resource.AddressMisfit(service.Resolution, misfit.Address)
		if misfits == 1 {
			e.warnf("", "WorkloadEntry %s is left out: %s", v.named(namespace, misfit.Name), problem)
		} else {
			e.warnf("", "%d WorkloadEntries are left out, such as %s: %s", misfits, v.named(namespace, misfit.Name), problem)
		}
	}
	switch {
	case used == 0 && !v.isDestination(service):
	case used == 0 && misfit == nil:
		e.warnf(codeSelectsNothing, "no WorkloadEntry of the namespace %q has these labels: requests get 503", namespace)
	case used == 0:
		e.warnf(codeSelectsNothing, "nothing else is selected: requests get 503")
	case used > 1 && service.Resolution == spec.ResolveDNSRoundRobin:
		e.warnf("", "resolution DNS_ROUND_ROBIN has one endpoint: only the first of %d selected ones is used", used)
	}
}

// missingAddress reports an endpoint without an address.
func (v *validator) missingAddress(s *site, e *spec.Endpoint) {
	if e.Network != "" {
		at := s.field("network")
		at.warnf("", "without an address, the endpoint is reached through the gateway of the network %q, which Lateen does not do: it is left out", e.Network)
		return
	}
	at := s.field("address")
	at.errorf(spec.CodeMissing, "the address is missing")
}

// workloadEntries validates the places that services select. The services have
// already been validated.
func (v *validator) workloadEntries() {
	list := v.declarations.WorkloadEntries
	for i := range list {
		w := &list[i]
		s := v.site(&w.Origin, "WorkloadEntry", w.Namespace, w.Name)
		address := s.field("address")
		switch {
		case w.Address == "":
			v.missingAddress(&s, &w.Endpoint)
		case isSocketURL(w.Address):
			v.socket(&s, &w.Endpoint)
		case !resource.IsAddress(w.Address) && exactHostProblem(w.Address) != "":
			address.suggestf(spec.CodeInvalid, withoutPort(w.Address), "%q is neither an IP address nor a host name", w.Address)
		}
		for _, name := range slices.Sorted(maps.Keys(w.Ports)) {
			e := s.entry("ports", name)
			switch problem := resource.PortProblem(w.Ports[name]); {
			case !resource.IsLabel(name):
				e.errorf(spec.CodeInvalid, "%q is not the name of a port: letters, digits and inner hyphens are expected", name)
			case problem != "":
				e.errorf(spec.CodeInvalid, "%s", problem)
			}
		}
		v.endpointUse(&s, &w.Endpoint)
		if !v.selectedBySome[w] {
			s.warnf("", "no service selects it")
		}
	}
}
