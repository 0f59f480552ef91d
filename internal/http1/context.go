package http1

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watchAfter is how long a request runs until its connection is watched, if its
// context was asked for. A client that leaves before is noticed then.
const watchAfter = 8 * time.Millisecond

// A requestContext is the context of a request. It ends when the handler returns, when
// the client leaves, or when the server is closed.
//
// To notice that the client leaves, somebody must read the connection while the
// handler runs, and must stop before the next request. That costs more than most
// requests. So it begins only when a handler asks, by Done, Err or a context derived
// from this one, and only for a request that takes long.
type requestContext struct {
	c *conn
	// began is when the head had been read.
	began time.Time
	// asked means that somebody may wait for the end.
	asked atomic.Bool

	mu   sync.Mutex
	err  error
	done chan struct{} // nil until Done
	// after are called at the end.
	after map[*func()]struct{}
	// over means that the connection no longer belongs to the request.
	over bool
	// bodyRead means that the body no longer reads the connection. late means that
	// a watch waits for that.
	bodyRead, late bool
	timer          *time.Timer
	// watching is closed when the watch has ended. It is nil before one.
	watching chan struct{}
	// gone means that the client has left.
	gone bool
}

var _ context.Context = (*requestContext)(nil)

// closed is the channel of contexts that had ended before Done.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Deadline returns that of the server's context.
func (x *requestContext) Deadline() (time.Time, bool) { return x.c.server.base().Deadline() }

// Value returns http.Server and local address under net/http's keys, and other values
// from the server's context.
func (x *requestContext) Value(key any) any {
	switch key {
	case http.LocalAddrContextKey:
		return x.c.rwc.LocalAddr()
	case http.ServerContextKey:
		if x.c.server.HTTP != nil {
			return x.c.server.HTTP
		}
	}
	return x.c.server.base().Value(key)
}

// String names the context.
func (x *requestContext) String() string { return "context of a request from " + x.c.remote }

// Done returns a channel that is closed at the end.
func (x *requestContext) Done() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ask()
	if x.done == nil {
		if x.err != nil {
			return closed
		}
		x.done = make(chan struct{})
	}
	return x.done
}

// Err returns context.Canceled after the end.
func (x *requestContext) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ask()
	return x.err
}

// AfterFunc lets package context derive contexts without a goroutine for each. f must
// not block.
func (x *requestContext) AfterFunc(f func()) (stop func() bool) {
	x.mu.Lock()
	x.ask()
	if x.err != nil {
		x.mu.Unlock()
		go f() // package context holds a lock that f needs
		return func() bool { return false }
	}
	if x.after == nil {
		x.after = make(map[*func()]struct{})
	}
	x.after[&f] = struct{}{}
	x.mu.Unlock()
	return func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		_, waits := x.after[&f]
		delete(x.after, &f)
		return waits
	}
}

// cancel ends the context.
func (x *requestContext) cancel() {
	x.mu.Lock()
	if x.err != nil {
		x.mu.Unlock()
		return
	}
	x.err = context.Canceled
	if x.done != nil {
		close(x.done)
	}
	after := x.after
	x.after = nil
	x.mu.Unlock()
	for f := range after {
		(*f)()
	}
}

// leave ends the context because the client has left.
func (x *requestContext) leave() {
	x.mu.Lock()
	x.gone = true
	x.mu.Unlock()
	x.cancel()
}

// left reports whether the client has left.
func (x *requestContext) left() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone
}

// ask makes a watch begin when the request has taken watchAfter. x.mu is held.
func (x *requestContext) ask() {
	if x.asked.Load() {
		return
	}
	x.asked.Store(true)
	if !x.over {
		x.timer = time.AfterFunc(max(watchAfter-time.Since(x.began), 0), x.watch)
	}
}

// watch reads the connection until the client sends the next request or leaves, or
// until the request is over.
func (x *requestContext) watch() {
	in := &x.c.in
	x.mu.Lock()
	x.late = !x.bodyRead
	if x.over || x.late || x.watching != nil || in.r < in.w {
		x.mu.Unlock()
		return
	}
	watching := make(chan struct{})
	x.watching = watching
	x.mu.Unlock()
	err := in.fill()
	expired := errors.Is(err, os.ErrDeadlineExceeded)
	if err != nil && !expired {
		in.failed = err
	}
	close(watching)
	if err != nil && !expired {
		x.leave()
	}
}

// bodyEnded reports that the body no longer reads the connection.
func (x *requestContext) bodyEnded() {
	x.mu.Lock()
	x.bodyRead = true
	late := x.late
	x.mu.Unlock()
	if late {
		go x.watch()
	}
}

// release ends the watch. The connection may be read when it returns.
func (x *requestContext) release() {
	if !x.asked.Load() {
		x.mu.Lock()
		x.over = true
		x.mu.Unlock()
		return
	}
	x.mu.Lock()
	x.over = true
	if x.timer != nil {
		x.timer.Stop()
	}
	watching := x.watching
	x.mu.Unlock()
	if watching == nil {
		return
	}
	select {
	case <-watching:
	default:
		d := &x.c.in.deadline
		d.Interrupt()
		<-watching
		d.Resume()
	}
}
