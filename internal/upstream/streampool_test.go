package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// limitedBackend serves handler over h2c, with the given number of concurrent
// requests on a connection, and counts the open connections.
func limitedBackend(t *testing.T, streams int, handler http.HandlerFunc) (address string, states <-chan http.ConnState) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
	changes := make(chan http.ConnState, 100)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew || s == http.StateClosed {
			changes <- s
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), changes
}

// overHTTP2 returns the Config of one endpoint that speaks HTTP/2.
func overHTTP2(address string) Config {
	c := to(Direct, address)
	c.Protocol = HTTP2
	return c
}

// Requests share an HTTP/2 connection while it is being made, and are pending
// until it is ready.
func TestStreamsShareAConnection(t *testing.T) {
	s := newStage(t)
	address, states := limitedBackend(t, 100, s.ServeHTTP)
	dialing, dial := make(chan struct{}, 9), make(chan struct{})
	c := overHTTP2(address)
	c.Limits = &Limits{MaxConnections: 5, MaxPendingRequests: 3}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialing <- struct{}{}
		<-dial
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	u := newUpstream(t, c)
	var all []<-chan *hostRecorder
	for i := range 3 {
		all = append(all, begin(u, get("/")))
		pending(t, u, int64(i+1))
	}
	overflowed(t, testwire.Within(t, begin(u, get("/refused"))).failed)
	testwire.Within(t, dialing)
	close(dial)
	for range 3 {
		testwire.Within(t, s.arrived)
	}
	pending(t, u, 0)
	all = append(all, begin(u, get("/")))
	testwire.Within(t, s.arrived)
	require.EqualValues(t, 1, u.breaker.Connections.Active())
	require.Empty(t, dialing)
	s.leave()
	for _, one := range all {
		require.Equal(t, 200, testwire.Within(t, one).Code)
	}
	settled(t, u)
	require.Equal(t, http.StateNew, testwire.Within(t, states))
	require.Equal(t, http.StateClosed, testwire.Within(t, states))
}

// The backend's limit of streams is respected: another connection is made if
// the limits allow it; otherwise requests wait.
func TestBackendLimitsStreams(t *testing.T) {
	for most, connections := range map[uint32]int64{0: 2, 2: 2, 1: 1} {
		s := newStage(t)
		address, _ := limitedBackend(t, 2, s.ServeHTTP)
		c := overHTTP2(address)
		c.Limits = &Limits{MaxConnections: most}
		u := newUpstream(t, c)
		// The first request learns of the limit.
		first := begin(u, get("/"))
		testwire.Within(t, s.arrived)
		known := func() bool {
			pool := u.hosts.Load().hosts[0].client.(*netHTTP).pool
			pool.mu.Lock()
			defer pool.mu.Unlock()
			return pool.ready[""][0].Available() == 1
		}
		require.Eventually(t, known, patience, time.Millisecond)
		all := []<-chan *hostRecorder{first, begin(u, get("/")), begin(u, get("/"))}
		testwire.Within(t, s.arrived)
		if connections == 1 {
			queued(t, u, 1)
			require.Empty(t, s.arrived)
		} else {
			testwire.Within(t, s.arrived)
		}
		require.Equal(t, connections, u.breaker.Connections.Active())
		s.leave()
		for _, one := range all {
			require.Equal(t, 200, testwire.Within(t, one).Code)
		}
		settled(t, u)
	}
}

// Each connection carries no more than the destination's limit, whatever the
// backend allows; a request without room makes another connection, or waits.
func TestMaxConcurrentStreams(t *testing.T) {
	for _, row := range []struct {
		streams     int
		connections uint32
		running     int
		waiting     int
		used        int64
	}{
		{0, 0, 5, 0, 1},
		{5, 0, 5, 0, 1},
		{4, 0, 5, 0, 2},
		{2, 0, 5, 0, 3},
		{2, 2, 4, 1, 2},
		{1, 1, 1, 4, 1},
	} {
		s := newStage(t)
		address, states := limitedBackend(t, 100, s.ServeHTTP)
		c := overHTTP2(address)
		c.MaxConcurrentStreams = row.streams
		c.Limits = &Limits{MaxConnections: row.connections}
		u := newUpstream(t, c)
		var all []<-chan *hostRecorder
		for range row.running {
			all = append(all, begin(u, get("/")))
			testwire.Within(t, s.arrived)
		}
		for i := range row.waiting {
			all = append(all, begin(u, get("/")))
			queued(t, u, i+1)
		}
		require.Empty(t, s.arrived)
		require.Equal(t, row.used, u.breaker.Connections.Active())
		s.leave()
		for _, one := range all {
			require.Equal(t, 200, testwire.Within(t, one).Code)
		}
		require.Len(t, states, int(row.used), "a place is used again")
		settled(t, u)
	}
}

// A stream ends shortly after its exchange. That delays the next one, but has
// no other effect.
func TestStreamsOneAfterTheOther(t *testing.T) {
	requests := 100
	if testing.Short() {
		requests = 25
	}
	for _, backend := range []int{1, 100} {
		address, states := limitedBackend(t, backend, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
		c := overHTTP2(address)
		c.MaxConcurrentStreams = 1
		c.Limits = &Limits{MaxConnections: 1}
		u := newUpstream(t, c)
		// The backend's limit is known from now on.
		require.Equal(t, 200, testwire.Within(t, begin(u, get("/"))).Code)
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for i := range requests {
					r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(strings.Repeat("x", i)))
					w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
					u.ServeHTTP(w, r)
					if w.failed != nil || w.Body.Len() != i {
						t.Errorf("%d bytes: got %d, failure %+v", i, w.Body.Len(), w.failed)
					}
				}
			})
		}
		running.Wait()
		require.Len(t, states, 1, "one connection")
		settled(t, u)
	}
}

// A refused request uses no stream of a connection, and does not count toward
// its maximum number of requests.
func TestRefusedRequestsTakeNoStreams(t *testing.T) {
	for name, protocol := range map[string]Protocol{"HTTP/1.1": HTTP1, "HTTP/2": HTTP2} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			address := httpBackend(t, s.ServeHTTP)
			c := to(NetHTTP, address)
			c.Protocol, c.MaxConcurrentStreams, c.MaxRequestsPerConnection = protocol, 3, 3
			c.Limits = &Limits{MaxConnections: 2, MaxRequests: 1}
			u := newUpstream(t, c)
			first := begin(u, get("/"))
			testwire.Within(t, s.arrived)
			for range 5 {
				overflowed(t, testwire.Within(t, begin(u, get("/"))).failed)
			}
			used := u.breaker.Connections.Active()
			s.leave()
			require.Equal(t, 200, testwire.Within(t, first).Code)
			for range 2 {
				require.Equal(t, 200, testwire.Within(t, begin(u, get("/"))).Code)
			}
			if protocol == HTTP2 {
				require.EqualValues(t, 1, used)
				require.Zero(t, u.breaker.Connections.Active(), "three requests were made")
			} else {
				require.EqualValues(t, 2, used)
			}
			settled(t, u)
		})
	}
}

// An unused connection whose streams the backend has not released may end while
// a request waits for it. The request then gets another one.
func TestWaiterOutlivesConnection(t *testing.T) {
	var connections atomic.Int64
	arrived, cut := make(chan struct{}, 9), make(chan struct{})
	address := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		first := connections.Add(1) == 1
		if first {
			go func() {
				<-cut
				conn.Close()
			}()
		}
		const data, headers, settings, endStream, endHeaders = 0, 1, 4, 1, 4
		frame := func(kind, flags, stream byte, payload string) {
			_, _ = io.WriteString(conn, string([]byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, stream})+payload)
		}
		_, _ = in.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		frame(settings, 0, 0, "")
		for head := make([]byte, 9); ; {
			if _, err := io.ReadFull(in, head); err != nil {
				return
			}
			_, _ = in.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2]))
			if head[3] != headers {
				// A PING is not answered either, because the answer would
				// confirm a reset.
				continue
			}
			arrived <- struct{}{}
			if !first {
				const status200 = "\x88"
				frame(headers, endHeaders, head[8], status200)
				frame(data, endStream, head[8], "")
			}
		}
	})
	c := overHTTP2(address)
	c.MaxConcurrentStreams = 1
	c.Limits = &Limits{MaxConnections: 1}
	u := newUpstream(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	gone := begin(u, get("/").WithContext(ctx))
	testwire.Within(t, arrived)
	cancel()
	testwire.Within(t, gone)
	waiting := begin(u, get("/"))
	queued(t, u, 1)
	close(cut)
	require.Equal(t, 200, testwire.Within(t, waiting).Code)
	settled(t, u)
}

// As many requests wait for a connection that is being made as it can carry.
func TestMaxConcurrentStreamsOfNewConnections(t *testing.T) {
	s := newStage(t)
	address, _ := limitedBackend(t, 100, s.ServeHTTP)
	dialing, dial := make(chan struct{}, 9), make(chan struct{})
	c := overHTTP2(address)
	c.MaxConcurrentStreams = 2
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialing <- struct{}{}
		<-dial
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	u := newUpstream(t, c)
	var all []<-chan *hostRecorder
	for i := range 5 {
		all = append(all, begin(u, get("/")))
		if i%2 == 0 {
			testwire.Within(t, dialing)
		} else {
			queued(t, u, (i+1)/2)
		}
	}
	require.Empty(t, dialing)
	close(dial)
	for range all {
		testwire.Within(t, s.arrived)
	}
	s.leave()
	for _, one := range all {
		require.Equal(t, 200, testwire.Within(t, one).Code)
	}
}

// If the only connection cannot be made, no request waits for it any longer.
func TestStreamsFailWithConnection(t *testing.T) {
	dialing, fail := make(chan struct{}, 9), make(chan struct{})
	c := overHTTP2("127.0.0.1:1")
	c.Limits = &Limits{MaxConnections: 1}
	c.Dial = func(context.Context, string, string) (net.Conn, error) {
		dialing <- struct{}{}
		<-fail
		return nil, errors.New("down")
	}
	u := newUpstream(t, c)
	first := begin(u, get("/"))
	testwire.Within(t, dialing)
	second := begin(u, get("/"))
	queued(t, u, 1)
	close(fail)
	require.Equal(t, FlagConnectFailure, testwire.Within(t, first).failed.Flag)
	require.Equal(t, FlagConnectFailure, testwire.Within(t, second).failed.Flag)
	require.Empty(t, dialing)
	settled(t, u)
}

// If the request that makes the connection for others is canceled, the next one
// makes it.
func TestStreamsOutliveWhoConnects(t *testing.T) {
	address, _ := limitedBackend(t, 100, func(http.ResponseWriter, *http.Request) {})
	dialing := make(chan struct{}, 9)
	first := true
	c := overHTTP2(address)
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if first {
			first = false
			dialing <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	u := newUpstream(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	gone := begin(u, get("/").WithContext(ctx))
	testwire.Within(t, dialing)
	second, third := begin(u, get("/")), begin(u, get("/"))
	queued(t, u, 2)
	cancel()
	require.Equal(t, FlagDownstream, testwire.Within(t, gone).failed.Flag)
	require.Equal(t, 200, testwire.Within(t, second).Code)
	require.Equal(t, 200, testwire.Within(t, third).Code)
}

// A connection that is too old, or has reached its number of requests, gets no
// more, and is closed when the last one ends.
func TestConnectionDrains(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"old":   func(c *Config) { c.MaxConnectionDuration = 1 },
		"spent": func(c *Config) { c.MaxRequestsPerConnection = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			address, states := limitedBackend(t, 100, s.ServeHTTP)
			c := overHTTP2(address)
			change(&c)
			u := newUpstream(t, c)
			first := begin(u, get("/"))
			testwire.Within(t, s.arrived)
			require.Equal(t, http.StateNew, testwire.Within(t, states))
			second := begin(u, get("/"))
			testwire.Within(t, s.arrived)
			require.Equal(t, http.StateNew, testwire.Within(t, states))
			require.Empty(t, states)
			s.leave()
			testwire.Within(t, first)
			testwire.Within(t, second)
			require.Equal(t, http.StateClosed, testwire.Within(t, states))
			require.Equal(t, http.StateClosed, testwire.Within(t, states))
		})
	}
}

// After a backend announces that it goes away, it gets nothing more on that
// connection.
func TestGoAway(t *testing.T) {
	s := newStage(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			w.Header().Set("Connection", "close")
			return
		}
		s.ServeHTTP(w, r)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	u := newUpstream(t, overHTTP2(server.Listener.Addr().String()))
	under := begin(u, get("/under-way"))
	testwire.Within(t, s.arrived)
	require.Equal(t, 200, testwire.Within(t, begin(u, get("/last"))).Code)
	for range 20 {
		require.Equal(t, 200, testwire.Within(t, begin(u, get("/last"))).Code)
	}
	s.leave()
	require.Equal(t, 200, testwire.Within(t, under).Code)
}

// An unused connection is kept until its timeout, and then closed.
func TestIdleTimeout(t *testing.T) {
	for name, protocol := range map[string]Protocol{"HTTP/1.1": HTTP1, "HTTP/2": HTTP2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := newPipes()
				server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Protocols: new(http.Protocols)}
				server.Protocols.SetHTTP1(true)
				server.Protocols.SetUnencryptedHTTP2(true)
				go func() { _ = server.Serve(listener) }()
				c := to(NetHTTP, "10.0.0.1:80")
				c.Protocol, c.Dial, c.IdleTimeout = protocol, listener.dial, time.Minute
				u := newUpstream(t, c)
				for _, step := range []struct {
					pause time.Duration
					made  int
				}{{0, 1}, {59 * time.Second, 1}, {59 * time.Second, 1}, {time.Minute, 2}, {59 * time.Second, 2}} {
					time.Sleep(step.pause)
					require.Equal(t, 200, (<-begin(u, get("/"))).Code)
					require.Equal(t, step.made, listener.made)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				require.Empty(t, u.hosts.Load().hosts[0].client.(*netHTTP).gate.queues, "closed without being asked for")
				require.NoError(t, u.Close())
				require.NoError(t, server.Close())
			})
		})
	}
}

// pipes is a listener in memory.
type pipes struct {
	accept chan net.Conn
	done   chan struct{}
	made   int
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.made++
	p.accept <- far
	return near, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
