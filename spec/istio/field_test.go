package istio

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The files in testdata/field are based on problems of users. Their first lines
// describe what happened, and what should happen.
func TestFieldCases(t *testing.T) {
	const template = "the text is a Helm template that was not rendered; render it first: helm template"
	for file, want := range map[string]string{
		"010-kustomization-in-the-directory.yaml": "4:1: apiVersion: is missing, such as networking.istio.io/v1\n4:1: kind: is missing, such as VirtualService",
		"012-json-patch-in-the-directory.yaml":    "4:1: expected a map, found a list",
		"018-websocket-upgrade.yaml":              "10:5: VirtualService default/shop: spec.http[0].websocketUpgrade: unknown field: WebSockets are always allowed; remove the line",
		"020-misplaced-fields.yaml": `9:3: DestinationRule default/shop: spec.portLevelSettings: unknown field: it belongs at spec.trafficPolicy.portLevelSettings
12:5: DestinationRule default/shop: spec.trafficPolicy.circuitBreaker: unknown field: a circuit breaker is trafficPolicy.outlierDetection and trafficPolicy.connectionPool
15:9: DestinationRule default/shop: spec.trafficPolicy.connectionPool.http.consecutiveGatewayErrors: unknown field: it belongs at spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors
16:9: DestinationRule default/shop: spec.trafficPolicy.connectionPool.http.interval: unknown field: it belongs at spec.trafficPolicy.outlierDetection.interval
17:9: DestinationRule default/shop: spec.trafficPolicy.connectionPool.http.baseEjectionTime: unknown field: it belongs at spec.trafficPolicy.outlierDetection.baseEjectionTime
18:9: DestinationRule default/shop: spec.trafficPolicy.connectionPool.http.connectTimeout: unknown field: it belongs at spec.trafficPolicy.connectionPool.tcp.connectTimeout`,
		"022-helm-template.yaml": "4:1: not readable as YAML: " + template,
		"024-kind-in-the-wrong-group.yaml": `4:13: Telemetry default/traces: apiVersion: Telemetry is not a kind of networking.istio.io; did you mean "telemetry.istio.io/v1"?
9:13: AuthorizationPolicy default/shop: apiVersion: AuthorizationPolicy is not a kind of networking.istio.io; did you mean "security.istio.io/v1"?`,
		"026-claims-said-twice.yaml":                 "", // validation reports it
		"030-nothing-to-check.yaml":                  " contains no resource that Lateen reads",
		"032-a-line-for-each-deployment.yaml":        "",
		"036-slow-place-of-a-syntax-error.yaml":      "6:2: not readable as YAML: did not find expected key",
		"034-missing-subset-or-missing-backend.yaml": "",
	} {
		t.Run(file, func(t *testing.T) {
			got := problems(t, Files(filepath.Join("testdata", "field", file)))
			var text string
			for i, problem := range got {
				if i > 0 {
					text += "\n"
				}
				text += problem
			}
			require.Equal(t, want, text)
		})
	}

	t.Run("in a directory", func(t *testing.T) {
		directory := t.TempDir()
		for from, to := range map[string]string{
			"010-kustomization-in-the-directory.yaml": "kustomization.yaml",
			"012-json-patch-in-the-directory.yaml":    "patch.yaml",
			"030-nothing-to-check.yaml":               "deployment.yaml",
			"032-a-line-for-each-deployment.yaml":     "shop.yaml",
		} {
			data, err := os.ReadFile(filepath.Join("testdata", "field", from))
			require.NoError(t, err)
			write(t, directory, map[string]string{to: string(data)})
		}
		errs, warnings, skipped := said(t, directory, Files(directory))
		require.Empty(t, errs)
		require.Equal(t, []string{"kustomization.yaml:4:1: " + notApplied}, warnings)
		require.Equal(t, []string{
			"deployment.yaml:5:7: Deployment default/shop: apps/v1 Deployment",
			"kustomization.yaml:4:1: ", "patch.yaml:4:1: ",
			"shop.yaml:5:7: ServiceAccount default/shop: v1 ServiceAccount",
			"shop.yaml:9:7: Deployment default/shop-v1: apps/v1 Deployment",
			"shop.yaml:13:7: Deployment default/shop-v2: apps/v1 Deployment",
			"shop.yaml:17:7: ConfigMap default/shop: v1 ConfigMap",
			"shop.yaml:21:7: PodDisruptionBudget default/shop: policy/v1 PodDisruptionBudget",
		}, skipped)
	})
}
