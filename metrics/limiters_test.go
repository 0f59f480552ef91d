package metrics

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

func TestWriteLimiters(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteLimiters(&out, nil))
	require.Empty(t, out.String())
	require.NoError(t, WriteLimiters(&out, []observe.Limiter{
		{Provider: "default", Asked: 5, Failures: 2, Missed: 7, Failing: true}, {Provider: `a"b`},
	}))
	for _, line := range []string{
		"# TYPE lateen_limiter_asked_total counter",
		`lateen_limiter_asked_total{provider="default"} 5`,
		`lateen_limiter_failures_total{provider="default"} 2`,
		`lateen_limiter_missed_total{provider="default"} 7`,
		"# TYPE lateen_limiter_failing gauge",
		`lateen_limiter_failing{provider="default"} 1`,
		`lateen_limiter_failing{provider="a\"b"} 0`,
	} {
		require.Contains(t, out.String(), line+"\n")
	}
}
