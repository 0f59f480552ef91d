package gateway

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A workloadIndex finds the WorkloadEntries that services select.
type workloadIndex struct {
	byNamespace map[string][]*spec.WorkloadEntry
	byLabel     map[workloadLabel][]*spec.WorkloadEntry
}

// A workloadLabel is a label that WorkloadEntries of a namespace have.
type workloadLabel struct{ namespace, key, value string }

// newWorkloadIndex indexes WorkloadEntries. namespace is that of those which name
// none.
func newWorkloadIndex(list []spec.WorkloadEntry, namespace string) workloadIndex {
	x := workloadIndex{byNamespace: map[string][]*spec.WorkloadEntry{}, byLabel: map[workloadLabel][]*spec.WorkloadEntry{}}
	for i := range list {
		w := &list[i]
		in := cmp.Or(w.Namespace, namespace)
		x.byNamespace[in] = append(x.byNamespace[in], w)
		for key, value := range w.Labels {
			at := workloadLabel{in, key, value}
			x.byLabel[at] = append(x.byLabel[at], w)
		}
	}
	return x
}

// selected returns the WorkloadEntries of a namespace that a selector selects, in
// the order of their declaration.
func (x *workloadIndex) selected(selector map[string]string, namespace string) []*spec.WorkloadEntry {
	// Only those that have the rarest of the labels are looked at.
	candidates := x.byNamespace[namespace]
	for key, value := range selector {
		if slices.Contains(topologyLabels, key) {
			continue
		}
		if with := x.byLabel[workloadLabel{namespace, key, value}]; len(with) < len(candidates) {
			candidates = with
		}
	}
	var out []*spec.WorkloadEntry
	for _, w := range candidates {
		if endpointHas(&w.Endpoint, selector) {
			out = append(out, w)
		}
	}
	return out
}

// endpoints returns the endpoints of a service in a namespace: those declared in
// it, or those that it selects and that its resolution can use.
func (x *workloadIndex) endpoints(s *spec.Service, namespace string) []spec.Endpoint {
	if s.WorkloadSelector == nil {
		return s.Endpoints
	}
	var out []spec.Endpoint
	for _, w := range x.selected(s.WorkloadSelector, namespace) {
		if addressMisfit(s.Resolution, w.Address) == "" {
			out = append(out, w.Endpoint)
		}
	}
	return out
}

// misfit says why the resolution has no use for the address of a WorkloadEntry, if
// it has none.
func addressMisfit(r spec.Resolution, address string) string {
	switch {
	case isAddress(address):
		return ""
	case isSocket(address):
		return fmt.Sprintf("%q is a socket, which only a service that lists it as its endpoint can use", address)
	case r == spec.ResolveStatic:
		return fmt.Sprintf("%q is not an IP address, as resolution STATIC needs", address)
	}
	return ""
}
