package traffic

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// marked is a policy that distinguishes rules.
func marked(mark string) *spec.TrafficPolicy {
	return &spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple, SNI: mark}}
}

// markOf returns the mark of a policy, or "none" without rule and "" without
// policy.
func markOf(b *Rule) string {
	switch {
	case b == nil:
		return "none"
	case b.traffic == nil:
		return ""
	}
	return b.traffic.TLS.SNI
}

func TestWhichDestinationRuleApplies(t *testing.T) {
	rule := func(namespace, host, mark string, exportTo ...string) spec.DestinationRule {
		return spec.DestinationRule{Name: mark, Namespace: namespace, Host: host, TrafficPolicy: marked(mark), ExportTo: exportTo}
	}
	const host, namespace = "reviews.shop.svc.cluster.local", "shop"
	edge, root := resource.Workload{Namespace: "edge"}, resource.Workload{Namespace: resource.RootNamespace}
	selecting := func(r spec.DestinationRule, labels map[string]string) spec.DestinationRule {
		r.WorkloadSelector = labels
		return r
	}
	tests := []struct {
		name     string
		workload resource.Workload
		rules    []spec.DestinationRule
		want     string
	}{
		{"none", edge, nil, "none"},
		{"another host", edge, []spec.DestinationRule{rule("edge", "ratings.shop.svc.cluster.local", "a")}, "none"},
		{"a short name of the rule's namespace", edge, []spec.DestinationRule{rule("shop", "reviews", "a")}, "a"},
		{"a short name of another namespace", edge, []spec.DestinationRule{rule("edge", "reviews", "a")}, "none"},
		{"with a dot no short name", edge, []spec.DestinationRule{rule("shop", "reviews.shop", "a")}, "none"},

		{"the workload's namespace first", edge, []spec.DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service"), rule("edge", host, "own")}, "own"},
		{"then the service's", edge, []spec.DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service")}, "service"},
		{"then the root", edge, []spec.DestinationRule{rule("istio-system", host, "root")}, "root"},
		{"never a third", edge, []spec.DestinationRule{rule("third", host, "a")}, "none"},
		{"a wildcard nearby before the host further away", edge, []spec.DestinationRule{rule("edge", "*.svc.cluster.local", "own"), rule("shop", host, "service")}, "own"},

		{"a workload in the root sees the service's first", root, []spec.DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service")}, "service"},
		{"and then the root's", root, []spec.DestinationRule{rule("istio-system", host, "root")}, "root"},
		{"but first what is for the root alone", root, []spec.DestinationRule{rule("shop", host, "service"), rule("istio-system", host, "root", ".")}, "root"},

		{"not exported", edge, []spec.DestinationRule{rule("shop", host, "a", ".")}, "none"},
		{"exported elsewhere", edge, []spec.DestinationRule{rule("shop", host, "a", "other")}, "none"},
		{"exported to the workload", edge, []spec.DestinationRule{rule("shop", host, "a", "other", "edge")}, "a"},
		{"not exported from the workload's namespace", edge, []spec.DestinationRule{rule("edge", host, "a", "other"), rule("istio-system", host, "root")}, "root"},
		{"kept in the workload's namespace", edge, []spec.DestinationRule{rule("edge", host, "a", ".")}, "a"},
		{"the exact host hides wildcards even if it is not seen", edge, []spec.DestinationRule{rule("shop", host, "a", "other"), rule("shop", "*.local", "b")}, "none"},
		{"what is private hides nothing", edge, []spec.DestinationRule{rule("shop", host, "a", "."), rule("shop", "*.local", "b")}, "b"},

		{"the exact host before a wildcard", edge, []spec.DestinationRule{rule("shop", "*.shop.svc.cluster.local", "wild"), rule("shop", host, "exact")}, "exact"},
		{"the longer wildcard before the shorter", edge, []spec.DestinationRule{rule("shop", "*.cluster.local", "short"), rule("shop", "*.shop.svc.cluster.local", "long")}, "long"},
		{"any host last", edge, []spec.DestinationRule{rule("shop", "*", "any"), rule("shop", "*.local", "wild")}, "wild"},
		{"any host", edge, []spec.DestinationRule{rule("shop", "*", "any")}, "any"},
		{"one host alone", edge, []spec.DestinationRule{rule("shop", "*.local", "wild"), {Namespace: "shop", Host: host}}, ""},

		{"a selector in the workload's namespace", resource.Workload{Namespace: "edge", Labels: map[string]string{"app": "gw"}},
			[]spec.DestinationRule{rule("edge", host, "everyone"), selecting(rule("edge", host, "mine"), map[string]string{"app": "gw"})}, "mine"},
		{"a selector of others", resource.Workload{Namespace: "edge", Labels: map[string]string{"app": "gw"}},
			[]spec.DestinationRule{selecting(rule("edge", host, "theirs"), map[string]string{"app": "other"}), rule("edge", host, "everyone")}, "everyone"},
		{"a selector that selects all", resource.Workload{Namespace: "edge", Labels: map[string]string{"app": "gw"}},
			[]spec.DestinationRule{rule("edge", host, "everyone"), selecting(rule("edge", host, "mine"), map[string]string{})}, "mine"},
		{"a selector elsewhere", resource.Workload{Namespace: "edge", Labels: map[string]string{"app": "gw"}},
			[]spec.DestinationRule{selecting(rule("shop", host, "a"), map[string]string{"app": "gw"})}, "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, markOf(NewRules(tt.rules, "default", tt.workload).Find(host, namespace)))
		})
	}
}

func TestDestinationRulesOfOneHostAreJoined(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	subset := func(name, version string) spec.Subset {
		return spec.Subset{Name: name, Labels: map[string]string{"version": version}}
	}
	tests := []struct {
		name  string
		rules []spec.DestinationRule
		mark  string
		// versions are the versions of the subsets.
		versions map[string]string
	}{
		{"subsets of both", []spec.DestinationRule{
			{Name: "a", Host: "r", Subsets: []spec.Subset{subset("v1", "1")}}, {Name: "b", Host: "r", Subsets: []spec.Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1", "v2": "2"}},
		{"the older one's subset of one name", []spec.DestinationRule{
			{Name: "a", Host: "r", Created: at(2), Subsets: []spec.Subset{subset("v1", "new")}}, {Name: "b", Host: "r", Created: at(1), Subsets: []spec.Subset{subset("v1", "old")}},
		}, "", map[string]string{"v1": "old"}},
		{"by name where the age is one", []spec.DestinationRule{
			{Name: "b", Host: "r", TrafficPolicy: marked("b")}, {Name: "a", Host: "r", TrafficPolicy: marked("a")},
		}, "a", map[string]string{}},
		{"the oldest policy there is", []spec.DestinationRule{
			{Name: "a", Host: "r", Created: at(1)}, {Name: "b", Host: "r", Created: at(3), TrafficPolicy: marked("b")}, {Name: "c", Host: "r", Created: at(2), TrafficPolicy: marked("c")},
		}, "c", map[string]string{}},
		{"another spelling of one host", []spec.DestinationRule{
			{Name: "a", Host: "r", Subsets: []spec.Subset{subset("v1", "1")}}, {Name: "b", Host: "r.default.svc.cluster.local", TrafficPolicy: marked("b")},
		}, "b", map[string]string{"v1": "1"}},
		{"exported to more", []spec.DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"edge"}, Subsets: []spec.Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge", "other"}, Subsets: []spec.Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1", "v2": "2"}},
		{"exported to fewer", []spec.DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"edge", "other"}, Subsets: []spec.Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge"}, Subsets: []spec.Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1"}},
		{"the first that is seen", []spec.DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"other"}, Subsets: []spec.Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge"}, Subsets: []spec.Subset{subset("v2", "2")}},
		}, "", map[string]string{"v2": "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := NewRules(tt.rules, "default", resource.Workload{Namespace: "edge"}).Find("r.default.svc.cluster.local", "default")
			require.NotNil(t, b)
			versions := map[string]string{}
			for name, s := range b.subsets {
				versions[name] = s.Labels["version"]
			}
			require.Equal(t, tt.mark, markOf(b))
			require.Equal(t, tt.versions, versions)
		})
	}
}

func TestJoiningLeavesDeclarationsAsTheyWere(t *testing.T) {
	rules := []spec.DestinationRule{
		{Name: "a", Host: "r", ExportTo: []string{"."}, Subsets: []spec.Subset{{Name: "v1"}}},
		{Name: "b", Host: "r", ExportTo: []string{"."}, TrafficPolicy: marked("b"), Subsets: []spec.Subset{{Name: "v2"}}},
	}
	NewRules(rules, "default", resource.Workload{Namespace: "default"})
	require.Nil(t, rules[0].TrafficPolicy)
	require.Equal(t, []spec.Subset{{Name: "v1"}}, rules[0].Subsets)
	require.Equal(t, []string{"."}, rules[0].ExportTo)
}

func TestRulesWithSelectorsAreJoinedApart(t *testing.T) {
	w := resource.Workload{Namespace: "edge", Labels: map[string]string{"app": "gw", "tier": "front"}}
	app, front := map[string]string{"app": "gw"}, map[string]string{"tier": "front"}
	b := NewRules([]spec.DestinationRule{
		{Name: "a", Namespace: "edge", Host: "r.test", Subsets: []spec.Subset{{Name: "everyone"}}},
		{Name: "b", Namespace: "edge", Host: "r.test", WorkloadSelector: app, Subsets: []spec.Subset{{Name: "v1"}}},
		{Name: "c", Namespace: "edge", Host: "r.test", WorkloadSelector: front, Subsets: []spec.Subset{{Name: "v2"}}},
		{Name: "d", Namespace: "edge", Host: "r.test", WorkloadSelector: app, Subsets: []spec.Subset{{Name: "v3"}}},
	}, "default", w).Find("r.test", "shop")
	require.Equal(t, []string{"v1", "v3"}, slices.Sorted(maps.Keys(b.subsets)))
}
