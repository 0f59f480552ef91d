package validate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A policy that is not executed is an error if it applies to the gateway.
func TestUnexecutedPolicies(t *testing.T) {
	ingress := map[string]string{"istio": "ingressgateway"}
	app := map[string]string{"app": "shop"}
	tests := []struct {
		name      string
		namespace string
		selector  map[string]string
		workload  resource.Workload
		refused   bool
	}{
		{"the gateway's namespace", "edge", nil, resource.Workload{Namespace: "edge"}, true},
		{"the root namespace", "istio-system", nil, resource.Workload{Namespace: "edge"}, true},
		{"another namespace", "shop", nil, resource.Workload{Namespace: "edge"}, false},
		{"another namespace, our labels", "shop", ingress, resource.Workload{Namespace: "edge", Labels: ingress}, false},
		{"no namespace", "", nil, resource.Workload{Namespace: "default"}, true},
		{"our labels", "edge", ingress, resource.Workload{Namespace: "edge", Labels: ingress}, true},
		{"other labels", "edge", app, resource.Workload{Namespace: "edge", Labels: ingress}, false},
		{"other labels in the root namespace", "istio-system", app, resource.Workload{Namespace: "edge", Labels: ingress}, false},
		{"labels that nobody knows", "edge", app, resource.Workload{Namespace: "edge"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &spec.Declarations{Unexecuted: []spec.UnexecutedPolicy{{
				Namespace: tt.namespace, Selector: tt.selector, Reason: "requests are not authorized yet",
				Origin: spec.Origin{File: "a.yaml", Line: 2, Column: 7, Kind: "AuthorizationPolicy", Namespace: tt.namespace, Name: "deny"},
			}}}
			var f findings.List
			All(d, Options{DefaultNamespace: "default", Workload: tt.workload}, &f)
			if tt.refused {
				require.Len(t, f.Errors, 1)
				require.Equal(t, spec.CodeUnsupported, f.Errors[0].Code)
				require.Contains(t, f.Errors[0].Error(), "a.yaml:2:7: AuthorizationPolicy")
				require.Empty(t, f.Warnings)
				return
			}
			require.Empty(t, f.Errors)
			require.Len(t, f.Warnings, 1)
			require.Contains(t, f.Warnings[0].Problem, "does not apply to this gateway")
		})
	}
}
