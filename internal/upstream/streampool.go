package upstream

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// manyStreams is how many requests at a time a connection without its own limit
// is expected to carry.
const manyStreams = 1 << 16

// A streamConn is a connection of net/http, which carries one request at a time
// over HTTP/1.1 and several over HTTP/2.
type streamConn struct {
	*http.ClientConn
	name string
	made time.Time
	// closed is called when the connection is closed.
	closed func(name string)

	// users counts the current exchanges on the connection, and begun all
	// exchanges that ever began. ready means that the pool offers it. The pool
	// owns these fields.
	users, begun int
	idleSince    time.Time
	ready        bool
}

// Close closes an unused connection.
func (c *streamConn) Close() {
	_ = c.ClientConn.Close()
	c.closed(c.name)
}

// A streamPool keeps the connections to one host that can carry another
// request. It is the stock of a gate, and safe for concurrent use. While
// connections are idle a timer runs, which closeIdle stops.
type streamPool struct {
	// http2 selects the protocol. streams is how many requests a connection
	// carries at a time, and requests how many in total; 0 is without limit.
	http2             bool
	streams, requests int
	// maxIdle is how many unused connections are kept, idleTimeout is for how
	// long, and maxAge is the age up to which a connection gets another
	// request. 0 or less is without limit.
	maxIdle             int
	idleTimeout, maxAge time.Duration

	mu sync.Mutex
	// ready are the connections that may carry another request, by name. unused
	// are those of them that carry none now, ordered by the time of their last
	// use.
	ready    map[string][]*streamConn
	unused   []*streamConn
	timer    *time.Timer
	ticking  bool
	shutDown bool
}

// newStreamPool returns a pool for connections that c configures.
func newStreamPool(c *Config) *streamPool {
	p := &streamPool{
		ready: make(map[string][]*streamConn),
		http2: c.Protocol == HTTP2, streams: 1, requests: c.MaxRequestsPerConnection,
		maxIdle: max(c.MaxIdle, 0), idleTimeout: c.IdleTimeout, maxAge: c.MaxConnectionDuration,
	}
	if c.MaxIdle < 0 {
		p.requests = 1
	}
	if p.http2 {
		p.streams = manyStreams
		for _, most := range [...]int{c.MaxConcurrentStreams, p.requests} {
			if most > 0 {
				p.streams = min(p.streams, most)
			}
		}
	}
	return p
}

// Add adds a new connection, whose first use has begun.
func (p *streamPool) Add(c *streamConn) {
	// The user of a connection that has ended already will notice.
	_ = c.Reserve()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.use(c)
}

// use counts a use. mu is held.
func (p *streamPool) use(c *streamConn) {
	if c.users == 0 && c.ready {
		p.unused = without(p.unused, c)
	}
	c.users++
	c.begun++
	if full := c.users >= p.streams || p.spent(c); full == c.ready {
		p.offer(c, !full)
	}
}

// offer adds c to the ready connections, or removes it. mu is held.
func (p *streamPool) offer(c *streamConn, ready bool) {
	c.ready = ready
	if ready {
		p.ready[c.name] = append(p.ready[c.name], c)
		return
	}
	if p.ready[c.name] = without(p.ready[c.name], c); len(p.ready[c.name]) == 0 {
		delete(p.ready, c.name)
	}
}

// without removes a connection from a list. It is usually near the end.
func without(list []*streamConn, c *streamConn) []*streamConn {
	for i, other := range slices.Backward(list) {
		if other == c {
			return slices.Delete(list, i, i+1)
		}
	}
	return list
}

// spent reports whether a connection has reached its maximum number of
// requests.
func (p *streamPool) spent(c *streamConn) bool { return p.requests > 0 && c.begun >= p.requests }

// old reports whether a connection is too old for more requests.
func (p *streamPool) old(c *streamConn, now time.Time) bool {
	return p.maxAge > 0 && now.Sub(c.made) >= p.maxAge
}

// idleTooLong reports whether a connection has not been used for too long.
func (p *streamPool) idleTooLong(c *streamConn, now time.Time) bool {
	return c.users == 0 && p.idleTimeout > 0 && now.Sub(c.idleSince) >= p.idleTimeout
}

// Get returns a connection to the named server that can carry another request,
// or nil. The request is counted. Get respects the backend's limit of
// concurrent streams.
func (p *streamPool) Get(name string) *streamConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready := p.ready[name]
	if len(ready) == 0 {
		return nil
	}
	now := time.Now()
	for _, c := range slices.Backward(ready) {
		// A stream is still in flight shortly after its exchange.
		if !p.old(c, now) && !p.idleTooLong(c, now) && c.InFlight() < p.streams && c.Reserve() == nil {
			p.use(c)
			return c
		}
	}
	return nil
}

// Put ends a use of c. It returns the connection that the caller must close, or
// nil: c, if it is unused and must not be used again, or the longest unused
// connection, if too many are unused.
func (p *streamPool) Put(c *streamConn) (dead *streamConn) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
	if c.ready {
		p.offer(c, false)
	}
	kept := !p.shutDown && !p.spent(c) && !p.old(c, now) && p.usable(c)
	switch {
	case c.users > 0:
		if kept {
			p.offer(c, true)
		}
		return nil
	case !kept || p.maxIdle == 0:
		return c
	case len(p.unused) >= p.maxIdle:
		dead = p.unused[0]
		p.unused = slices.Delete(p.unused, 0, 1)
		p.offer(dead, false)
	}
	p.offer(c, true)
	p.unused = append(p.unused, c)
	c.idleSince = now
	p.tick()
	return dead
}

// Release gives back what Get has reserved on c, if no request was made.
func (p *streamPool) Release(c *streamConn) {
	c.ClientConn.Release()
	p.mu.Lock()
	c.begun--
	p.mu.Unlock()
}

// usable reports whether a connection may take another request now or later.
func (p *streamPool) usable(c *streamConn) bool {
	if c.Err() != nil {
		return false
	}
	// With HTTP/1.1 the exchange may have ended before the response. An HTTP/2
	// backend may have announced that it accepts no more.
	return c.Available() > 0 || p.http2 && c.InFlight() > 0
}

// Sweep closes connections that have been idle for too long, are too old, or
// have ended. The pool also calls it regularly.
func (p *streamPool) Sweep() {
	now := time.Now()
	p.close(func(c *streamConn) bool { return p.idleTooLong(c, now) || p.old(c, now) || !p.usable(c) })
}

// closeIdle closes unused connections. The others are closed at their end.
func (p *streamPool) closeIdle() {
	p.mu.Lock()
	p.shutDown = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.close(func(*streamConn) bool { return true })
}

// close closes the unused connections for which dead returns true.
func (p *streamPool) close(dead func(*streamConn) bool) {
	var closing []*streamConn
	p.mu.Lock()
	p.unused = slices.DeleteFunc(p.unused, func(c *streamConn) bool {
		if !dead(c) {
			return false
		}
		closing = append(closing, c)
		p.offer(c, false)
		return true
	})
	p.ticking = false
	p.tick()
	p.mu.Unlock()
	for _, c := range closing {
		c.Close()
	}
}

// tick keeps the timer running while a connection is idle. mu is held.
func (p *streamPool) tick() {
	if p.ticking || p.shutDown || len(p.unused) == 0 {
		return
	}
	p.ticking = true
	if p.timer == nil {
		p.timer = time.AfterFunc(p.interval(), p.Sweep)
	} else {
		p.timer.Reset(p.interval())
	}
}

// interval is how often idle connections are checked.
func (p *streamPool) interval() time.Duration {
	interval := sweepInterval
	for _, limit := range [...]time.Duration{p.idleTimeout, p.maxAge} {
		if limit > 0 {
			interval = min(interval, limit)
		}
	}
	return interval
}

// sweepInterval is the maximum time between two checks of idle connections.
const sweepInterval = 15 * time.Second
