package http1

import (
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

	"github.com/lateengo/gateway/internal/pace"
)

// A conn is a connection of a client. Its goroutine reads requests, and calls the
// handler.
type conn struct {
	server *Server
	// rwc is the connection that handlers get.
	rwc net.Conn
	// paced is rwc, if that is one.
	paced  *pace.Conn
	tls    *tls.ConnectionState
	remote string
	// vectored means that rwc sends several buffers in one call.
	vectored bool
	in       input
	state    atomic.Int32
	// opened is when the connection was made, and idleSince when its last exchange
	// ended.
	opened, idleSince time.Time
	// first means that no request has been read, and ended that the connection is no
	// longer ours. served counts the requests of this goroutine.
	first, ended bool
	served       int

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
// stack has not grown. It is longer the more requests came before, up to renewLatest:
// a connection in use need not be woken for that.
const (
	renewAfter  = 250 * time.Millisecond
	renewLatest = 8 * time.Second
)

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
			moved, c.served = true, 0
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
	renewing := c.served > 0
	if renewing {
		until = earliest(until, c.idleSince.Add(min(time.Duration(c.served)*renewAfter, renewLatest)))
	}
	_ = c.in.deadline.Want(until)
	err := c.in.wait()
	switch {
	case err == nil:
	case renewing && c.state.Load() == idle && errors.Is(err, os.ErrDeadlineExceeded) &&
		(s.IdleTimeout <= 0 || time.Since(c.idleSince) < s.IdleTimeout):
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
	if c.first {
		if a := c.rwc.RemoteAddr(); a != nil {
			c.remote = a.String()
		}
	}
	text, err := c.readHead()
	if err != nil {
		c.giveUp(err)
		return false
	}
	c.first, c.idleSince = false, time.Time{}
	c.served++
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
	returned := c.call(x)
	if x.body != nil && x.body.pace.Slow.Load() {
		if c.server.SlowBody != nil {
			c.server.SlowBody()
		}
		if w := &x.response; !w.hijacked && !w.out.sent && w.out.failure == nil {
			w.instead(slowBody)
		}
		return false
	}
	if !returned {
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
func (c *conn) call(x *exchange) bool {
	returned := false
	defer func() {
		if returned {
			return
		}
		if x.response.hijacked {
			c.kill() // nobody else would
		}
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.panicked(x, p)
		}
	}()
	c.server.Handler.ServeHTTP(&x.response, &x.request)
	returned = true
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
	w.instead(refuse(http.StatusInternalServerError, ""))
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
