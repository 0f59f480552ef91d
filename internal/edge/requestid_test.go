package edge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestIDs(t *testing.T) {
	e := Edge{Random: Random, IDs: new(RequestIDs)}
	seen := map[string]bool{}
	for range 10 * idBatch {
		id := e.RequestID()
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
		require.False(t, seen[id])
		seen[id] = true
	}
	e = Edge{Random: func() uint64 { return 0x0807060504030201 }, IDs: new(RequestIDs)}
	require.Equal(t, "01020304-0506-4708-8102-030405060708", e.RequestID())
}
