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
	// errQueued says that the request ended before it had a connection.
	errQueued = errors.New("the request ended while it waited for a connection")
)

// A gate gives connections to the requests for one host, as far as the limits of
// the destination allow, and has requests wait where they do not. It is safe for
// concurrent use.
//
// Who waits is served in order: by a connection on which an exchange has ended, or
// in place of one that was closed. As in Envoy, a connection to another host that
// is closed is nobody's turn. It need not be: each host may always have one, so
// that there is one to wait for.
type gate[C gated] struct {
	breaker *limits.Breaker
	stock   stock[C]
	// streams is how many requests at a time a connection that is being made is
	// expected to take. Who it would take waits for it.
	streams int

	// mu orders what is in stock against those who wait for it. It is not held
	// while a connection is closed, which calls closed.
	mu sync.Mutex
	// queues are by the name of the server that connections are made to. One
	// with neither connections nor waiters is not kept.
	queues map[string]*queue[C]
	// waiters counts those who wait, and those who are about to.
	waiters atomic.Int64
}

// A gated is a connection.
type gated interface {
	comparable
	// Close closes the connection, and has the gate's closed called.
	Close()
}

// A stock holds the connections that take another request. Its methods call none
// of a gate's, but for Sweep.
type stock[C gated] interface {
	// Get begins the use of a connection to the named server, and returns it, or
	// nothing.
	Get(name string) C
	// Put ends a use of c. It returns the connection that the caller is to close, if
	// any: c, or an unused one in its place.
	Put(c C) (dead C)
	// Release precedes Put where no request was made on c in this use.
	Release(c C)
	// Sweep closes unused connections that are of no use any more.
	Sweep()
}

// A queue is what waits for connections to one server. Nothing waits where there
// are no connections.
type queue[C gated] struct {
	// open counts connections, also idle ones and those being made, and making
	// these alone.
	open, making int
	waiting      []waiter[C]
}

// A waiter gets exactly one grant, unless it is taken out of its queue before. It
// has room for it.
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

// enter returns a connection, with which a request has begun. If it returns
// neither a connection nor an error, the caller is to make one, and to call opened
// or failed. fresh prefers a new connection to an idle one.
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

// begin begins a request on c, if there may be another one. Who ends it calls
// end before the connection is given back.
func (g *gate[C]) begin(name string, c C) (C, error) {
	if g.breaker.AcquireRequest() {
		return c, nil
	}
	g.stock.Release(c)
	g.give(name, c)
	var none C
	return none, errOverflow
}

// end ends a request. It precedes give and closed, else who gets the connection
// next might be refused because of this request.
func (g *gate[C]) end() { g.breaker.Requests.Release() }

// connection returns a connection for a pending request, or nothing if one may be
// made. It waits for either.
func (g *gate[C]) connection(ctx context.Context, name string, fresh bool) (c C, err error) {
	w := make(waiter[C], 1)
	q, c := g.queue(name, fresh, w)
	if q == nil {
		return c, nil
	}
	// Nobody may have noticed yet that an idle connection is of no use. From now on
	// somebody does: see freed.
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

// queue returns an idle connection, or nothing if one may be made. If neither can
// be, it returns the queue, to which w has been added.
func (g *gate[C]) queue(name string, fresh bool, w waiter[C]) (*queue[C], C) {
	// Before anything is found to be in use: see freed.
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

// admit counts a connection that is to be made, if there may be another one, and
// those that are being made already leave some of the waiting ones without. mu is
// held.
func (g *gate[C]) admit(q *queue[C], waiting int) bool {
	// Who makes a connection is the first on it.
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

// opened begins the request for which c was made. What else c takes is in stock.
func (g *gate[C]) opened(name string, c C) (C, error) {
	g.breaker.Pending.Release()
	g.mu.Lock()
	q := g.queues[name]
	q.making--
	g.serve(name, q)
	g.mu.Unlock()
	return g.begin(name, c)
}

// failed ends a request for which no connection could be made. Unless that is the
// request's own end, those who wait fail as well, as in Envoy: they may be better
// off with another host.
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

// give ends the use of a connection, which is kept or closed. The first who wait
// get what room there is on it.
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

// closed takes note that a connection was closed.
func (g *gate[C]) closed(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose(name, g.queues[name])
}

// freed takes note that there may be more room on a connection than there was, or
// that it has ended. Unlike in give, the stock may have found out by itself. It does
// not wait for anything, and may be called from within the stock.
func (g *gate[C]) freed(name string) {
	if g.waiters.Load() == 0 {
		return
	}
	go func() {
		// A connection that ended while nobody used it is in the way of another.
		g.stock.Sweep()
		g.mu.Lock()
		defer g.mu.Unlock()
		if q := g.queues[name]; q != nil {
			g.serve(name, q)
		}
	}()
}

// lose counts a connection less. mu is held.
func (g *gate[C]) lose(name string, q *queue[C]) {
	q.open--
	g.breaker.Connections.Release()
	g.serve(name, q)
	if q.open == 0 {
		delete(g.queues, name)
	}
}

// serve gives those who wait what there is, in order: room on a connection, or
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

// next takes the first waiter out. mu is held.
func (g *gate[C]) next(q *queue[C]) waiter[C] {
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	g.waiters.Add(-1)
	return w
}
