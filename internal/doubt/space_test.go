package doubt

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrimValues(t *testing.T) {
	h := http.Header{"A": {" x", "y ", "\tz \t", "a b"}, "B": {"", " "}, "C": nil, "D": {"x"}}
	TrimValues(h)
	require.Equal(t, http.Header{"A": {"x", "y", "z", "a b"}, "B": {"", ""}, "C": nil, "D": {"x"}}, h)
	require.Zero(t, testing.AllocsPerRun(100, func() { TrimValues(h) }))
}
