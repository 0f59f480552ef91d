package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// marked is a policy that tells rules apart.
func marked(mark string) *TrafficPolicy {
	return &TrafficPolicy{TLS: &ClientTLS{Mode: ClientTLSSimple, SNI: mark}}
}

// markOf returns what marked marked, or "none" without rule and "" without
// policy.
func markOf(b *boundRule) string {
	switch {
	case b == nil:
		return "none"
	case b.traffic == nil:
		return ""
	}
	return b.traffic.TLS.SNI
}

func TestWhichDestinationRuleApplies(t *testing.T) {
	rule := func(namespace, host, mark string, exportTo ...string) DestinationRule {
		return DestinationRule{Name: mark, Namespace: namespace, Host: host, TrafficPolicy: marked(mark), ExportTo: exportTo}
	}
	const host, namespace = "reviews.shop.svc.cluster.local", "shop"
	edge, root := workload{namespace: "edge"}, workload{namespace: rootNamespace}
	selecting := func(r DestinationRule, labels map[string]string) DestinationRule {
		r.WorkloadSelector = labels
		return r
	}
	tests := []struct {
		name     string
		workload workload
		rules    []DestinationRule
		want     string
	}{
		{"none", edge, nil, "none"},
		{"another host", edge, []DestinationRule{rule("edge", "ratings.shop.svc.cluster.local", "a")}, "none"},
		{"a short name of the rule's namespace", edge, []DestinationRule{rule("shop", "reviews", "a")}, "a"},
		{"a short name of another namespace", edge, []DestinationRule{rule("edge", "reviews", "a")}, "none"},
		{"with a dot no short name", edge, []DestinationRule{rule("shop", "reviews.shop", "a")}, "none"},

		{"the workload's namespace first", edge, []DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service"), rule("edge", host, "own")}, "own"},
		{"then the service's", edge, []DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service")}, "service"},
		{"then the root", edge, []DestinationRule{rule("istio-system", host, "root")}, "root"},
		{"never a third", edge, []DestinationRule{rule("third", host, "a")}, "none"},
		{"a wildcard nearby before the host further away", edge, []DestinationRule{rule("edge", "*.svc.cluster.local", "own"), rule("shop", host, "service")}, "own"},

		{"a workload in the root sees the service's first", root, []DestinationRule{rule("istio-system", host, "root"), rule("shop", host, "service")}, "service"},
		{"and then the root's", root, []DestinationRule{rule("istio-system", host, "root")}, "root"},
		{"but first what is for the root alone", root, []DestinationRule{rule("shop", host, "service"), rule("istio-system", host, "root", ".")}, "root"},

		{"not exported", edge, []DestinationRule{rule("shop", host, "a", ".")}, "none"},
		{"exported elsewhere", edge, []DestinationRule{rule("shop", host, "a", "other")}, "none"},
		{"exported to the workload", edge, []DestinationRule{rule("shop", host, "a", "other", "edge")}, "a"},
		{"not exported from the workload's namespace", edge, []DestinationRule{rule("edge", host, "a", "other"), rule("istio-system", host, "root")}, "root"},
		{"kept in the workload's namespace", edge, []DestinationRule{rule("edge", host, "a", ".")}, "a"},
		{"the exact host hides wildcards even if it is not seen", edge, []DestinationRule{rule("shop", host, "a", "other"), rule("shop", "*.local", "b")}, "none"},
		{"what is private hides nothing", edge, []DestinationRule{rule("shop", host, "a", "."), rule("shop", "*.local", "b")}, "b"},

		{"the exact host before a wildcard", edge, []DestinationRule{rule("shop", "*.shop.svc.cluster.local", "wild"), rule("shop", host, "exact")}, "exact"},
		{"the longer wildcard before the shorter", edge, []DestinationRule{rule("shop", "*.cluster.local", "short"), rule("shop", "*.shop.svc.cluster.local", "long")}, "long"},
		{"any host last", edge, []DestinationRule{rule("shop", "*", "any"), rule("shop", "*.local", "wild")}, "wild"},
		{"any host", edge, []DestinationRule{rule("shop", "*", "any")}, "any"},
		{"one host alone", edge, []DestinationRule{rule("shop", "*.local", "wild"), {Namespace: "shop", Host: host}}, ""},

		{"a selector in the workload's namespace", workload{"edge", map[string]string{"app": "gw"}},
			[]DestinationRule{rule("edge", host, "everyone"), selecting(rule("edge", host, "mine"), map[string]string{"app": "gw"})}, "mine"},
		{"a selector of others", workload{"edge", map[string]string{"app": "gw"}},
			[]DestinationRule{selecting(rule("edge", host, "theirs"), map[string]string{"app": "other"}), rule("edge", host, "everyone")}, "everyone"},
		{"a selector that selects all", workload{"edge", map[string]string{"app": "gw"}},
			[]DestinationRule{rule("edge", host, "everyone"), selecting(rule("edge", host, "mine"), map[string]string{})}, "mine"},
		{"a selector elsewhere", workload{"edge", map[string]string{"app": "gw"}},
			[]DestinationRule{selecting(rule("shop", host, "a"), map[string]string{"app": "gw"})}, "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, markOf(newRuleIndex(tt.rules, "default", tt.workload).find(host, namespace)))
		})
	}
}

func TestDestinationRulesOfOneHostAreJoined(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	subset := func(name, version string) Subset {
		return Subset{Name: name, Labels: map[string]string{"version": version}}
	}
	tests := []struct {
		name  string
		rules []DestinationRule
		mark  string
		// versions are those of the subsets.
		versions map[string]string
	}{
		{"subsets of both", []DestinationRule{
			{Name: "a", Host: "r", Subsets: []Subset{subset("v1", "1")}}, {Name: "b", Host: "r", Subsets: []Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1", "v2": "2"}},
		{"the older one's subset of one name", []DestinationRule{
			{Name: "a", Host: "r", Created: at(2), Subsets: []Subset{subset("v1", "new")}}, {Name: "b", Host: "r", Created: at(1), Subsets: []Subset{subset("v1", "old")}},
		}, "", map[string]string{"v1": "old"}},
		{"by name where the age is one", []DestinationRule{
			{Name: "b", Host: "r", TrafficPolicy: marked("b")}, {Name: "a", Host: "r", TrafficPolicy: marked("a")},
		}, "a", map[string]string{}},
		{"the oldest policy there is", []DestinationRule{
			{Name: "a", Host: "r", Created: at(1)}, {Name: "b", Host: "r", Created: at(3), TrafficPolicy: marked("b")}, {Name: "c", Host: "r", Created: at(2), TrafficPolicy: marked("c")},
		}, "c", map[string]string{}},
		{"another spelling of one host", []DestinationRule{
			{Name: "a", Host: "r", Subsets: []Subset{subset("v1", "1")}}, {Name: "b", Host: "r.default.svc.cluster.local", TrafficPolicy: marked("b")},
		}, "b", map[string]string{"v1": "1"}},
		{"exported to more", []DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"edge"}, Subsets: []Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge", "other"}, Subsets: []Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1", "v2": "2"}},
		{"exported to fewer", []DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"edge", "other"}, Subsets: []Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge"}, Subsets: []Subset{subset("v2", "2")}},
		}, "", map[string]string{"v1": "1"}},
		{"the first that is seen", []DestinationRule{
			{Name: "a", Host: "r", ExportTo: []string{"other"}, Subsets: []Subset{subset("v1", "1")}},
			{Name: "b", Host: "r", ExportTo: []string{"edge"}, Subsets: []Subset{subset("v2", "2")}},
		}, "", map[string]string{"v2": "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newRuleIndex(tt.rules, "default", workload{namespace: "edge"}).find("r.default.svc.cluster.local", "default")
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
	rules := []DestinationRule{
		{Name: "a", Host: "r", ExportTo: []string{"."}, Subsets: []Subset{{Name: "v1"}}},
		{Name: "b", Host: "r", ExportTo: []string{"."}, TrafficPolicy: marked("b"), Subsets: []Subset{{Name: "v2"}}},
	}
	newRuleIndex(rules, "default", workload{namespace: "default"})
	require.Nil(t, rules[0].TrafficPolicy)
	require.Equal(t, []Subset{{Name: "v1"}}, rules[0].Subsets)
	require.Equal(t, []string{"."}, rules[0].ExportTo)
}

func TestRulesWithSelectorsAreJoinedApart(t *testing.T) {
	w := workload{"edge", map[string]string{"app": "gw", "tier": "front"}}
	app, front := map[string]string{"app": "gw"}, map[string]string{"tier": "front"}
	b := newRuleIndex([]DestinationRule{
		{Name: "a", Namespace: "edge", Host: "r.test", Subsets: []Subset{{Name: "everyone"}}},
		{Name: "b", Namespace: "edge", Host: "r.test", WorkloadSelector: app, Subsets: []Subset{{Name: "v1"}}},
		{Name: "c", Namespace: "edge", Host: "r.test", WorkloadSelector: front, Subsets: []Subset{{Name: "v2"}}},
		{Name: "d", Namespace: "edge", Host: "r.test", WorkloadSelector: app, Subsets: []Subset{{Name: "v3"}}},
	}, "default", w).find("r.test", "shop")
	require.Equal(t, []string{"v1", "v3"}, sortedKeys(b.subsets))
}
