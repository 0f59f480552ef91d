package resource

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A Workloads finds the WorkloadEntries that services select.
type Workloads struct {
	byNamespace map[string][]*spec.WorkloadEntry
	byLabel     map[workloadLabel][]*spec.WorkloadEntry
}

// A workloadLabel is a label of WorkloadEntries in a namespace.
type workloadLabel struct{ namespace, key, value string }

// NewWorkloads indexes WorkloadEntries. An entry without a namespace is in the
// given namespace.
func NewWorkloads(list []spec.WorkloadEntry, namespace string) Workloads {
	x := Workloads{byNamespace: map[string][]*spec.WorkloadEntry{}, byLabel: map[workloadLabel][]*spec.WorkloadEntry{}}
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

// Selected returns the WorkloadEntries of a namespace that a selector selects, in
// the order of declaration.
func (x *Workloads) Selected(selector map[string]string, namespace string) []*spec.WorkloadEntry {
	// Only entries with the rarest of the labels are checked.
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
		if EndpointHas(&w.Endpoint, selector) {
			out = append(out, w)
		}
	}
	return out
}

// Endpoints returns the endpoints of a service in a namespace: its declared
// endpoints, or the selected ones that its resolution can use. Endpoints without an
// address are omitted.
func (x *Workloads) Endpoints(s *spec.Service, namespace string) []spec.Endpoint {
	var out []spec.Endpoint
	if s.WorkloadSelector == nil {
		for i := range s.Endpoints {
			if s.Endpoints[i].Address != "" {
				out = append(out, s.Endpoints[i])
			}
		}
		return out
	}
	for _, w := range x.Selected(s.WorkloadSelector, namespace) {
		if w.Address != "" && AddressMisfit(s.Resolution, w.Address) == "" {
			out = append(out, w.Endpoint)
		}
	}
	return out
}
