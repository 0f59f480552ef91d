package http1

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// idle returns n connections whose exchange has ended.
func idle(n int, name string) ([]*Conn, []*script) {
	var conns []*Conn
	var scripts []*script
	for range n {
		s := new(script)
		c := NewConn(s, &testLimits)
		c.Name = name
		conns, scripts = append(conns, c), append(scripts, s)
	}
	return conns, scripts
}

// The most recently used connection is used first.
func TestPoolOrder(t *testing.T) {
	p := &Pool{Max: 2}
	defer p.Close()
	conns, _ := idle(3, "")
	require.Nil(t, p.Get(""))
	require.Nil(t, p.Put(conns[0]))
	require.Nil(t, p.Put(conns[1]))
	require.Same(t, conns[0], p.Put(conns[2]), "no more than Max are kept, and those that were used last")
	require.Equal(t, 2, p.Len())
	require.Same(t, conns[2], p.Get(""))
	require.Same(t, conns[1], p.Get(""))
	require.Nil(t, p.Get(""))
	none := &Pool{}
	require.Same(t, conns[0], none.Put(conns[0]))
}

func TestPoolByName(t *testing.T) {
	p := &Pool{Max: 9}
	defer p.Close()
	a, _ := idle(2, "a")
	b, _ := idle(1, "b")
	p.Put(a[0])
	p.Put(b[0])
	p.Put(a[1])
	require.Nil(t, p.Get("c"))
	require.Same(t, b[0], p.Get("b"))
	require.Nil(t, p.Get("b"))
	require.Same(t, a[1], p.Get("a"))
	require.Same(t, a[0], p.Get("a"))
}

// A connection is not used beyond its maximum age, however often it was used.
func TestPoolMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Max: 9, MaxAge: time.Minute}
		defer p.Close()
		conns, scripts := idle(1, "")
		time.Sleep(30 * time.Second)
		younger, _ := idle(1, "")
		require.Nil(t, p.Put(younger[0]))
		require.Nil(t, p.Put(conns[0]))
		require.Same(t, conns[0], p.Get(""))
		require.Nil(t, p.Put(conns[0]))
		time.Sleep(30*time.Second - time.Nanosecond)
		require.Same(t, conns[0], p.Get(""))
		require.Nil(t, p.Put(conns[0]))
		time.Sleep(time.Nanosecond)
		require.Same(t, younger[0], p.Get(""))
		require.Nil(t, p.Put(younger[0]))
		synctest.Wait()
		p.Sweep()
		require.True(t, scripts[0].closed)
		time.Sleep(30 * time.Second)
		require.Same(t, conns[0], p.Put(conns[0]))
	})
}

// Closed is called once for the end of each connection.
func TestClosed(t *testing.T) {
	var closed []string
	conns, _ := idle(3, "a")
	for _, c := range conns {
		c.Closed = func(name string) { closed = append(closed, name) }
	}
	p := &Pool{Max: 1}
	require.Nil(t, p.Put(conns[0]))
	p.Close()
	require.Equal(t, []string{"a"}, closed)
	conns[1].Begin(t.Context())
	conns[1].Abort()
	require.False(t, conns[1].End(false))
	require.Equal(t, []string{"a", "a"}, closed)
	conns[2].Begin(t.Context())
	require.True(t, conns[2].End(true))
	require.Equal(t, []string{"a", "a"}, closed)
	conns[2].Close()
	require.Equal(t, []string{"a", "a", "a"}, closed)
}

func TestPoolClose(t *testing.T) {
	p := &Pool{Max: 9}
	conns, scripts := idle(2, "")
	p.Put(conns[0])
	p.Close()
	require.True(t, scripts[0].closed)
	require.Same(t, conns[1], p.Put(conns[1]))
	require.False(t, scripts[1].closed, "left to the caller")
	require.Nil(t, p.Get(""))
	p.Close()
}

func TestPoolIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Max: 9, IdleTimeout: time.Minute}
		defer p.Close()
		conns, scripts := idle(2, "")
		p.Put(conns[0])
		time.Sleep(30 * time.Second)
		p.Put(conns[1])
		time.Sleep(40 * time.Second)
		synctest.Wait()
		require.True(t, scripts[0].closed)
		require.False(t, scripts[1].closed)
		require.Equal(t, 1, p.Len())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, p.Len())
		require.True(t, scripts[1].closed)
		require.False(t, p.sweeping, "nothing runs for an empty pool")
	})
}

// A connection that is too old is not used even before a sweep.
func TestPoolGetsNoOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Max: 9, IdleTimeout: time.Second}
		defer p.Close()
		conns, _ := idle(1, "")
		conns[0].idleSince = time.Now().Add(-time.Second)
		p.idle = conns
		require.Nil(t, p.Get(""))
	})
}

func TestPoolWithoutIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Max: 9, IdleTimeout: -1}
		defer p.Close()
		conns, _ := idle(1, "")
		p.Put(conns[0])
		time.Sleep(100 * time.Hour)
		require.Same(t, conns[0], p.Get(""))
	})
}

// A connection that the backend has closed is removed.
func TestPoolSweepsClosedOnes(t *testing.T) {
	p := &Pool{Max: 9}
	defer p.Close()
	var far [2]net.Conn
	for i := range far {
		var c *Conn
		c, far[i] = pair(t)
		p.Put(c)
	}
	p.Sweep()
	require.Equal(t, 2, p.Len())
	far[0].Close()
	require.Eventually(t, func() bool { p.Sweep(); return p.Len() == 1 }, patience, time.Millisecond)
}
