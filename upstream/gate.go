package upstream

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/lateengo/gateway/upstream/internal/http1"
	"github.com/lateengo/gateway/upstream/internal/limits"
)

var (
	// errOverflow is the cause of FlagOverflow.
	errOverflow = errors.New("overflow")
	// errQueued says that the request ended before it had a connection.
	errQueued = errors.New("the request ended while it waited for a connection")
)

// A gate gives connections to the requests for one host, as far as the limits of
// the destination allow, and has requests wait where they do not. It is safe for
// concurrent use.
//
// Who waits is served in order: by a connection whose exchange has ended, or in
// place of one that was closed. As in Envoy, a connection to another host that is
// closed is nobody's turn. It need not be: each host may always have one, so that
// there is one to wait for.
type gate struct {
	breaker *limits.Breaker
	pool    *http1.Pool

	// mu orders the idle connections in pool against those who wait for one.
	// It is not held while a connection is closed, which calls closed.
	mu sync.Mutex
	// queues are by the name of the server that connections are made to. One
	// with neither connections nor waiters is not kept.
	queues map[string]*queue
}

// A queue is what waits for connections to one server. Nothing waits where there
// are no connections.
type queue struct {
	// open counts connections, also idle ones and those being made.
	open    int
	waiting []waiter
}

// A waiter gets exactly one grant, unless it is taken out of its queue before. It
// has room for it.
type waiter chan grant

// A grant is a connection, or an error, or if neither, the permission to make a
// connection.
type grant struct {
	conn *http1.Conn
	err  error
}

func newGate(b *limits.Breaker, p *http1.Pool) *gate {
	return &gate{breaker: b, pool: p, queues: make(map[string]*queue)}
}

// enter returns a connection, with which a request has begun. If it returns
// neither a connection nor an error, the caller is to make one, and to call opened
// or failed. fresh prefers a new connection to an idle one.
func (g *gate) enter(ctx context.Context, name string, fresh bool) (*http1.Conn, error) {
	if !fresh {
		if c := g.pool.Get(name); c != nil {
			return g.begin(c)
		}
	}
	if !g.breaker.Pending.Acquire() {
		return nil, errOverflow
	}
	c, err := g.connection(ctx, name, fresh)
	if c == nil && err == nil {
		return nil, nil
	}
	g.breaker.Pending.Release()
	if err != nil {
		return nil, err
	}
	return g.begin(c)
}

// begin begins a request on c, if there may be another one. Who ends it calls
// end before the connection is given back.
func (g *gate) begin(c *http1.Conn) (*http1.Conn, error) {
	if g.breaker.Requests.Acquire() {
		return c, nil
	}
	g.give(c)
	return nil, errOverflow
}

// end ends a request. It precedes give and closed, else who gets the connection
// next might be refused because of this request.
func (g *gate) end() { g.breaker.Requests.Release() }

// connection returns a connection for a pending request, or nil if one may be
// made. It waits for either.
func (g *gate) connection(ctx context.Context, name string, fresh bool) (*http1.Conn, error) {
	w := make(waiter, 1)
	q, c := g.queue(name, fresh, nil)
	if q != nil {
		// Nobody may have noticed yet that an idle connection is of no use.
		g.pool.Sweep()
		q, c = g.queue(name, fresh, w)
	}
	if q == nil {
		return c, nil
	}
	select {
	case got := <-w:
		return got.conn, got.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	at := slices.Index(q.waiting, w)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	g.mu.Unlock()
	if at < 0 {
		switch got := <-w; {
		case got.conn != nil:
			g.give(got.conn)
		case got.err == nil:
			g.closed(name)
		}
	}
	return nil, errQueued
}

// queue returns an idle connection, or nothing if one may be made. If neither can
// be, it returns the queue, to which w has been added unless it is nil.
func (g *gate) queue(name string, fresh bool, w waiter) (*queue, *http1.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !fresh {
		if c := g.pool.Get(name); c != nil {
			return nil, c
		}
	}
	q := g.queues[name]
	if q == nil {
		q = &queue{}
		g.queues[name] = q
	}
	if g.admit(q) {
		return nil, nil
	}
	if c := g.pool.Get(name); c != nil {
		return nil, c
	}
	if w != nil {
		q.waiting = append(q.waiting, w)
	}
	return q, nil
}

// admit counts a connection that is to be made, if there may be another one. mu is
// held.
func (g *gate) admit(q *queue) bool {
	if !g.breaker.Connections.Acquire() {
		if q.open > 0 {
			return false
		}
		g.breaker.Connections.AcquireBeyond()
	}
	q.open++
	return true
}

// opened begins the request for which c was made.
func (g *gate) opened(c *http1.Conn) (*http1.Conn, error) {
	g.breaker.Pending.Release()
	return g.begin(c)
}

// failed ends a request for which no connection could be made. Unless that is the
// request's own end, those who wait fail as well, as in Envoy: they may be better
// off with another host.
func (g *gate) failed(ctx context.Context, name string, err error) {
	g.breaker.Pending.Release()
	if ctx.Err() == nil {
		g.mu.Lock()
		q := g.queues[name]
		for _, w := range q.waiting {
			w <- grant{err: err}
		}
		q.waiting = nil
		g.mu.Unlock()
	}
	g.closed(name)
}

// give gives a connection whose exchange has ended to the first who waits, or
// keeps it.
func (g *gate) give(c *http1.Conn) {
	g.mu.Lock()
	if q := g.queues[c.Name]; len(q.waiting) > 0 {
		q.next() <- grant{conn: c}
		g.mu.Unlock()
		return
	}
	kept := g.pool.Put(c)
	g.mu.Unlock()
	if !kept {
		c.Close()
	}
}

// closed takes note that a connection was closed, or not made.
func (g *gate) closed(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[name]
	q.open--
	g.breaker.Connections.Release()
	for len(q.waiting) > 0 && g.admit(q) {
		q.next() <- grant{}
	}
	if q.open == 0 {
		delete(g.queues, name)
	}
}

// next takes the first waiter out.
func (q *queue) next() waiter {
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return w
}
