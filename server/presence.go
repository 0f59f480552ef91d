package server

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lateengo/gateway/internal/http1"
)

// presenceInterval is the time between two checks whether a request is still
// the same. A client that leaves is detected after at most two intervals.
const presenceInterval = 8 * time.Millisecond

// A presence detects a client that leaves while its request is handled.
//
// To detect this immediately, net/http reads the connection during each
// request, in a separate goroutine that it must stop before the next request.
// That costs more than most requests. A presence begins to check only if a
// request takes long.
type presence struct {
	conn     syscall.RawConn
	deadline *http1.ReadDeadline
	// left is called when the client has left.
	left func()

	// request is the number of the request that is being handled, or 0.
	request atomic.Uint64
	// last is the number of the latest request. Only begin uses it.
	last uint64
	// ticking means that tick will be called.
	ticking atomic.Bool
	// watched means that watching is not nil, or may soon be set.
	watched atomic.Bool

	// seen is the request at the last tick. Only tick uses it.
	seen uint64

	mu sync.Mutex
	// timer is nil while there are no ticks.
	timer *time.Timer
	// watching is closed when the connection is no longer checked. It is nil if
	// it is not checked.
	watching chan struct{}
}

// newPresence returns nil if a connection can only be checked by reading it.
func newPresence(conn net.Conn, deadline *http1.ReadDeadline, left func()) *presence {
	if !canPeek {
		return nil
	}
	below, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := below.SyscallConn()
	if err != nil {
		// Wrappers have the method even if the wrapped connection does not.
		return nil
	}
	return &presence{conn: raw, deadline: deadline, left: left}
}

// handling reports whether a request is being handled.
func (p *presence) handling() bool { return p.request.Load() != 0 }

// begin begins a request. No other code may read the connection during it.
func (p *presence) begin() {
	p.last++
	p.request.Store(p.last)
	if !p.ticking.Load() && p.ticking.CompareAndSwap(false, true) {
		p.wind()
	}
}

// wind schedules a call of tick.
func (p *presence) wind() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		p.timer = time.AfterFunc(presenceInterval, p.tick)
		return
	}
	p.timer.Reset(presenceInterval)
}

// end ends the request. The connection may be read when it returns.
func (p *presence) end() {
	p.request.Store(0)
	if !p.watched.Load() {
		return
	}
	p.mu.Lock()
	watching := p.watching
	if watching != nil {
		p.deadline.Force(past)
	}
	p.mu.Unlock()
	if watching != nil {
		<-watching
		p.deadline.Force(time.Time{})
	}
}

// past is a deadline that ends waiting reads.
var past = time.Unix(1, 0)

// tick checks whether the request is still the same.
func (p *presence) tick() {
	request := p.request.Load()
	if request != 0 && request != p.seen {
		p.seen = request
		p.wind()
		return
	}
	if request != 0 {
		p.watch(request)
	}
	p.mu.Lock()
	p.timer = nil // idle connections keep none
	p.mu.Unlock()
	// A request that begins from now on starts a timer; one that has begun
	// meanwhile may have relied on this tick.
	p.ticking.Store(false)
	if r := p.request.Load(); r != 0 && r != request && p.ticking.CompareAndSwap(false, true) {
		p.wind()
	}
}

// watch waits until the request ends, or the client sends something or leaves.
func (p *presence) watch(request uint64) {
	if !p.beginWatch(request) {
		return
	}
	gone := false
	err := p.conn.Read(func(fd uintptr) bool {
		if p.request.Load() != request {
			return true
		}
		there, open := peek(fd)
		gone = !open
		return there || gone
	})
	p.endWatch()
	// Other errors do not mean that the client left.
	if p.request.Load() == request && (gone || errors.Is(err, net.ErrClosed)) {
		p.left()
	}
}

// beginWatch reports whether the request may be watched. If so, end waits for
// endWatch.
func (p *presence) beginWatch(request uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Either this code sees that the request has ended, or end sees watched.
	p.watched.Store(true)
	if p.request.Load() != request || !p.deadline.Lift() {
		p.watched.Store(false)
		return false
	}
	p.watching = make(chan struct{})
	return true
}

func (p *presence) endWatch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.watching)
	p.watching = nil
	p.watched.Store(false)
}
