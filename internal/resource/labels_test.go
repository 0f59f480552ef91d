package resource

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHasLabels(t *testing.T) {
	labels := map[string]string{"app": "shop", "empty": ""}
	for _, row := range []struct {
		name   string
		wanted map[string]string
		want   bool
	}{
		{"none", nil, true},
		{"one", map[string]string{"app": "shop"}, true},
		{"another value", map[string]string{"app": "web"}, false},
		{"another key", map[string]string{"version": "v1"}, false},
		{"an empty value", map[string]string{"empty": ""}, true},
		{"an empty value of another key", map[string]string{"version": ""}, false},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, HasLabels(labels, row.wanted)) })
	}
}
