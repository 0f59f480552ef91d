package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/lateengo/gateway/spec"
	telemetry "istio.io/api/telemetry/v1alpha1"
	types "istio.io/api/type/v1beta1"
)

func (w *writer) writeTelemetries() {
	list := w.declared.Telemetries
	of := make([]naming, len(list))
	for i := range list {
		of[i] = naming{cmp.Or(list[i].Namespace, w.options.Namespace), list[i].Name, list[i].Created, ""}
	}
	for i, name := range namesOf("telemetry", of) {
		t := &list[i]
		doc := w.document(t.Origin, "telemetry.istio.io/v1", "Telemetry", t.Namespace, name, t.Created)
		if t.Name == "" {
			w.note(doc, "metadata.name", "the Telemetry had no name")
		}
		m := &telemetry.Telemetry{}
		if len(t.Selector) > 0 {
			m.Selector = &types.WorkloadSelector{MatchLabels: t.Selector}
		}
		for _, target := range t.Targets {
			m.TargetRefs = append(m.TargetRefs, &types.PolicyTargetReference{Group: target.Group, Kind: target.Kind, Name: target.Name})
		}
		for j := range t.Tracing {
			m.Tracing = append(m.Tracing, w.tracing(doc, fmt.Sprintf("spec.tracing[%d]", j), &t.Tracing[j]))
		}
		doc.content.set("spec", messageValue(m))
	}
}

func (w *writer) tracing(doc *written, path string, s *spec.Tracing) *telemetry.Tracing {
	m := &telemetry.Tracing{
		RandomSamplingPercentage:     floatMessage(s.RandomSamplingPercentage),
		DisableSpanReporting:         boolMessage(s.DisableSpanReporting),
		UseRequestIdForTraceSampling: boolMessage(s.UseRequestIDForTraceSampling),
		EnableIstioTags:              boolMessage(s.EnableIstioTags),
		DisableContextPropagation:    boolMessage(s.DisableContextPropagation),
	}
	switch s.Mode {
	case spec.TracingClientAndServer:
	case spec.TracingClient:
		m.Match = &telemetry.Tracing_TracingSelector{Mode: telemetry.WorkloadMode_CLIENT}
	case spec.TracingServer:
		m.Match = &telemetry.Tracing_TracingSelector{Mode: telemetry.WorkloadMode_SERVER}
	default:
		w.lost(doc, path+".match.mode", fmt.Sprintf("%d is not a mode", s.Mode))
	}
	for _, name := range s.Providers {
		m.Providers = append(m.Providers, &telemetry.ProviderRef{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(s.CustomTags)) {
		if m.CustomTags == nil {
			m.CustomTags = make(map[string]*telemetry.Tracing_CustomTag, len(s.CustomTags))
		}
		m.CustomTags[name] = w.customTag(doc, path+".customTags["+name+"]", s.CustomTags[name])
	}
	return m
}

func (w *writer) customTag(doc *written, path string, s spec.TracingTag) *telemetry.Tracing_CustomTag {
	m := &telemetry.Tracing_CustomTag{}
	sources := 0
	if s.Literal != "" {
		sources++
		m.Type = &telemetry.Tracing_CustomTag_Literal{Literal: &telemetry.Tracing_Literal{Value: s.Literal}}
	}
	if e := s.Environment; e != nil {
		sources++
		m.Type = &telemetry.Tracing_CustomTag_Environment{Environment: &telemetry.Tracing_Environment{Name: e.Name, DefaultValue: e.Default}}
	}
	if h := s.Header; h != nil {
		sources++
		m.Type = &telemetry.Tracing_CustomTag_Header{Header: &telemetry.Tracing_RequestHeader{Name: h.Name, DefaultValue: h.Default}}
	}
	if sources > 1 {
		w.lost(doc, path, "it has several values: only one can be written")
	}
	return m
}
