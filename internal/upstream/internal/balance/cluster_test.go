package balance_test

import (
	"math/rand/v2"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// A cluster is a balancer and a detector that work together, as in a
// destination.
type cluster struct {
	*balance.Balancer
	*outlier.Detector
	monitors []*outlier.Monitor
	at       atomic.Int64
}

func newCluster(b balance.Config, o outlier.Config, n int) *cluster {
	c := &cluster{}
	hosts := make([]balance.Host, n)
	b.Random = rand.New(rand.NewPCG(1, 2)).Uint64
	c.Detector = outlier.New(o, func() time.Time { return time.Unix(0, c.at.Load()) }, func() { c.Update() })
	for i := range hosts {
		hosts[i] = balance.Host{Address: string(rune('a' + i)), State: new(balance.State)}
		c.monitors = append(c.monitors, c.Add(&hosts[i].State.Ejected, nil))
	}
	c.Balancer = balance.New(b, hosts)
	return c
}

// serve sends n requests, to which the listed hosts answer with status 503, and
// returns the number of these answers. -1 means that there was no host.
func (c *cluster) serve(n int, failing ...bool) int {
	failed := 0
	for range n {
		c.Sweep()
		i := c.Pick(balance.Request{})
		switch {
		case i < 0:
			return -1
		case failing[i]:
			c.monitors[i].Response(503)
			failed++
		default:
			c.monitors[i].Response(200)
		}
	}
	return failed
}

// With the default of ten percent, a failing host of three stays in.
func TestThreeHostsEjectNobody(t *testing.T) {
	c := newCluster(balance.Config{}, outlier.Config{Consecutive5xx: 1}, 3)
	require.InDelta(t, 1000, c.serve(3000, true, false, false), 120)
	require.Zero(t, c.Ejected())

	c = newCluster(balance.Config{}, outlier.Config{Consecutive5xx: 1, MaxEjectionPercent: 34}, 3)
	require.Equal(t, 1, c.serve(3000, true, false, false))
}

// If all may be ejected, all are, and no host is left: without a threshold
// there is no panic.
func TestAllHostsEjected(t *testing.T) {
	c := newCluster(balance.Config{}, outlier.Config{Consecutive5xx: 1, MaxEjectionPercent: 100}, 3)
	require.Equal(t, -1, c.serve(100, true, true, true))
	require.Equal(t, 3, c.Ejected())
	c.at.Store(int64(30 * time.Second))
	require.Zero(t, c.serve(100, false, false, false))

	c = newCluster(balance.Config{PanicThreshold: 50}, outlier.Config{Consecutive5xx: 1, MaxEjectionPercent: 100}, 3)
	require.Equal(t, 100, c.serve(100, true, true, true))
	require.Equal(t, 3, c.Ejected())
}

// A host that fails repeatedly gets one request, and is ejected for longer each
// time.
func TestEjectionsGrowLonger(t *testing.T) {
	c := newCluster(balance.Config{Policy: balance.RoundRobin}, outlier.Config{
		Consecutive5xx: 1, MaxEjectionPercent: 50, Interval: time.Second, BaseEjectionTime: 10 * time.Second,
	}, 2)
	for _, want := range []int{1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0} {
		require.Equal(t, want, c.serve(10, true, false))
		c.at.Add(int64(10 * time.Second))
	}
}

// Requests of one user go to one host, and requests without a key to any host.
func TestSticky(t *testing.T) {
	c := newCluster(balance.Config{Policy: balance.Maglev, TableSize: 251}, outlier.Config{}, 5)
	key := hashkey.Key{Header: "x-user"}
	pick := func(user string) int {
		r := httptest.NewRequest("GET", "/", nil)
		if user != "" {
			r.Header.Set("X-User", user)
		}
		h := key.Hash(r, hashkey.Connection{})
		return c.Pick(balance.Request{Hash: h.Value, Hashed: h.Found})
	}
	users, anyone := make(map[int]bool), make(map[int]bool)
	for _, user := range []string{"ann", "bob", "cy", "dee", "eve", "fay", "guy", "hal", "ida", "jo"} {
		first := pick(user)
		users[first] = true
		for range 100 {
			require.Equal(t, first, pick(user))
			anyone[pick("")] = true
		}
	}
	require.Greater(t, len(users), 2)
	require.Len(t, anyone, 5)
}
