// Package http1 serves HTTP/1.0 and HTTP/1.1 to http.Handlers, instead of net/http's
// server. It accepts only requests that are correct, reads and writes in the goroutine
// of the connection that also calls the handler, and holds no memory for a connection
// that waits for a request.
//
// Handlers can rely on all that net/http's server does for them: see response and
// requestContext.
package http1

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/pace"
)

// A Server serves connections that it is given. Its fields must not change after the
// first of them.
type Server struct {
	// Handler gets the requests.
	Handler http.Handler
	// HTTP is what handlers find under http.ServerContextKey. Nil is nothing.
	HTTP *http.Server
	// Base has the other values of the contexts of requests. Nil has none. Its end
	// is not observed: call Cancel.
	Base context.Context
	// ReadHeaderTimeout limits how long a client may take to send the header of a
	// request, and IdleTimeout how long a connection stays open between requests.
	// Zero is without limit.
	ReadHeaderTimeout, IdleTimeout time.Duration
	// BodyRate is the least speed of a body until the response begins. A client that is
	// slower gets 408, and handlers pace.ErrSlowBody.
	BodyRate pace.Rate
	// MaxHeaderBytes limits the head of a request, and its trailer. Zero means
	// http.DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// Logger gets panics and mistakes of handlers. Nil discards them.
	Logger *slog.Logger
	// ConnState is called when a connection changes its state, as net/http does.
	ConnState func(net.Conn, http.ConnState)
	// HTTP2 gets connections without TLS that begin with the preface of HTTP/2,
	// which can be read from them still. If it is nil, they are refused.
	HTTP2 func(net.Conn)
	// Panicked is called after a panic in a handler.
	Panicked func()
	// SlowBody is called after a request whose body was too slow.
	SlowBody func()
	// Refused is called after the answer to a request that no handler gets, with the status
	// and the length of its body.
	Refused func(conn net.Conn, state *tls.ConnectionState, status int, body int)

	// retired means that each response is the last of its connection.
	retired atomic.Bool
	// canceled means that the contexts of all requests have ended.
	canceled atomic.Bool

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

// Serve serves a connection, in the background. state is that of its TLS, or nil.
func (s *Server) Serve(rwc net.Conn, state *tls.ConnectionState) {
	c := &conn{server: s, rwc: rwc, tls: state, opened: time.Now(), first: true}
	c.paced, _ = rwc.(*pace.Conn)
	c.in.init(rwc)
	switch pace.Below(rwc).(type) {
	case *net.TCPConn, *net.UnixConn:
		// Others may have these methods from what they wrap, and read and write
		// something else.
		c.vectored = true
		c.in.raw.init(&c.in, rwc)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = rwc.Close()
		c.tell(http.StateClosed)
		return
	}
	if s.conns == nil {
		s.conns = make(map[*conn]struct{})
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	c.tell(http.StateNew)
	go c.serve()
}

// Retire makes each connection end with its next response, which says so. Idle
// connections stay open: a request may be on its way.
func (s *Server) Retire() { s.retired.Store(true) }

// freshTime is how long a connection may take to send its first byte until CloseIdle
// closes it, as in net/http.
const freshTime = 5 * time.Second

// CloseIdle closes the connections that wait for a request, and returns how many others
// there are.
func (s *Server) CloseIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	others := 0
	for c := range s.conns {
		if c.state.CompareAndSwap(idle, closing) ||
			time.Since(c.opened) > freshTime && c.state.CompareAndSwap(fresh, closing) {
			c.in.deadline.Interrupt() // its goroutine closes it
			continue
		}
		if state := c.state.Load(); state != closing && state != taken {
			others++
		}
	}
	return others
}

// Shutdown retires the connections, and closes those that are or become idle, until
// there are none or ctx ends. Hijacked connections are not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Retire()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	pause := time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for s.CloseIdle() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			pause = min(2*pause, 100*time.Millisecond)
			timer.Reset(pause)
		}
	}
	return nil
}

// Close closes all connections, but for hijacked ones, and all that are given to it
// later.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		if c.state.Load() != taken {
			c.kill()
		}
	}
}

// Cancel ends the contexts of all requests, also of those whose connections were
// hijacked.
func (s *Server) Cancel() {
	s.canceled.Store(true)
	s.mu.Lock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.cancel()
	}
}

// hijacked takes down that a handler owns the connection. It is forgotten when the
// handler returns.
func (s *Server) hijacked(c *conn) {
	c.state.Store(taken)
	c.tell(http.StateHijacked)
}

// forget takes down that the connection no longer belongs to the server.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) base() context.Context {
	if s.Base == nil {
		return context.Background()
	}
	return s.Base
}

func (s *Server) maxHead() int {
	if s.MaxHeaderBytes <= 0 {
		return http.DefaultMaxHeaderBytes
	}
	return s.MaxHeaderBytes
}

func (s *Server) log(level slog.Level, text string) {
	if s.Logger != nil {
		s.Logger.Log(context.Background(), level, text)
	}
}
