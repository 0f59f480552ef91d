package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

func TestDeclaredTracesAreNotSent(t *testing.T) {
	const told = "warning: lateen serve sends no traces"
	for _, row := range []struct {
		name     string
		declared observe.Tracing
		told     bool
	}{
		{"nothing", observe.Tracing{}, false},
		{"a share of the requests", observe.Tracing{SamplingSet: true, SamplingPercent: 1}, true},
		{"no request", observe.Tracing{SamplingSet: true}, true},
		{"a provider", observe.Tracing{Provider: "zipkin"}, true},
		{"a tag", observe.Tracing{CustomTags: []observe.Tag{{Name: "a", Literal: "b"}}}, true},
		{"no traces", observe.Tracing{Disabled: true, Provider: "zipkin"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out strings.Builder
			printUntraced(&out, row.declared)
			require.Equal(t, row.told, strings.HasPrefix(out.String(), told))
		})
	}
}

func TestServeTellsThatItSendsNoTraces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "telemetry.yaml")
	require.NoError(t, os.WriteFile(path, []byte("apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: mesh, namespace: istio-system}\nspec: {tracing: [{randomSamplingPercentage: 1}]}\n"), 0o600))
	s := serveProduct(t, "-f", path)
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	require.Equal(t, 1, strings.Count(s.stderr.String(), "sends no traces"))
}
