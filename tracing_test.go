package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// The settings of traces follow replacements, and stay if one fails.
func TestTracing(t *testing.T) {
	declaring := func(tracing ...spec.Tracing) *gateway.Builder {
		return gateway.New().Backend("a", testhttp.Saying("a")).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).
			Telemetry(spec.Telemetry{Name: "mesh", Namespace: "istio-system", Tracing: tracing})
	}
	var gw gateway.Gateway
	require.Zero(t, gw.Tracing(), "nothing is built yet")
	require.NoError(t, gw.Replace(declaring(spec.Tracing{RandomSamplingPercentage: new(12.345)})))
	sampled := observe.Tracing{SamplingSet: true, SamplingPercent: 12.35}
	require.Equal(t, sampled, gw.Tracing())
	require.Contains(t, gw.String(), "\ntraces sampled 12.35%\n")

	err := gw.Replace(declaring(spec.Tracing{RandomSamplingPercentage: new(101.0)}))
	require.ErrorContains(t, err, "Telemetry istio-system/mesh: Tracing[0].RandomSamplingPercentage: 101 is not a percentage")
	require.Equal(t, sampled, gw.Tracing())

	require.NoError(t, gw.Replace(declaring()))
	require.Zero(t, gw.Tracing())
	require.NotContains(t, gw.String(), "traces")
	require.NoError(t, gw.Close())
}

// Programs that treat traces differently print differently.
func TestTracingIsPrinted(t *testing.T) {
	gw, err := gateway.New().Telemetry(spec.Telemetry{Name: "mesh", Namespace: "istio-system", Tracing: []spec.Tracing{{
		Providers: []string{"zipkin"}, DisableSpanReporting: new(true), DisableContextPropagation: new(true), RandomSamplingPercentage: new(0.5),
		CustomTags: map[string]spec.TracingTag{
			"a": {Literal: "b"}, "h": {Header: &spec.TracingTagSource{Name: "x-h"}}, "d": {Header: &spec.TracingTagSource{Name: "x-d", Default: "none"}},
		},
	}}}).Build()
	require.NoError(t, err)
	defer gw.Close()
	require.Contains(t, gw.String(), `
traces off sampled 0.5% not propagated provider "zipkin"
  tag "a" literal "b"
  tag "d" header "x-d" default "none"
  tag "h" header "x-h"
`)
}
