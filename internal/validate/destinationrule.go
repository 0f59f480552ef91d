package validate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// encrypts reports whether some rule has TLS for a port of one of the hosts. The
// choice among several rules depends on namespaces, but if none encrypts, the
// choice does not matter.
func (v *validator) encrypts(names []string, port int) bool {
	if v.encryptors == nil {
		v.encryptors = new(hosts.Table[*[]*spec.DestinationRule])
		byHost := make(map[string]*[]*spec.DestinationRule)
		for i := range v.declarations.DestinationRules {
			rule := &v.declarations.DestinationRules[i]
			host := resource.FullHost(rule.Host, v.named(rule.Namespace, "").Namespace)
			if byHost[host] == nil {
				byHost[host] = new([]*spec.DestinationRule)
				v.encryptors.Add(host, byHost[host])
			}
			*byHost[host] = append(*byHost[host], rule)
		}
	}
	encrypts := func(t *spec.TrafficPolicy) bool {
		if t == nil {
			return false
		}
		tls := t.TLS
		if p := resource.SettingsAt(t, port); p != nil {
			tls = p.TLS
		}
		return tls != nil && tls.Mode != spec.ClientTLSDisable
	}
	for _, host := range names {
		rules, ok := v.encryptors.FindName(host)
		if !ok {
			continue
		}
		for _, rule := range *rules {
			if encrypts(rule.TrafficPolicy) || slices.ContainsFunc(rule.Subsets, func(s spec.Subset) bool { return encrypts(s.TrafficPolicy) }) {
				return true
			}
		}
	}
	return false
}

// A subsetIndex has the names of the subsets of hosts.
type subsetIndex struct {
	// exact and suffixes are by host, and by the text after the * of a wildcard.
	exact, suffixes map[string]map[string]bool
}

// of returns the names of a host's subsets. It is nil if no DestinationRule is for
// the host. The choice among several rules depends on namespaces, but if none has a
// subset, the choice does not matter.
func (x *subsetIndex) of(host string) map[string]bool {
	if known := x.exact[host]; known != nil {
		return known
	}
	if len(x.suffixes) == 0 {
		return nil
	}
	for i := range len(host) + 1 {
		if known := x.suffixes[host[i:]]; known != nil {
			return known
		}
	}
	return nil
}

func (v *validator) indexSubsets() {
	rules := v.declarations.DestinationRules
	v.subsets.exact, v.subsets.suffixes = make(map[string]map[string]bool), make(map[string]map[string]bool)
	for i := range rules {
		rule := &rules[i]
		index, host := v.subsets.exact, resource.FullHost(rule.Host, v.named(rule.Namespace, "").Namespace)
		if suffix, found := strings.CutPrefix(host, "*"); found {
			index, host = v.subsets.suffixes, suffix
		}
		if index[host] == nil {
			index[host] = make(map[string]bool)
		}
		for j := range rule.Subsets {
			index[host][rule.Subsets[j].Name] = true
		}
	}
}

func (v *validator) destinationRules() {
	rules := v.declarations.DestinationRules
	for i := range rules {
		rule := &rules[i]
		s := v.site(&rule.Origin, "DestinationRule", rule.Namespace, rule.Name)
		if problem := hostProblem(rule.Host); problem != "" {
			e := s.field("host")
			e.suggestf(spec.CodeInvalid, withoutPort(rule.Host), "%s", problem)
		}
		v.exportTo(&s, rule.ExportTo, rule.Namespace, false)
		v.ruleSelector(&s, rule)
		host := resource.FullHost(rule.Host, v.named(rule.Namespace, "").Namespace)
		v.trafficPolicy(&s, rule.TrafficPolicy, policyScope{host: host})
		names := make(map[string]bool, len(rule.Subsets))
		for j := range rule.Subsets {
			subset := &rule.Subsets[j]
			at := s.element("subsets", j)
			e := at.field("name")
			switch {
			case subset.Name == "":
				e.errorf(spec.CodeMissing, "the subset has no name")
			case !resource.IsLabel(subset.Name):
				e.errorf(spec.CodeInvalid, "%q is not the name of a subset: letters, digits and inner hyphens are expected", subset.Name)
			case names[subset.Name]:
				e.errorf(spec.CodeDuplicate, "%q is the name of another subset of this rule", subset.Name)
			}
			names[subset.Name] = true
			v.labels(&at, "labels", subset.Labels)
			v.trafficPolicy(&at, subset.TrafficPolicy, policyScope{host, subset.Labels, rule.TrafficPolicy})
		}
	}
}

// ruleSelector validates which workloads a rule is for.
func (v *validator) ruleSelector(s *site, rule *spec.DestinationRule) {
	if rule.WorkloadSelector == nil {
		return
	}
	e := s.field("workloadSelector")
	if len(rule.WorkloadSelector) == 0 {
		e.warnf(codeSchema, "has no labels: it selects every workload of the namespace")
	}
	v.labels(&e, "matchLabels", rule.WorkloadSelector)
	own := cmp.Or(rule.Namespace, v.DefaultNamespace)
	for i, to := range rule.ExportTo {
		if to != "." && to != own {
			e := s.element("exportTo", i)
			e.errorf(spec.CodeInvalid, `a rule with a workloadSelector is for its own namespace: only "." is expected`)
		}
	}
}
