package validate

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

func (v *validator) telemetries() {
	for i := range v.declarations.Telemetries {
		t := &v.declarations.Telemetries[i]
		s := v.site(&t.Origin, "Telemetry", t.Namespace, t.Name)
		selector := s.field("selector")
		v.labels(&selector, "matchLabels", t.Selector)
		if len(t.Selector) > 0 && len(t.Targets) > 0 {
			selector.errorf(spec.CodeConflict, "cannot be combined with targetRefs, which is also set")
		}
		for j := range t.Targets {
			e := s.element("targetRefs", j)
			telemetryTarget(&e, &t.Targets[j])
		}
		for j := range t.Tracing {
			e := s.element("tracing", j)
			v.tracing(&e, &t.Tracing[j])
		}
	}
}

func telemetryTarget(s *site, t *spec.TelemetryTarget) {
	if t.Kind == "" {
		e := s.field("kind")
		e.errorf(spec.CodeMissing, "the kind of the target is missing")
	}
	if t.Name == "" {
		e := s.field("name")
		e.errorf(spec.CodeMissing, "the name of the target is missing")
	}
}

func (v *validator) tracing(s *site, t *spec.Tracing) {
	if t.Mode > spec.TracingServer {
		e := s.field("match.mode")
		e.errorf(spec.CodeInvalid, "%d is not a direction of traffic", t.Mode)
	}
	for i, name := range t.Providers {
		e := s.element("providers", i)
		if name == "" {
			e.errorf(spec.CodeMissing, "the name of the provider is missing")
		} else if i > 0 {
			e.warnf("", "has no effect: only the first provider is used, as in Istio")
		}
	}
	if t.RandomSamplingPercentage != nil {
		e := s.field("randomSamplingPercentage")
		samplingPercentage(&e, *t.RandomSamplingPercentage)
	}
	for _, name := range slices.Sorted(maps.Keys(t.CustomTags)) {
		tag := t.CustomTags[name]
		e := s.entry("customTags", name)
		if name == "" {
			e.errorf(spec.CodeMissing, "the name of the tag is empty")
		}
		tracingTag(&e, &tag)
	}
	if t.UseRequestIDForTraceSampling != nil {
		e := s.field("useRequestIdForTraceSampling")
		e.warnf("", "has no effect: whether a request is sampled never depends on its x-request-id")
	}
	if t.EnableIstioTags != nil {
		e := s.field("enableIstioTags")
		e.warnf("", "has no effect: no span has tags such as istio.canonical_service")
	}
}

// samplingPercentage validates a share of requests. Envoy samples in steps of 0.01.
func samplingPercentage(s *site, percent float64) {
	if !(percent >= 0 && percent <= 100) {
		s.errorf(spec.CodeInvalid, "%v is not a percentage, 0 to 100 is expected", percent)
		return
	}
	switch rounded := resource.SamplingPercent(percent); {
	case rounded == percent || math.Abs(rounded-percent) < 1e-9:
	case rounded == 0:
		s.warnf("", "%v is rounded to 0, since the steps are 0.01: no request is sampled", percent)
	default:
		s.warnf("", "%v is rounded to %v: the steps are 0.01", percent, rounded)
	}
}

func tracingTag(s *site, t *spec.TracingTag) {
	kinds := 0
	for _, given := range []bool{t.Literal != "", t.Environment != nil, t.Header != nil} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		s.errorf(spec.CodeMissing, "the tag has no value: a literal, environment or header is expected")
	case kinds > 1:
		s.errorf(spec.CodeConflict, "the tag has several values: one of literal, environment and header is expected")
	case t.Environment != nil && t.Environment.Name == "":
		e := s.field("environment.name")
		e.errorf(spec.CodeMissing, "the name of the variable is missing")
	case t.Header != nil:
		e := s.field("header.name")
		tagHeader(&e, t.Header.Name)
	}
}

// tagHeader validates the name of a header whose value is a tag.
func tagHeader(s *site, name string) {
	switch {
	case name == "":
		s.errorf(spec.CodeMissing, "the name of the header is missing")
	case !isToken(strings.TrimPrefix(name, ":")):
		s.errorf(spec.CodeInvalid, "%q is not the name of a header", name)
	case name[0] == ':' && !slices.Contains(pseudoHeaders, strings.ToLower(name)):
		s.warnSuggestf("", suggest.Closest(name, pseudoHeaders), "no request has a pseudo-header %q", name)
	}
}
