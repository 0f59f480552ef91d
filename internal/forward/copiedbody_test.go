package forward

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Copies end with the exchange, no matter who has read the body. All mirrors
// together hold a limited amount of body data. Data that a mirror has read or
// given up makes room for the others.
func TestMirrorsThatFallBehindTogether(t *testing.T) {
	var lag atomic.Int64
	write := func(c *CopiedBody, n int) error {
		c.write(make([]byte, n), nil, nil)
		return c.err
	}
	fill := func() (all []*CopiedBody) {
		for range mirrorsLag / MirrorLag {
			c := NewCopiedBody(nil, &lag)
			require.NoError(t, write(c, MirrorLag))
			all = append(all, c)
		}
		return all
	}
	all := fill()
	late := NewCopiedBody(nil, &lag)
	require.ErrorIs(t, write(late, 1), ErrSlowCopy)
	require.EqualValues(t, mirrorsLag, lag.Load())

	_, err := all[0].Read(make([]byte, 3))
	require.NoError(t, err)
	require.NoError(t, write(NewCopiedBody(nil, &lag), 3))
	require.ErrorIs(t, write(NewCopiedBody(nil, &lag), 1), ErrSlowCopy)

	require.ErrorIs(t, write(all[1], 1), ErrSlowCopy)
	require.NoError(t, write(NewCopiedBody(nil, &lag), MirrorLag))
	for _, c := range all {
		require.NoError(t, c.Close())
	}
	require.EqualValues(t, MirrorLag+3, lag.Load())
}
