package traffic

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// An Unused is a DestinationRule that no destination uses.
type Unused struct {
	Rule *spec.DestinationRule
	// Field is the field that causes it, or "", and Reason is the reason.
	Field, Reason string
	// Unknown means that no destination has the rule's host.
	Unknown bool
}

// Merged returns the rules that partly have no effect, because an older rule for
// the same host has the same parts.
func (x *Rules) Merged() []Merged {
	// A rule can be in two tables.
	var out []Merged
	for _, m := range x.merged {
		if !slices.ContainsFunc(out, func(o Merged) bool { return o.Rule == m.Rule }) {
			out = append(out, m)
		}
	}
	return out
}

// Unused returns the rules that Find never returned, with the reason. Call it after
// Find was called for all destinations.
func (x *Rules) Unused(rules []spec.DestinationRule, defaultNamespace string) []Unused {
	found := make(map[*spec.DestinationRule]*Rule, len(rules))
	// order makes the reasons deterministic.
	order := make([]Asked, 0, len(x.asked))
	for asked, b := range x.asked {
		order = append(order, asked)
		if b != nil {
			for _, r := range b.declared {
				found[r] = b
			}
		}
	}
	slices.SortFunc(order, func(a, b Asked) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Namespace, b.Namespace))
	})
	var table hosts.NameSet
	for i, asked := range order {
		table.Add(asked.Host, i)
	}
	var out []Unused
	for i := range rules {
		r := &rules[i]
		if b := found[r]; b != nil {
			switch {
			case len(r.Subsets) == 0 && r.TrafficPolicy == nil:
				out = append(out, Unused{Rule: r, Reason: "it has neither a trafficPolicy nor subsets: it is not used"})
			case !b.uses(r):
				out = append(out, Unused{Rule: r, Field: "subsets", Reason: "no route that is served selects a subset of it, and it has no trafficPolicy: the rule is not used"})
			}
			continue
		}
		namespace := cmp.Or(r.Namespace, defaultNamespace)
		u := Unused{Rule: r, Unknown: true, Reason: fmt.Sprintf("no route that is served has a destination %s: the rule is not used", r.Host)}
		if j, ok := table.Within(resource.FullHost(r.Host, namespace)); ok {
			u = x.unused(r, namespace, order[j])
		}
		out = append(out, u)
	}
	return out
}

// unused returns why a rule is not used for a destination, although it covers the
// destination's host.
func (x *Rules) unused(r *spec.DestinationRule, namespace string, asked Asked) Unused {
	found := x.asked[asked]
	switch {
	case r.WorkloadSelector != nil && namespace != x.workload.Namespace:
		return Unused{Rule: r, Field: "workloadSelector", Reason: fmt.Sprintf(
			"a rule with a workloadSelector is only for its own namespace, %s, and the gateway runs in %s: the rule is not used", namespace, x.workload.Namespace)}
	case r.WorkloadSelector != nil && !x.workload.SelectedBy(r.WorkloadSelector):
		return Unused{Rule: r, Field: "workloadSelector", Reason: "it does not select the labels of the gateway: the rule is not used"}
	case !resource.ExportedTo(r.ExportTo, namespace, x.workload.Namespace):
		return Unused{Rule: r, Field: "exportTo", Reason: fmt.Sprintf("the rule is not exported to the namespace of the gateway, %s: it is not used", x.workload.Namespace)}
	case namespace != x.workload.Namespace && namespace != asked.Namespace && namespace != resource.RootNamespace:
		return Unused{Rule: r, Reason: fmt.Sprintf(
			"rules for %s are looked for in the namespaces of the gateway, %s, of the service, %s, and %s: this one in %s is not used",
			asked.Host, x.workload.Namespace, asked.Namespace, resource.RootNamespace, namespace)}
	case found != nil:
		older := found.declared[0]
		return Unused{Rule: r, Field: "host", Reason: fmt.Sprintf("for %s, DestinationRule %s/%s of %s comes first: this rule is not used",
			asked.Host, cmp.Or(older.Namespace, namespace), older.Name, older.Host)}
	}
	return Unused{Rule: r, Reason: fmt.Sprintf("it is not used for %s", asked.Host)}
}

// uses reports whether a part of a merged rule has an effect for some destination.
func (b *Rule) uses(r *spec.DestinationRule) bool {
	if r.TrafficPolicy != nil {
		return true
	}
	for i := range r.Subsets {
		if b.selected[&r.Subsets[i]] {
			return true
		}
	}
	return false
}
