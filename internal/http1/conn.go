package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A conn is a connection of a client. Its goroutine reads requests, and calls the
// handler.
type conn struct {
	server *Server
	// rwc is the connection that handlers get.
	rwc    net.Conn
	tls    *tls.ConnectionState
	remote string
	// vectored means that rwc sends several buffers in one call.
	vectored bool
	in       input
	state    atomic.Int32
	// opened is when the connection was made, and idleSince when its last exchange
	// ended.
	opened, idleSince time.Time
	// first means that no request has been read, renewed that the goroutine is new
	// since the last one, and ended that the connection is no longer ours.
	first, renewed, ended bool

	// current is the exchange that is active. mu is for those who end it from
	// outside: the goroutine of the connection reads it without.
	mu      sync.Mutex
	current *exchange
}

// The states of a connection. Only an idle or a new connection may be closed by
// others without losing a request.
const (
	fresh int32 = iota
	idle
	active
	closing
	// taken means that a handler has hijacked the connection.
	taken
)

// renewAfter is how long a connection is idle until it gets a new goroutine, whose
// stack has not grown.
const renewAfter = 250 * time.Millisecond

// serve serves requests until the connection ends.
func (c *conn) serve() {
	moved := false
	defer func() {
		if !moved && !c.ended {
			c.end() // after runtime.Goexit in a handler, too
		}
	}()
	for {
		switch c.await() {
		case over:
			return
		case idleLong:
			moved, c.renewed = true, true
			go c.serve()
			return
		}
		if !c.exchange() {
			return
		}
	}
}

type awaited uint8

const (
	something awaited = iota
	idleLong
	over
)

// await waits for the first byte of a request.
func (c *conn) await() awaited {
	s := c.server
	if c.in.r < c.in.w {
		return something // pipelined
	}
	var until time.Time
	switch {
	case c.first:
		if s.ReadHeaderTimeout > 0 {
			until = c.opened.Add(s.ReadHeaderTimeout)
		}
	default:
		if c.idleSince.IsZero() {
			c.idleSince = time.Now()
			c.in.release()
			if !c.state.CompareAndSwap(active, idle) {
				return over
			}
			c.tell(http.StateIdle)
		}
		if s.IdleTimeout > 0 {
			until = c.idleSince.Add(s.IdleTimeout)
		}
	}
	renewing := !c.first && !c.renewed
	if renewing {
		until = earliest(until, c.idleSince.Add(renewAfter))
	}
	_ = c.in.deadline.Want(until)
	err := c.in.wait()
	switch {
	case err == nil:
	case renewing && errors.Is(err, os.ErrDeadlineExceeded) && (s.IdleTimeout <= 0 || time.Since(c.idleSince) < s.IdleTimeout):
		return idleLong
	default:
		return over
	}
	if !c.state.CompareAndSwap(fresh, active) && !c.state.CompareAndSwap(idle, active) {
		return over
	}
	c.tell(http.StateActive)
	return something
}

// earliest returns the earlier of two times, of which a may be none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// exchange reads a request and has it handled. It reports whether the connection goes
// on; otherwise it no longer belongs to c.
func (c *conn) exchange() (goesOn bool) {
	text, err := c.readHead()
	if err != nil {
		c.giveUp(err)
		return false
	}
	c.first, c.renewed, c.idleSince = false, false, time.Time{}
	c.in.release()
	x := newExchange(c)
	if problem := x.parse(text); problem != nil {
		c.giveUp(problem)
		return false
	}
	_ = c.in.deadline.Want(time.Time{})
	x.ctx.began = time.Now()
	x.bind()
	c.mu.Lock()
	c.current = x
	c.mu.Unlock()
	if c.server.canceled.Load() {
		x.ctx.cancel()
	}
	defer func() {
		if !goesOn {
			c.abandon(x)
		}
	}()
	if !c.call(x) {
		return false
	}
	if !x.response.finish() {
		return false
	}
	x.response.out.release()
	c.mu.Lock()
	c.current = nil
	c.mu.Unlock()
	x.end()
	return true
}

// call calls the handler, and reports whether its response can be finished.
func (c *conn) call(x *exchange) (returned bool) {
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.panicked(x, p)
		}
	}()
	c.server.Handler.ServeHTTP(&x.response, &x.request)
	return !x.response.hijacked
}

// panicked tells of a panic. The client gets a 500 if nothing was sent.
func (c *conn) panicked(x *exchange, p any) {
	if c.server.Panicked != nil {
		c.server.Panicked()
	}
	stack := make([]byte, 64<<10)
	stack = stack[:runtime.Stack(stack, false)]
	c.server.log(slog.LevelError, fmt.Sprintf("http: panic serving %v: %v\n%s", c.remote, p, stack))
	w := &x.response
	if w.hijacked || w.out.sent || w.out.failure != nil {
		return
	}
	w.neverContinue()
	w.out.open()
	w.out.buf = refuse(http.StatusInternalServerError, "").appendTo(w.out.buf[:0])
	w.completed, w.lingering = true, x.body != nil && !x.body.ended.Load()
}

// abandon ends the exchange and the connection after a handler that did not return,
// that has hijacked the connection, or that wanted it closed.
func (c *conn) abandon(x *exchange) {
	w := &x.response
	w.done = true
	if w.hijacked {
		c.ended = true
		x.ctx.cancel()
		c.server.forget(c)
		return
	}
	x.ctx.release()
	w.neverContinue()
	if w.completed && w.out.box != nil {
		_ = w.out.flush(c)
	}
	if x.body != nil {
		x.body.stop()
	}
	w.out.release()
	if w.lingering && w.out.failure == nil {
		c.linger()
	}
	c.end() // first: a handler that sees the end of its context may answer
	x.ctx.cancel()
}

// end closes the connection.
func (c *conn) end() {
	c.ended = true
	c.state.Store(closing)
	c.in.drop()
	_ = c.rwc.Close()
	c.server.forget(c)
	c.tell(http.StateClosed)
}

// kill closes the connection without waiting for the client. Its goroutine ends it.
func (c *conn) kill() { _ = bottom(c.rwc).Close() }

// cancel ends the context of the active request.
func (c *conn) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.ctx.cancel()
	}
}

func (c *conn) tell(state http.ConnState) {
	if c.server.ConnState != nil {
		c.server.ConnState(c.rwc, state)
	}
}

var (
	errHTTP2 = errors.New("the client speaks HTTP/2")
	preface  = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
)

// readHead reads the lines of the next request's head, without the empty one.
func (c *conn) readHead() (string, error) {
	in := &c.in
	var lines grammar.Lines
	timed := c.first
	for {
		if c.first && c.tls == nil && c.server.HTTP2 != nil {
			if got := in.unread(); len(got) >= len(preface) && bytes.Equal(got[:len(preface)], preface) {
				return "", errHTTP2
			} else if len(got) < len(preface) && bytes.HasPrefix(preface, got) && len(got) >= 3 {
				if err := in.fill(); err != nil {
					return "", err
				}
				continue
			}
		}
		for in.w-in.r >= 2 && in.buf[in.r] == '\r' && in.buf[in.r+1] == '\n' {
			in.r += 2 // as RFC 9112, 2.2 recommends
			lines = grammar.Lines{}
		}
		n, ok := lines.Find(in.unread())
		switch {
		case !ok:
			return "", badRequest
		case n >= c.server.maxHead() || n < 0 && len(in.unread()) >= c.server.maxHead():
			return "", headTooLarge
		case n > 0:
			text := string(in.buf[in.r : in.r+n])
			in.r += n + 2
			return text, nil
		}
		if !timed {
			timed = true
			if d := c.server.ReadHeaderTimeout; d > 0 {
				_ = in.deadline.Want(time.Now().Add(d))
			} else {
				_ = in.deadline.Want(time.Time{})
			}
		}
		if err := in.fill(); err != nil {
			return "", err
		}
	}
}

// giveUp ends a connection on which no request could be read.
func (c *conn) giveUp(err error) {
	var problem *refusal
	switch {
	case errors.Is(err, errHTTP2):
		rest := bytes.Clone(c.in.unread())
		c.in.drop()
		_ = c.in.deadline.Want(time.Time{})
		c.in.deadline.Settle()
		c.ended = true
		c.server.forget(c)
		c.server.HTTP2(&prefixedConn{Conn: c.rwc, rest: rest})
		return
	case errors.As(err, &problem):
		if _, err := c.rwc.Write(problem.appendTo(nil)); err == nil {
			c.linger()
		}
	}
	c.end()
}

// A prefixedConn is a connection from which something has been read.
type prefixedConn struct {
	net.Conn
	rest []byte
}

func (c *prefixedConn) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; len(c.rest) == 0 {
			c.rest = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// NetConn returns the connection below.
func (c *prefixedConn) NetConn() net.Conn { return c.Conn }

var _ context.Context = (*requestContext)(nil)
