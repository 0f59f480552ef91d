package resource

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestTelemetryLevels(t *testing.T) {
	ours, others := map[string]string{"istio": "ingressgateway"}, map[string]string{"app": "shop"}
	edge := Workload{Namespace: "edge", Labels: ours}
	root := Workload{Namespace: "istio-system", Labels: ours}
	unknown := Workload{Namespace: "edge"}
	api := Workload{Namespace: "edge", Labels: map[string]string{"istio": "ingressgateway", gatewayNameLabel: "public"}}
	target := func(kind, name string) spec.Telemetry {
		return spec.Telemetry{Targets: []spec.TelemetryTarget{{Group: "gateway.networking.k8s.io", Kind: kind, Name: name}}}
	}
	selecting := func(labels map[string]string) spec.Telemetry { return spec.Telemetry{Selector: labels} }
	const (
		elsewhere = "it is for the namespace shop, and the gateway runs in edge"
		labels    = "its selector does not select the labels of the gateway"
		targets   = "its targetRefs are for gateways of the Gateway API, and no label of the gateway has such a name"
	)
	for _, row := range []struct {
		name      string
		workload  Workload
		telemetry spec.Telemetry
		namespace string
		level     TelemetryLevel
		why       string
	}{
		{"the root namespace", edge, spec.Telemetry{}, "istio-system", TelemetryOfMesh, ""},
		{"the root namespace, which is the gateway's", root, spec.Telemetry{}, "istio-system", TelemetryOfMesh, ""},
		{"the gateway's namespace", edge, spec.Telemetry{}, "edge", TelemetryOfNamespace, ""},
		{"another namespace", edge, spec.Telemetry{}, "shop", TelemetryElsewhere, elsewhere},
		{"our labels", edge, selecting(ours), "edge", TelemetryOfWorkload, ""},
		{"our labels, in the root namespace where we run", root, selecting(ours), "istio-system", TelemetryOfWorkload, ""},
		{"our labels, in the root namespace where we do not run", edge, selecting(ours), "istio-system", TelemetryElsewhere,
			"it has a selector, so it is for the namespace istio-system, and the gateway runs in edge"},
		{"our labels, in another namespace", edge, selecting(ours), "shop", TelemetryElsewhere, elsewhere},
		{"other labels", edge, selecting(others), "edge", TelemetryElsewhere, labels},
		{"labels that nobody knows", unknown, selecting(others), "edge", TelemetryOfWorkload, ""},
		{"a selector without labels", edge, selecting(map[string]string{}), "edge", TelemetryOfNamespace, ""},
		{"a target, and no Gateway API", edge, target("Gateway", "public"), "edge", TelemetryElsewhere, targets},
		{"a target in the root namespace, and no Gateway API", root, target("Gateway", "public"), "istio-system", TelemetryElsewhere, targets},
		{"our Gateway", api, target("Gateway", "public"), "edge", TelemetryOfWorkload, ""},
		{"our Gateway, in another namespace", api, target("Gateway", "public"), "shop", TelemetryElsewhere, elsewhere},
		{"another Gateway", api, target("Gateway", "private"), "edge", TelemetryElsewhere, targets},
		{"a service with the name of our Gateway", api, target("Service", "public"), "edge", TelemetryElsewhere, targets},
		{"our labels, made from a Gateway", api, selecting(ours), "edge", TelemetryOfWorkload, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			level, why := row.workload.LevelOf(&row.telemetry, row.namespace)
			require.Equal(t, row.level, level)
			require.Equal(t, row.why, why)
		})
	}
}

func TestSamplingPercent(t *testing.T) {
	for percent, want := range map[float64]float64{0: 0, 100: 100, 1: 1, 0.01: 0.01, 0.07: 0.07, 0.004: 0, 0.005: 0.01, 0.29: 0.29, 12.345: 12.35, 99.999: 100} {
		require.Equal(t, want, SamplingPercent(percent), percent)
	}
}
