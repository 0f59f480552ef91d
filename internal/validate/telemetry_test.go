package validate

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestValidateTelemetry(t *testing.T) {
	percent := func(p float64) spec.Tracing { return spec.Tracing{RandomSamplingPercentage: &p} }
	tag := func(t spec.TracingTag) spec.Tracing {
		return spec.Tracing{CustomTags: map[string]spec.TracingTag{"a": t}}
	}
	from := func(name string) *spec.TracingTagSource { return &spec.TracingTagSource{Name: name, Default: "none"} }
	const (
		at     = "tracing[0]"
		sample = at + ".randomSamplingPercentage: "
		a      = at + ".customTags[a]"
	)
	for _, row := range []struct {
		name    string
		tracing spec.Tracing
		want    []string
	}{
		{"nothing", spec.Tracing{}, nil},
		{"no request", percent(0), nil},
		{"all requests", percent(100), nil},
		{"the smallest step", percent(0.01), nil},
		{"a step that no binary number hits", percent(0.29), nil},
		{"less than none", percent(-0.01), []string{"error " + sample + "-0.01 is not a percentage, 0 to 100 is expected"}},
		{"more than all", percent(100.01), []string{"error " + sample + "100.01 is not a percentage, 0 to 100 is expected"}},
		{"no number", percent(math.NaN()), []string{"error " + sample + "NaN is not a percentage, 0 to 100 is expected"}},
		{"less than the smallest step", percent(0.004), []string{"warning " + sample + "0.004 is rounded to 0, since the steps are 0.01: no request is sampled"}},
		{"between two steps", percent(1.234), []string{"warning " + sample + "1.234 is rounded to 1.23: the steps are 0.01"}},

		{"one provider", spec.Tracing{Providers: []string{"zipkin"}}, nil},
		{"two providers", spec.Tracing{Providers: []string{"zipkin", "other"}}, []string{"warning " + at + ".providers[1]: has no effect: only the first provider is used, as in Istio"}},
		{"a provider without a name", spec.Tracing{Providers: []string{""}}, []string{"error " + at + ".providers[0]: the name of the provider is missing"}},
		{"the last mode", spec.Tracing{Mode: spec.TracingServer}, nil},
		{"no mode", spec.Tracing{Mode: spec.TracingServer + 1}, []string{"error " + at + ".match.mode: 3 is not a direction of traffic"}},

		{"a literal", tag(spec.TracingTag{Literal: "b"}), nil},
		{"a variable", tag(spec.TracingTag{Environment: from("ZONE")}), nil},
		{"a header", tag(spec.TracingTag{Header: from("x-tenant")}), nil},
		{"a pseudo-header", tag(spec.TracingTag{Header: from(":Path")}), nil},
		{"a tag without a value", tag(spec.TracingTag{}), []string{"error " + a + ": the tag has no value: a literal, environment or header is expected"}},
		{"a tag with two values", tag(spec.TracingTag{Literal: "b", Header: from("x")}), []string{"error " + a + ": the tag has several values: one of literal, environment and header is expected"}},
		{"a variable without a name", tag(spec.TracingTag{Environment: from("")}), []string{"error " + a + ".environment.name: the name of the variable is missing"}},
		{"a header without a name", tag(spec.TracingTag{Header: from("")}), []string{"error " + a + ".header.name: the name of the header is missing"}},
		{"no header", tag(spec.TracingTag{Header: from("x tenant")}), []string{"error " + a + `.header.name: "x tenant" is not the name of a header`}},
		{"no pseudo-header", tag(spec.TracingTag{Header: from(":paht")}), []string{"warning " + a + `.header.name: no request has a pseudo-header ":paht"; did you mean ":path"?`}},
		{"a tag without a name", spec.Tracing{CustomTags: map[string]spec.TracingTag{"": {Literal: "b"}}}, []string{"error " + at + ".customTags[]: the name of the tag is empty"}},

		{"the request's ID", spec.Tracing{UseRequestIDForTraceSampling: new(false)}, []string{
			"warning " + at + ".useRequestIdForTraceSampling: has no effect: whether a request is sampled never depends on its x-request-id"}},
		{"Istio's tags", spec.Tracing{EnableIstioTags: new(true)}, []string{"warning " + at + ".enableIstioTags: has no effect: no span has tags such as istio.canonical_service"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var want []string
			for _, line := range row.want {
				kind, text, _ := strings.Cut(line, " ")
				want = append(want, kind+" Telemetry default/traces: "+text)
			}
			got := validated(spec.Declarations{Telemetries: []spec.Telemetry{{Name: "traces", Tracing: []spec.Tracing{row.tracing}}}}, Options{})
			if len(got) == 0 {
				got = nil
			}
			require.Equal(t, want, got)
		})
	}
}

func TestValidateTelemetryTargets(t *testing.T) {
	app := map[string]string{"app": "shop"}
	target := []spec.TelemetryTarget{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: "public"}}
	for _, row := range []struct {
		name      string
		telemetry spec.Telemetry
		want      []string
	}{
		{"a selector", spec.Telemetry{Selector: app}, []string{}},
		{"a target", spec.Telemetry{Targets: target}, []string{}},
		{"both", spec.Telemetry{Selector: app, Targets: target}, []string{"error Telemetry default/traces: selector: cannot be combined with targetRefs, which is also set"}},
		{"a wildcard", spec.Telemetry{Selector: map[string]string{"app": "*"}}, []string{`error Telemetry default/traces: selector.matchLabels[app]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"an empty target", spec.Telemetry{Targets: []spec.TelemetryTarget{{}}}, []string{
			"error Telemetry default/traces: targetRefs[0].kind: the kind of the target is missing",
			"error Telemetry default/traces: targetRefs[0].name: the name of the target is missing"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.telemetry.Name = "traces"
			require.Equal(t, row.want, validated(spec.Declarations{Telemetries: []spec.Telemetry{row.telemetry}}, Options{}))
		})
	}
	t.Run("one name twice", func(t *testing.T) {
		require.Equal(t, []string{"error Telemetry default/traces: Telemetry default/traces is declared twice"},
			validated(spec.Declarations{Telemetries: []spec.Telemetry{{Name: "traces"}, {Name: "traces", Namespace: "default"}}}, Options{}))
	})
}
