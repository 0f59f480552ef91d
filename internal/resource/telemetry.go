package resource

import (
	"fmt"
	"math"

	"github.com/lateengo/gateway/spec"
)

// SamplingPercent rounds a share of requests to the steps of Envoy.
func SamplingPercent(percent float64) float64 { return math.Round(percent*100) / 100 }

// gatewayNameLabel is the label with the name of the Gateway that a workload serves, if
// it was made from one of the Gateway API.
const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name"

// A TelemetryLevel is how specific a Telemetry is for a workload.
type TelemetryLevel uint8

// The levels of a Telemetry, the least specific first.
const (
	TelemetryElsewhere TelemetryLevel = iota
	TelemetryOfMesh
	TelemetryOfNamespace
	TelemetryOfWorkload
)

// LevelOf returns how specific a Telemetry of a namespace is for the workload. If it does
// not apply to the workload, elsewhere says why.
func (w *Workload) LevelOf(t *spec.Telemetry, namespace string) (level TelemetryLevel, elsewhere string) {
	alone := len(t.Selector) == 0 && len(t.Targets) == 0
	switch {
	case namespace == RootNamespace && alone:
		return TelemetryOfMesh, ""
	case namespace == RootNamespace && namespace != w.Namespace && len(t.Targets) == 0:
		return 0, fmt.Sprintf("it has a selector, so it is for the namespace %s, and the gateway runs in %s", namespace, w.Namespace)
	case namespace != w.Namespace:
		return 0, fmt.Sprintf("it is for the namespace %s, and the gateway runs in %s", namespace, w.Namespace)
	case alone:
		return TelemetryOfNamespace, ""
	case len(t.Targets) > 0 && !w.isTarget(t.Targets):
		return 0, "its targetRefs are for gateways of the Gateway API, and no label of the gateway has such a name"
	case len(t.Targets) == 0 && !w.SelectedBy(t.Selector):
		return 0, "its selector does not select the labels of the gateway"
	}
	return TelemetryOfWorkload, ""
}

// isTarget reports whether one of the targets is the Gateway that the workload was made
// from.
func (w *Workload) isTarget(targets []spec.TelemetryTarget) bool {
	name, ok := w.Labels[gatewayNameLabel]
	for _, t := range targets {
		if ok && t.Group == "gateway.networking.k8s.io" && t.Kind == "Gateway" && t.Name == name {
			return true
		}
	}
	return false
}
