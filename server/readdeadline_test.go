package server

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/pace"
)

// A timedConn counts how often its deadline is set.
type timedConn struct {
	net.Conn
	deadlines int
}

func (c *timedConn) SetReadDeadline(t time.Time) error {
	c.deadlines++
	return c.Conn.SetReadDeadline(t)
}

func TestReadDeadline(t *testing.T) {
	type step func(c *guardedConn, peer net.Conn)
	want := func(after time.Duration) step {
		return func(c *guardedConn, _ net.Conn) { _ = c.SetReadDeadline(time.Now().Add(after)) }
	}
	none := step(func(c *guardedConn, _ net.Conn) { _ = c.SetReadDeadline(time.Time{}) })
	// read reads what the peer sends after the given time.
	read := func(after time.Duration) step {
		return func(c *guardedConn, peer net.Conn) {
			go func() {
				time.Sleep(after)
				_, _ = peer.Write([]byte("x"))
			}()
			_, _ = c.Read(make([]byte, 8))
		}
	}
	// meanwhile does an action during the following step.
	meanwhile := func(after time.Duration, then step) step {
		return func(c *guardedConn, peer net.Conn) {
			go func() {
				time.Sleep(after)
				then(c, peer)
			}()
		}
	}
	// others is a deadline that other code sets on the connection below.
	others := func(after time.Duration) step {
		return func(c *guardedConn, _ net.Conn) { _ = c.Conn.(*timedConn).Conn.SetReadDeadline(time.Now().Add(after)) }
	}
	// interrupt does what the end of a request does to a read of net/http that
	// has just begun.
	interrupt := step(func(c *guardedConn, _ net.Conn) {
		c.deadline.Force(past)
		c.deadline.Force(time.Time{})
	})
	tests := []struct {
		name  string
		steps []step
		// after is when the following read fails; zero is never.
		after time.Duration
		// deadlines is how often the deadline of the connection below was set.
		deadlines int
	}{
		{"none", nil, 0, 0},
		{"one", []step{want(time.Second)}, time.Second, 1},
		{"the last of several", []step{want(time.Second), none, want(3 * time.Second), want(2 * time.Second)}, 2 * time.Second, 1},
		{"one that was taken back", []step{want(time.Second), none}, 0, 0},
		{"one that was met, and taken back", []step{want(time.Second), read(0), none}, 0, 2},
		{"a later one than before", []step{want(time.Second), read(0), want(time.Minute)}, time.Minute, 2},
		{"an earlier one than before", []step{want(time.Minute), read(0), want(time.Second)}, time.Second, 2},
		{"one as before, a little later each time", []step{
			want(time.Minute), read(time.Second), want(time.Minute), read(time.Second), want(time.Minute), read(time.Second), want(time.Minute),
		}, time.Minute, 2},
		{"one that has passed", []step{want(-time.Second)}, -1, 1},
		{"an earlier one while it waits", []step{want(time.Minute), meanwhile(time.Second, want(time.Second))}, 2 * time.Second, 2},
		{"a later one while it waits", []step{want(2 * time.Second), meanwhile(time.Second, want(time.Minute))}, time.Minute + time.Second, 2},
		{"the past while it waits", []step{none, meanwhile(time.Second, want(-time.Hour))}, time.Second, 1},
		{"somebody else's", []step{others(time.Second)}, time.Second, 0},
		{"somebody else's in place of one", []step{want(time.Hour), read(0), others(time.Minute)}, time.Minute, 1},
		{"none, interrupted", []step{meanwhile(time.Second, interrupt)}, 0, 2},
		{"one, interrupted", []step{want(time.Minute), meanwhile(time.Second, interrupt)}, time.Minute, 4},
		{"none while it waits", []step{want(2 * time.Second), meanwhile(time.Second, none)}, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, conn := net.Pipe()
				below := &timedConn{Conn: conn}
				c := guard(below, true, pace.Rate{}, 0)
				defer c.Close()
				for _, s := range tt.steps {
					s(c, peer)
				}
				begun := time.Now()
				if tt.after == 0 {
					time.AfterFunc(24*time.Hour, func() { peer.Close() })
				} else {
					defer peer.Close()
				}
				_, err := c.Read(make([]byte, 8))
				if tt.after == 0 {
					require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
				} else {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					require.Equal(t, max(tt.after, 0), time.Since(begun))
				}
				require.Equal(t, tt.deadlines, below.deadlines)
			})
		})
	}
}

// A lateConn delivers the last byte at the end of the deadline.
type lateConn struct{ net.Conn }

func (lateConn) Read([]byte) (int, error)        { return 1, os.ErrDeadlineExceeded }
func (lateConn) SetReadDeadline(time.Time) error { return nil }

func TestBytesThatComeWithTheDeadlinesEnd(t *testing.T) {
	c := guard(lateConn{}, true, pace.Rate{}, 0)
	for _, tt := range []struct {
		name   string
		wanted time.Duration
		err    error
	}{
		{"the wanted one", time.Hour, os.ErrDeadlineExceeded},
		{"another one", 2 * time.Hour, nil},
	} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(tt.wanted)), tt.name)
		n, err := c.Read(make([]byte, 8))
		require.Equal(t, 1, n, tt.name)
		require.ErrorIs(t, err, tt.err, tt.name)
	}
}

func TestReleasedConnectionsHaveTheirDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, conn := net.Pipe()
		defer peer.Close()
		c := guard(conn, true, pace.Rate{}, 0)
		defer c.Close()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		c.release()
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetDeadline(time.Time{}))
		time.AfterFunc(time.Hour, func() { peer.Close() })
		_, err = conn.Read(make([]byte, 1))
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}
