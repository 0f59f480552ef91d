package upstream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/upstream/internal/limits"
)

var (
	// errOverflow is the cause of FlagOverflow.
	errOverflow = errors.New("overflow")
	// errQueued means that the request ended before it had a connection.
	errQueued = errors.New("the request ended while it waited for a connection")
)

// A gate gives connections to the requests for one host, as far as the limits
// of the destination allow, and makes other requests wait. It is safe for
// concurrent use.
//
// Waiters are served in order: by a connection on which an exchange has ended,
// or by a new one that replaces a closed one. As in Envoy, a waiter is not
// served when a connection to another host is closed. That is not needed: each
// host may always have one connection, so there is always one to wait for.
type gate[C gated] struct {
	breaker *limits.Breaker
	stock   stock[C]
	// streams is how many requests at a time a new connection is expected to
	// carry. That many requests wait for a connection that is being made.
	streams int

	// mu makes the stock and the waiters consistent. It is not held while a
	// connection is closed, because that calls closed.
	mu sync.Mutex
	// queues are by the name of the server that connections are made to. A
	// queue with neither connections nor waiters is not kept.
	queues map[string]*queue[C]
	// waiters counts the requests that wait, or are about to.
	waiters atomic.Int64
}

// A gated is a connection.
type gated interface {
	comparable
	// Close closes the connection, which calls the gate's closed.
	Close()
}

// A stock holds the connections that can carry another request. Of its methods
// only Sweep calls methods of a gate.
type stock[C gated] interface {
	// Get begins the use of a connection to the named server, and returns it,
	// or nil.
	Get(name string) C
	// Put ends a use of c. It returns the connection that the caller must
	// close, if any: c, or an unused one instead of c.
	Put(c C) (dead C)
	// Release precedes Put if no request was made on c in this use.
	Release(c C)
	// Sweep closes unused connections that can no longer be used.
	Sweep()
}

// A queue holds the waiters for connections to one server. It has waiters only
// if there are connections.
type queue[C gated] struct {
	// open counts all connections, including idle ones and those being made;
	// making counts only those being made.
	open, making int
	waiting      []waiter[C]
}

// A waiter gets exactly one grant, unless it is removed from its queue before.
// It has room for that grant.
type waiter[C gated] chan grant[C]

// A grant is a connection, or an error, or if neither, the permission to make a
// connection.
type grant[C gated] struct {
	conn C
	err  error
}

func newGate[C gated](b *limits.Breaker, s stock[C], streams int) *gate[C] {
	return &gate[C]{breaker: b, stock: s, streams: streams, queues: make(map[string]*queue[C])}
}

// enter returns a connection, on which a request has begun. If it returns
// neither a connection nor an error, the caller must make a connection, and
// then call opened or failed. fresh prefers a new connection to an idle one.
func (g *gate[C]) enter(ctx context.Context, name string, fresh bool) (c C, err error) {
	var none C
	if !fresh {
		if c = g.idle(name); c != none {
			return g.begin(name, c)
		}
	}
	if !g.breaker.Pending.Acquire() {
		return none, errOverflow
	}
	c, err = g.connection(ctx, name, fresh)
	if c == none && err == nil {
		return none, nil
	}
	g.breaker.Pending.Release()
	if err != nil {
		return none, err
	}
	return g.begin(name, c)
}

// idle returns a connection if nobody waits for it.
func (g *gate[C]) idle(name string) (c C) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q := g.queues[name]; q != nil && len(q.waiting) == 0 {
		c = g.stock.Get(name)
	}
	return c
}

// begin begins a request on c, if the limit allows another one. The caller must
// call end before it gives the connection back.
func (g *gate[C]) begin(name string, c C) (C, error) {
	if g.breaker.AcquireRequest() {
		return c, nil
	}
	g.stock.Release(c)
	g.give(name, c)
	var none C
	return none, errOverflow
}

// end ends a request. It precedes give and closed. Otherwise the next user of
// the connection might be refused because of this request.
func (g *gate[C]) end() { g.breaker.Requests.Release() }

// connection returns a connection for a pending request, or nil if one may be
// made. It waits for either.
func (g *gate[C]) connection(ctx context.Context, name string, fresh bool) (c C, err error) {
	w := make(waiter[C], 1)
	q, c := g.queue(name, fresh, w)
	if q == nil {
		return c, nil
	}
	// An idle connection may have become unusable unnoticed. From now on freed
	// notices.
	g.stock.Sweep()
	select {
	case got := <-w:
		return got.conn, got.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	at := slices.Index(q.waiting, w)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
		g.waiters.Add(-1)
	}
	g.mu.Unlock()
	var none C
	if at < 0 {
		switch got := <-w; {
		case got.conn != none:
			g.stock.Release(got.conn)
			g.give(name, got.conn)
		case got.err == nil:
			g.mu.Lock()
			q.making--
			g.lose(name, q)
			g.mu.Unlock()
		}
	}
	return none, errQueued
}

// queue returns an idle connection, or nil if one may be made. If neither is
// possible, it adds w to the queue and returns the queue.
func (g *gate[C]) queue(name string, fresh bool, w waiter[C]) (*queue[C], C) {
	// This must precede the check for connections in use: see freed.
	g.waiters.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[name]
	if q == nil {
		q = new(queue[C])
		g.queues[name] = q
	}
	var none C
	take := func() C {
		if len(q.waiting) > 0 {
			return none
		}
		return g.stock.Get(name)
	}
	var c C
	if !fresh {
		c = take()
	}
	admitted := c == none && g.admit(q, len(q.waiting)+1)
	if c == none && !admitted {
		c = take()
	}
	if c == none && !admitted {
		q.waiting = append(q.waiting, w)
		return q, none
	}
	g.waiters.Add(-1)
	return nil, c
}

// admit counts a connection that will be made. It does so only if the limit
// allows another one, and if the connections being made are too few for the
// waiters. mu is held.
func (g *gate[C]) admit(q *queue[C], waiting int) bool {
	// The request that makes a connection is the first on it.
	if waiting <= q.making*(g.streams-1) {
		return false
	}
	if !g.breaker.Connections.Acquire() {
		if q.open > 0 {
			return false
		}
		g.breaker.Connections.AcquireBeyond()
	}
	q.open++
	q.making++
	return true
}

// opened begins the request for which c was made. The stock offers the
// remaining room on c.
func (g *gate[C]) opened(name string, c C) (C, error) {
	g.breaker.Pending.Release()
	g.mu.Lock()
	q := g.queues[name]
	q.making--
	g.serve(name, q)
	g.mu.Unlock()
	return g.begin(name, c)
}

// failed ends a request for which no connection could be made. Unless the
// request itself ended, the waiters fail as well, as in Envoy: another host may
// serve them better.
func (g *gate[C]) failed(ctx context.Context, name string, err error) {
	g.breaker.Pending.Release()
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[name]
	q.making--
	if ctx.Err() == nil {
		for len(q.waiting) > 0 {
			g.next(q) <- grant[C]{err: err}
		}
	}
	g.lose(name, q)
}

// give ends the use of a connection, which is kept or closed. The first waiters
// get the room on it.
func (g *gate[C]) give(name string, c C) {
	g.mu.Lock()
	dead := g.stock.Put(c)
	g.serve(name, g.queues[name])
	g.mu.Unlock()
	var none C
	if dead != none {
		dead.Close()
	}
}

// closed records that a connection was closed.
func (g *gate[C]) closed(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose(name, g.queues[name])
}

// freed records that there may be more room on a connection than before, or
// that it has ended. In contrast to give, the stock may have noticed this
// itself. freed never waits, and may be called from within the stock.
func (g *gate[C]) freed(name string) {
	if g.waiters.Load() == 0 {
		return
	}
	go func() {
		// A connection that ended while it was unused takes the place of
		// another.
		g.stock.Sweep()
		g.mu.Lock()
		defer g.mu.Unlock()
		if q := g.queues[name]; q != nil {
			g.serve(name, q)
		}
	}()
}

// lose counts one connection less. mu is held.
func (g *gate[C]) lose(name string, q *queue[C]) {
	q.open--
	g.breaker.Connections.Release()
	g.serve(name, q)
	if q.open == 0 {
		delete(g.queues, name)
	}
}

// serve gives the waiters what is available, in order: room on a connection, or
// the permission to make one. mu is held.
func (g *gate[C]) serve(name string, q *queue[C]) {
	var none C
	for len(q.waiting) > 0 {
		c := g.stock.Get(name)
		if c == none && !g.admit(q, len(q.waiting)) {
			return
		}
		g.next(q) <- grant[C]{conn: c}
	}
}

// next removes and returns the first waiter. mu is held.
func (g *gate[C]) next(q *queue[C]) waiter[C] {
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	g.waiters.Add(-1)
	return w
}
