package kube

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The manifest of the rights allows what is read, and nothing else. The right to read
// Nodes is only for those who need it.
func TestRights(t *testing.T) {
	text, err := os.ReadFile("../deploy/rbac.yaml")
	require.NoError(t, err)
	allowed := map[string][]string{}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var role struct {
			Kind  string
			Rules []struct {
				APIGroups, Resources, Verbs []string
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &role))
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					title := role.Kind + " " + (&kind{group: group, resource: resource}).title()
					allowed[title] = append(allowed[title], rule.Verbs...)
				}
			}
		}
	}
	want := map[string][]string{
		"ClusterRole ratelimitconfigs/status.networking.istio.io": {"patch"},
		"Role leases.coordination.k8s.io":                         {"get", "update", "create"},
	}
	for _, k := range kinds {
		switch k {
		case nodes:
		case secrets:
			want["Role "+k.title()] = []string{"list", "watch"}
		default:
			want["ClusterRole "+k.title()] = []string{"list", "watch"}
		}
	}
	require.Equal(t, want, allowed)
	require.True(t, slices.Contains(kinds, rateLimitConfigs))
}
