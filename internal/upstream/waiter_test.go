package upstream

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream/internal/limits"
)

// A place is a stock of one connection, the place itself, which carries one
// request.
type place struct {
	free     bool
	reserved int
	swept    func()
}

func (p *place) Get(string) *place {
	if !p.free {
		return nil
	}
	p.free = false
	p.reserved++
	return p
}

func (p *place) Put(*place) *place {
	p.free = true
	return nil
}

func (p *place) Release(*place) { p.reserved-- }
func (p *place) Sweep()         { p.swept() }
func (p *place) Close()         {}

// A waiter that leaves at the moment it gets a connection leaves the connection
// unchanged.
func TestWaiterLeavesWhatItGets(t *testing.T) {
	p := new(place)
	g := newGate[*place](limits.New(limits.Thresholds{MaxConnections: 1}, nil), p, 1)
	c, err := g.enter(t.Context(), "", false)
	require.NoError(t, err)
	require.Nil(t, c)
	c, err = g.opened("", p)
	require.NoError(t, err)
	// Either may be seen first.
	for range 64 {
		ctx, cancel := context.WithCancel(t.Context())
		p.swept = func() {
			cancel()
			g.end()
			g.give("", c)
		}
		if _, err := g.enter(ctx, "", false); err != nil {
			require.Zero(t, p.reserved)
			_, err = g.enter(t.Context(), "", false)
			require.NoError(t, err)
		}
		require.Equal(t, 1, p.reserved)
		p.reserved = 0
	}
}
