// Package traffic finds the traffic policy of a destination: which
// DestinationRule applies, and what its blocks are for a subset and a port. The
// main types are Rules, Rule and Policy. Compilation uses it to set up upstreams.
package traffic

import (
	"cmp"
	"slices"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// Rules find the DestinationRule of a host, as Istio does (PushContext's
// destinationRule).
type Rules struct {
	// own contains the rules in the workload's namespace that the workload sees. If
	// that is the root namespace, it contains only the rules that no other
	// namespace sees: the rules of a service's namespace have priority over the
	// others.
	own ruleTable
	// exported contains the rules of each namespace that are visible to others.
	exported map[string]*ruleTable
	workload resource.Workload
	// asked contains the rule that Find returned for each host.
	asked map[Asked]*Rule
	// merged are the rules that were joined with older rules for the same host.
	merged []Merged
}

// Asked is an argument of Find: the host and the namespace of a service.
type Asked struct{ Host, Namespace string }

// A Merged is a rule that was joined with an older one.
type Merged struct {
	Rule, Older *spec.DestinationRule
	// LostPolicy means that the older rule has a traffic policy, so this rule's
	// policy has no effect. LostSubsets are the indexes of subsets that the older
	// rule also has.
	LostPolicy  bool
	LostSubsets []int
}

// A ruleTable contains the rules of a namespace by host.
type ruleTable struct {
	byHost map[string]*hostRules
	hosts  hosts.Table[*hostRules]
}

// hostRules are the rules of a namespace for one host, merged where possible:
// merged rules have the same selector, and an older one is exported only to
// namespaces that also see the newer one.
type hostRules []*Rule

// A Rule is a DestinationRule, merged with other rules for its host.
type Rule struct {
	// declared are the merged rules, oldest first.
	declared []*spec.DestinationRule
	// origin is the origin of the oldest merged rule.
	origin   spec.Origin
	exportTo []string
	selector map[string]string
	selects  bool
	traffic  *spec.TrafficPolicy
	subsets  map[string]*spec.Subset
	// selected are the subsets that destinations use.
	selected map[*spec.Subset]bool
}

// NewRules indexes rules for a workload. A rule without a namespace is in
// defaultNamespace.
func NewRules(rules []spec.DestinationRule, defaultNamespace string, w resource.Workload) *Rules {
	x := &Rules{exported: map[string]*ruleTable{}, workload: w, asked: map[Asked]*Rule{}}
	byAge := make([]*spec.DestinationRule, len(rules))
	for i := range rules {
		byAge[i] = &rules[i]
	}
	slices.SortStableFunc(byAge, func(a, b *spec.DestinationRule) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range byAge {
		namespace := cmp.Or(r.Namespace, defaultNamespace)
		exportTo := exportSet(r, namespace)
		private := slices.Equal(exportTo, []string{namespace})
		if namespace == w.Namespace && (private || namespace != resource.RootNamespace && resource.ExportedTo(exportTo, namespace, namespace)) {
			x.own.add(x, r, namespace, exportTo)
		}
		if !private {
			if x.exported[namespace] == nil {
				x.exported[namespace] = new(ruleTable)
			}
			x.exported[namespace].add(x, r, namespace, exportTo)
		}
	}
	return x
}

// exportSet returns which namespaces see a rule: "*" or names. A rule that
// selects workloads is only for its own namespace.
func exportSet(r *spec.DestinationRule, namespace string) []string {
	switch {
	case r.WorkloadSelector != nil:
		return []string{namespace}
	case len(r.ExportTo) == 0:
		return []string{"*"}
	}
	set := slices.Clone(r.ExportTo)
	for i := range set {
		if set[i] == "." {
			set[i] = namespace
		}
	}
	return set
}

// add adds a rule that is newer than all in the table.
func (t *ruleTable) add(x *Rules, r *spec.DestinationRule, namespace string, exportTo []string) {
	host := resource.FullHost(r.Host, namespace)
	list := t.byHost[host]
	if list == nil {
		if t.byHost == nil {
			t.byHost = map[string]*hostRules{}
		}
		list = new(hostRules)
		t.byHost[host] = list
		t.hosts.Add(host, list)
	}
	for _, older := range *list {
		if older.joins(r, exportTo) {
			if m := older.join(r); m.LostPolicy || len(m.LostSubsets) > 0 {
				x.merged = append(x.merged, m)
			}
			return
		}
	}
	b := &Rule{origin: r.Origin, exportTo: exportTo, selector: r.WorkloadSelector, selects: r.WorkloadSelector != nil}
	b.join(r)
	*list = append(*list, b)
}

// joins reports whether a newer rule for the same host is merged with b.
func (b *Rule) joins(r *spec.DestinationRule, exportTo []string) bool {
	return b.selects == (r.WorkloadSelector != nil) && len(b.selector) == len(r.WorkloadSelector) && resource.HasLabels(b.selector, r.WorkloadSelector) &&
		!slices.ContainsFunc(b.exportTo, func(namespace string) bool { return !slices.Contains(exportTo, namespace) })
}

// join adds what b lacks: subsets with new names, and a policy if b has none. It
// returns what b already has.
func (b *Rule) join(r *spec.DestinationRule) (m Merged) {
	b.declared = append(b.declared, r)
	m.Rule, m.Older = r, b.declared[0]
	if b.traffic == nil {
		b.traffic = r.TrafficPolicy
	} else if r.TrafficPolicy != nil {
		m.LostPolicy = true
	}
	for i := range r.Subsets {
		s := &r.Subsets[i]
		if b.subsets == nil {
			b.subsets = make(map[string]*spec.Subset, len(r.Subsets))
		}
		if b.subsets[s.Name] == nil {
			b.subsets[s.Name] = s
		} else {
			m.LostSubsets = append(m.LostSubsets, i)
		}
	}
	return m
}

// Find returns the rule for the host of a service, or nil. It first chooses the
// most specific host in a namespace, and only then checks whether the workload sees
// its rules.
func (x *Rules) Find(host, serviceNamespace string) *Rule {
	asked := Asked{host, serviceNamespace}
	b, ok := x.asked[asked]
	if !ok {
		b = x.find(host, serviceNamespace)
		x.asked[asked] = b
	}
	return b
}

func (x *Rules) find(host, serviceNamespace string) *Rule {
	if b := x.own.find(host, &x.workload); b != nil {
		return b
	}
	if b := x.exported[serviceNamespace].find(host, &x.workload); b != nil {
		return b
	}
	return x.exported[resource.RootNamespace].find(host, &x.workload)
}

func (t *ruleTable) find(host string, w *resource.Workload) *Rule {
	if t == nil {
		return nil
	}
	list, ok := t.hosts.FindName(host)
	if !ok {
		return nil
	}
	var everyone *Rule
	for _, b := range *list {
		switch {
		case !resource.ExportedTo(b.exportTo, "", w.Namespace):
		case b.selects:
			if w.SelectedBy(b.selector) {
				return b
			}
		case everyone == nil:
			everyone = b
		}
	}
	return everyone
}
