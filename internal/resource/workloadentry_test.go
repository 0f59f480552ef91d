package resource

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A selector selects entries of its own namespace that have all of its labels.
func TestSelectedWorkloads(t *testing.T) {
	x := NewWorkloads([]spec.WorkloadEntry{
		testhttp.Labelled("shops", "both", "10.0.0.1", "app", "shop", "version", "v1"),
		testhttp.Labelled("shops", "app", "10.0.0.2", "app", "shop"),
		testhttp.Labelled("shops", "version", "10.0.0.3", "version", "v1"),
		{Namespace: "shops", Name: "bare", Endpoint: spec.Endpoint{Address: "10.0.0.4", Locality: "r/z"}},
		testhttp.Labelled("", "default", "10.0.0.5", "app", "shop"),
		testhttp.Labelled("shops", "more", "10.0.0.6", "app", "shop", "version", "v1", "track", "canary"),
	}, "default")
	for _, row := range []struct {
		name      string
		namespace string
		selector  map[string]string
		want      []string
	}{
		{"one label", "shops", map[string]string{"app": "shop"}, []string{"both", "app", "more"}},
		{"two labels", "shops", map[string]string{"app": "shop", "version": "v1"}, []string{"both", "more"}},
		{"another value", "shops", map[string]string{"app": "shop", "version": "v2"}, nil},
		{"another key", "shops", map[string]string{"App": "shop"}, nil},
		{"an empty value", "shops", map[string]string{"app": ""}, nil},
		{"no labels", "shops", map[string]string{}, []string{"both", "app", "version", "bare", "more"}},
		{"the default namespace", "default", map[string]string{"app": "shop"}, []string{"default"}},
		{"a derived label", "shops", map[string]string{"topology.kubernetes.io/zone": "z"}, []string{"bare"}},
		{"another namespace", "other", map[string]string{}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var names []string
			for _, w := range x.Selected(row.selector, row.namespace) {
				names = append(names, w.Name)
			}
			require.Equal(t, row.want, names)
		})
	}
}
