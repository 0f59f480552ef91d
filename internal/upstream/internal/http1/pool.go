package http1

import (
	"sync"
	"time"
)

// sweepInterval is how often idle connections are checked for a close by the
// backend.
const sweepInterval = 15 * time.Second

// A Pool keeps idle connections to one host; the most recently used one is used
// first. It is safe for concurrent use. While connections are idle a timer
// runs, which Close stops.
type Pool struct {
	// Max is how many connections are kept.
	Max int
	// IdleTimeout is how long a connection is kept. 0 or less is without limit.
	IdleTimeout time.Duration
	// MaxAge is the age up to which a connection is used again. 0 is without
	// limit.
	MaxAge time.Duration

	mu sync.Mutex
	// idle are ordered by the time of their last use.
	idle     []*Conn
	sweep    *time.Timer
	sweeping bool
	closed   bool
}

// Get returns an idle connection to the named server, or nil. It may have been
// closed by the backend.
func (p *Pool) Get(name string) *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		c := p.idle[i]
		if c.Name != name {
			continue
		}
		if p.IdleTimeout > 0 && time.Since(c.idleSince) >= p.IdleTimeout {
			return nil
		}
		if p.MaxAge > 0 && c.Age() >= p.MaxAge {
			continue
		}
		if i == len(p.idle)-1 {
			p.idle[i] = nil
			p.idle = p.idle[:i]
		} else {
			p.remove(i)
		}
		return c
	}
	return nil
}

func (p *Pool) remove(i int) {
	copy(p.idle[i:], p.idle[i+1:])
	p.idle[len(p.idle)-1] = nil
	p.idle = p.idle[:len(p.idle)-1]
}

// Put keeps c, whose exchange has ended. It returns the connection that the
// caller must close, or nil. If the pool is full, that is the connection that
// has been idle longest, perhaps for a server that is no longer used. Otherwise
// it can be c.
func (p *Pool) Put(c *Conn) (dead *Conn) {
	now := time.Now()
	if p.MaxAge > 0 && now.Sub(c.made) >= p.MaxAge {
		return c
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.Max <= 0 {
		return c
	}
	if len(p.idle) >= p.Max {
		dead = p.idle[0]
		p.remove(0)
	}
	c.idleSince = now
	p.idle = append(p.idle, c)
	if !p.sweeping {
		p.sweeping = true
		if p.sweep == nil {
			p.sweep = time.AfterFunc(p.interval(), p.Sweep)
		} else {
			p.sweep.Reset(p.interval())
		}
	}
	return dead
}

// Release precedes Put of a connection on which no request was made. It has no
// effect, because Get counts nothing.
func (p *Pool) Release(*Conn) {}

func (p *Pool) interval() time.Duration {
	interval := sweepInterval
	for _, limit := range [...]time.Duration{p.IdleTimeout, p.MaxAge} {
		if limit > 0 {
			interval = min(interval, limit)
		}
	}
	return interval
}

// Sweep closes connections that have been idle for too long, are too old, or
// were closed by the backend. The pool also calls it regularly.
func (p *Pool) Sweep() {
	now := time.Now()
	var dead []*Conn
	p.mu.Lock()
	kept := p.idle[:0]
	for _, c := range p.idle {
		if p.IdleTimeout > 0 && now.Sub(c.idleSince) >= p.IdleTimeout ||
			p.MaxAge > 0 && now.Sub(c.made) >= p.MaxAge || !c.alive() {
			dead = append(dead, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	if p.sweeping = len(kept) > 0; p.sweeping {
		p.sweep.Reset(p.interval())
	}
	p.mu.Unlock()
	for _, c := range dead {
		c.Close()
	}
}

// Len returns the number of idle connections.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// Close closes the idle connections. Connections put later are closed as well.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
}

// alive reports whether an idle connection is still open, as far as that can be
// known without waiting.
func (c *Conn) alive() bool {
	switch c.raw.peek() {
	case ended:
		return false
	case something:
		return !c.raw.usable()
	}
	return true
}
