package istio

import (
	"google.golang.org/protobuf/types/known/wrapperspb"

	telemetry "istio.io/api/telemetry/v1alpha1"
	types "istio.io/api/type/v1beta1"

	"github.com/lateengo/gateway/spec"
)

func (r *reader) telemetry(m *telemetry.Telemetry) spec.Telemetry {
	to := spec.Telemetry{
		Name: r.origin.Name, Namespace: r.origin.Namespace, Origin: r.origin,
		Selector: m.Selector.GetMatchLabels(),
	}
	if m.Selector != nil && len(to.Selector) == 0 {
		r.warnAt("spec.selector", "", "has no labels: it selects all workloads of the namespace")
	}
	if m.TargetRef != nil && len(m.TargetRefs) > 0 {
		r.errorAt(spec.CodeConflict, "spec.targetRef", "cannot be combined with targetRefs, which is also set")
	}
	targets := m.TargetRefs
	if m.TargetRef != nil {
		targets = append([]*types.PolicyTargetReference{m.TargetRef}, targets...)
	}
	for _, t := range targets {
		to.Targets = append(to.Targets, spec.TelemetryTarget{Group: t.GetGroup(), Kind: t.GetKind(), Name: t.GetName()})
	}
	for _, t := range m.Tracing {
		to.Tracing = append(to.Tracing, tracing(t))
	}
	return to
}

func tracing(m *telemetry.Tracing) spec.Tracing {
	to := spec.Tracing{
		RandomSamplingPercentage:     optionalFloat(m.GetRandomSamplingPercentage()),
		DisableSpanReporting:         optionalBool(m.GetDisableSpanReporting()),
		UseRequestIDForTraceSampling: optionalBool(m.GetUseRequestIdForTraceSampling()),
		EnableIstioTags:              optionalBool(m.GetEnableIstioTags()),
		DisableContextPropagation:    optionalBool(m.GetDisableContextPropagation()),
	}
	switch m.GetMatch().GetMode() {
	case telemetry.WorkloadMode_CLIENT:
		to.Mode = spec.TracingClient
	case telemetry.WorkloadMode_SERVER:
		to.Mode = spec.TracingServer
	}
	for _, p := range m.GetProviders() {
		to.Providers = append(to.Providers, p.GetName())
	}
	for name, tag := range m.GetCustomTags() {
		if to.CustomTags == nil {
			to.CustomTags = make(map[string]spec.TracingTag, len(m.CustomTags))
		}
		switch t := tag.GetType().(type) {
		case *telemetry.Tracing_CustomTag_Literal:
			to.CustomTags[name] = spec.TracingTag{Literal: t.Literal.GetValue()}
		case *telemetry.Tracing_CustomTag_Environment:
			to.CustomTags[name] = spec.TracingTag{Environment: &spec.TracingTagSource{Name: t.Environment.GetName(), Default: t.Environment.GetDefaultValue()}}
		case *telemetry.Tracing_CustomTag_Header:
			to.CustomTags[name] = spec.TracingTag{Header: &spec.TracingTagSource{Name: t.Header.GetName(), Default: t.Header.GetDefaultValue()}}
		case *telemetry.Tracing_CustomTag_Formatter:
			// A warning says that it has no effect.
		default:
			to.CustomTags[name] = spec.TracingTag{} // validation reports it
		}
	}
	return to
}

// optionalBool returns the value of a wrapper, or nil.
func optionalBool(w *wrapperspb.BoolValue) *bool {
	if w == nil {
		return nil
	}
	return &w.Value
}
