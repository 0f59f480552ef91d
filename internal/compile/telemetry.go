package compile

import (
	"cmp"
	"maps"
	"os"
	"slices"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// Codes of Istio's analyzers.
const (
	// codeSeveralSelect is ConflictingTelemetryWorkloadSelectors.
	codeSeveralSelect = "IST0159"
	// codeSeveralWithoutSelector is MultipleTelemetriesWithoutWorkloadSelectors.
	codeSeveralWithoutSelector = "IST0160"
)

// A telemetryMerge merges the Telemetries that apply to the gateway, as istiod does for a
// proxy: the oldest one without a selector in the root namespace, then the oldest one
// without a selector in the gateway's namespace, then all in that namespace that select
// the gateway, the oldest first. All elements of tracing count, in order. What sets a
// field later wins; custom tags are not merged with each other.
//
// Istio keeps two sets of settings, for the traffic of clients and of servers, and the
// mode of an element chooses between them. The listeners of a sidecar for its inbound
// traffic use those of servers. All other listeners, and so those of a gateway, use those
// of clients. An element with the mode SERVER has no effect here.
type telemetryMerge struct {
	*Compiler
	covered *findings.Covered
	out     observe.Tracing
	// set has the latest setting of each field.
	set map[string]setting
}

// A setting is a field that a Telemetry sets.
type setting struct {
	at   findings.Place
	from *spec.Telemetry
}

// An appliedTelemetry is a Telemetry that applies to the gateway.
type appliedTelemetry struct {
	*spec.Telemetry
	name resource.Name
	at   findings.Place
}

// tracing returns the settings of traces for the gateway. It warns of all settings
// without effect.
func (c *Compiler) tracing() observe.Tracing {
	if len(c.D.Telemetries) == 0 {
		return observe.Tracing{}
	}
	m := &telemetryMerge{Compiler: c, covered: c.Covered(), set: map[string]setting{}}
	for _, t := range m.applied() {
		for i := range t.Tracing {
			m.element(&t, i)
		}
	}
	return m.out
}

// applied returns the Telemetries that apply to the gateway, the least specific first.
func (m *telemetryMerge) applied() []appliedTelemetry {
	order := make([]*spec.Telemetry, len(m.D.Telemetries))
	for i := range order {
		order[i] = &m.D.Telemetries[i]
	}
	slices.SortStableFunc(order, func(a, b *spec.Telemetry) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	var levels [resource.TelemetryOfWorkload + 1][]appliedTelemetry
	for _, t := range order {
		name := resource.Name{Namespace: cmp.Or(t.Namespace, m.O.Namespace), Name: t.Name}
		a := appliedTelemetry{t, name, m.At(named(t.Origin, "Telemetry", name.Namespace, t.Name))}
		level, elsewhere := m.O.Workload.LevelOf(t, name.Namespace)
		same := levels[level]
		switch {
		case level == resource.TelemetryElsewhere:
			a.at.Warnf("", "the Telemetry does not apply to this gateway: %s", elsewhere)
			continue
		case len(same) > 0 && level == resource.TelemetryOfWorkload:
			a.at.Warnf(codeSeveralSelect, "Telemetry %s selects the gateway too: where both set a field, this one wins, because it is younger", same[len(same)-1].name)
		case len(same) > 0:
			a.at.Warnf(codeSeveralWithoutSelector, "Telemetry %s has no selector either and is older: this one has no effect", same[0].name)
			continue
		case len(t.Tracing) == 0 && !m.covered.HasBelow(a.at):
			a.at.Warnf("", "has no effect: it has no tracing")
		}
		levels[level] = append(same, a)
	}
	return slices.Concat(levels[:]...)
}

// element adds the element i of tracing of a Telemetry.
func (m *telemetryMerge) element(from *appliedTelemetry, i int) {
	t, at := &from.Tracing[i], from.at.Field("tracing").Index(i)
	if t.Mode == spec.TracingServer {
		at.Field("match.mode").Warnf("", "has no effect: a gateway is a client of its destinations, and has the settings for CLIENT or CLIENT_AND_SERVER")
		return
	}
	sets := false
	wins := func(field string) {
		switch earlier, ok := m.set[field]; {
		case ok && earlier.from == from.Telemetry:
			earlier.at.Warnf("", "has no effect: a later element of tracing sets it too, and wins")
		case ok:
			earlier.at.Warnf("", "has no effect: Telemetry %s sets it too, and wins", from.name)
		}
		m.set[field] = setting{at.Field(field), from.Telemetry}
		sets = true
	}
	if len(t.Providers) > 0 {
		wins("providers")
		m.out.Provider = t.Providers[0]
	}
	if t.RandomSamplingPercentage != nil {
		wins("randomSamplingPercentage")
		m.out.SamplingSet, m.out.SamplingPercent = true, resource.SamplingPercent(*t.RandomSamplingPercentage)
	}
	if t.DisableSpanReporting != nil {
		wins("disableSpanReporting")
		m.out.Disabled = *t.DisableSpanReporting
	}
	if t.DisableContextPropagation != nil {
		wins("disableContextPropagation")
		m.out.PropagationDisabled = *t.DisableContextPropagation
	}
	if t.CustomTags != nil {
		wins("customTags")
		m.out.CustomTags = tags(t.CustomTags, at.Field("customTags"))
	}
	if !sets && !m.covered.HasBelow(at) {
		at.Warnf("", "has no effect: it sets nothing")
	}
}

// tags returns the tags of spans by name. It reads the environment.
func tags(declared map[string]spec.TracingTag, at findings.Place) []observe.Tag {
	var out []observe.Tag
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		tag := observe.Tag{Name: name, Literal: declared[name].Literal}
		if from := declared[name].Environment; from != nil {
			value, ok := os.LookupEnv(from.Name)
			if !ok {
				value = from.Default
			}
			if value == "" {
				at.Key(name).Warnf("", "has no effect: the environment variable %q has no value, and there is no default", from.Name)
				continue
			}
			tag.Literal = value
		}
		if from := declared[name].Header; from != nil {
			tag.Header, tag.Default = from.Name, from.Default
		}
		out = append(out, tag)
	}
	return out
}
