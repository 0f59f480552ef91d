package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/pace"
	"github.com/lateengo/gateway/internal/testwire"
)

// guarded returns the two ends of a connection, the second as a server has it.
func guarded(t *testing.T) (client *net.TCPConn, c *guardedConn, ctx context.Context) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	accepted, err := l.Accept()
	require.NoError(t, err)
	c = guard(accepted, true, pace.Rate{}, 0)
	t.Cleanup(func() { c.Close() })
	return conn.(*net.TCPConn), c, withGuard(t.Context(), c)
}

// watched waits until the connection of a request is watched, by net/http if that
// was first.
func watched(c *guardedConn) {
	for !c.presence.watched.Load() && !c.deadline.Busy() {
		runtime.Gosched()
	}
}

func TestPresenceTellsWhoLeaves(t *testing.T) {
	if !canPeek {
		t.Skip("not on this system")
	}
	for name, leave := range map[string]func(client *net.TCPConn) error{
		"at once": func(client *net.TCPConn) error { return client.Close() },
		"half":    func(client *net.TCPConn) error { return client.CloseWrite() },
		"by a reset": func(client *net.TCPConn) error {
			if err := client.SetLinger(0); err != nil {
				return err
			}
			return client.Close()
		},
	} {
		t.Run(name+", while watched", func(t *testing.T) {
			client, c, ctx := guarded(t)
			c.begin()
			watched(c)
			require.NoError(t, ctx.Err())
			require.NoError(t, leave(client))
			testwire.Within(t, ctx.Done())
			c.end(new(bool))
		})
		t.Run(name+", before", func(t *testing.T) {
			client, c, ctx := guarded(t)
			require.NoError(t, leave(client))
			c.begin()
			testwire.Within(t, ctx.Done())
			c.end(new(bool))
		})
	}
}

// An opaqueConn wraps a connection that may have no descriptor.
type opaqueConn struct{ net.Conn }

func (opaqueConn) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func TestConnectionsWithoutDescriptorAreLeftToNetHTTP(t *testing.T) {
	_, pipe := net.Pipe()
	for _, conn := range []net.Conn{pipe, opaqueConn{pipe}} {
		c := guard(conn, true, pace.Rate{}, 0)
		withGuard(t.Context(), c)
		require.Nil(t, c.presence)
		require.NoError(t, c.Close())
	}
}

func TestPresenceLeavesTheConnectionAsItWas(t *testing.T) {
	if !canPeek {
		t.Skip("not on this system")
	}
	client, c, ctx := guarded(t)
	requests := 20
	if testing.Short() {
		requests = 8
	}
	for i := range requests {
		c.begin()
		switch i % 4 {
		case 1: // the request ends while it is watched
			watched(c)
		case 2: // there is data for the next one
			watched(c)
			_, err := io.WriteString(client, "abc")
			require.NoError(t, err)
			for c.presence.watched.Load() {
				runtime.Gosched()
			}
		case 3: // net/http finds nothing
			n, err := c.Read(make([]byte, 1))
			require.NoError(t, err)
			require.Zero(t, n)
		}
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		c.end(new(bool))
		if i%4 != 2 {
			_, err := io.WriteString(client, "abc")
			require.NoError(t, err)
		}
		one := make([]byte, 1)
		for _, want := range "abc" {
			n, err := c.Read(one)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, string(want), string(one))
		}
	}
	require.NoError(t, ctx.Err())
}

func TestPresenceOfASlowRequestThatEndsAtAnyTime(t *testing.T) {
	if !canPeek {
		t.Skip("not on this system")
	}
	_, c, ctx := guarded(t)
	requests := 200
	if testing.Short() {
		requests = 32
	}
	for i := range requests {
		c.begin()
		for range i {
			runtime.Gosched()
		}
		if i%8 == 0 {
			watched(c)
		}
		c.end(new(bool))
		c.presence.mu.Lock()
		require.Nil(t, c.presence.watching)
		c.presence.mu.Unlock()
	}
	require.NoError(t, ctx.Err())
}

func TestClientsThatLeaveEndTheirRequests(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error)
	s, _ := start(t, toApp(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- r.Context().Err()
	}), local(Config{}, 80))
	conn, _ := dial(t, s, 80)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	testwire.Within(t, begun)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, testwire.Within(t, ended), context.Canceled)
}

func TestPipelinedRequestsAreNoDeparture(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- struct{}{}
			testwire.Within(t, finish)
		}
		_, _ = fmt.Fprintf(w, "%s %v", r.URL.Path, r.Context().Err())
	}), local(Config{}, 80))
	conn, in := dial(t, s, 80)
	_, err := io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	testwire.Within(t, begun)
	time.AfterFunc(4*presenceInterval, func() { close(finish) })
	_, err = io.WriteString(conn, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	for _, path := range []string{"/slow", "/next"} {
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, path+" <nil>", string(body))
	}
}

func TestHijackedConnectionsAreReadByteByByte(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(fmt.Sprintf("slow %v", slow), func(t *testing.T) {
			failed := make(chan error, 1)
			s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
				if c := guardIn(r); c != nil && slow && canPeek {
					watched(c)
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					failed <- err
					return
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, "ready\n")
				one := make([]byte, 1)
				for {
					n, err := conn.Read(one)
					if err != nil || n == 0 {
						failed <- err
						return
					}
					if _, err := conn.Write(one); err != nil || one[0] == '\n' {
						failed <- err
						return
					}
				}
			}), local(Config{}, 80))
			conn, in := dial(t, s, 80)
			_, err := io.WriteString(conn, get)
			require.NoError(t, err)
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)
			_, err = io.WriteString(conn, "echo\n")
			require.NoError(t, err)
			line, err = bufio.NewReader(in).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "echo\n", line)
			require.NoError(t, testwire.Within(t, failed))
		})
	}
}
