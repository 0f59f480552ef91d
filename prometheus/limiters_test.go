package prometheus

import (
	"bytes"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
)

// The collector has what the text has.
func TestLimiterCollector(t *testing.T) {
	list := []observe.Limiter{{Provider: "default", Asked: 5, Failures: 2, Missed: 7, Failing: true}, {Provider: "other"}}
	registry := client.NewPedanticRegistry()
	registry.MustRegister(NewLimiterCollector(func() []observe.Limiter { return list }))
	var text bytes.Buffer
	require.NoError(t, metrics.WriteLimiters(&text, list))
	require.NoError(t, testutil.GatherAndCompare(registry, &text))
}
