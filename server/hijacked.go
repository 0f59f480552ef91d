package server

import (
	"net"
	"sync"
	"syscall"

	"github.com/lateengo/gateway/internal/pace"
)

// hijacked holds the hijacked connections, so that they can be closed in the
// end.
type hijacked struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// sweepAt is the number of connections at which closed ones are dropped.
	sweepAt int
	closed  bool
}

const firstSweep = 64

// add keeps a connection while it is open.
func (h *hijacked) add(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Close()
		return
	}
	if h.conns == nil {
		h.conns, h.sweepAt = make(map[net.Conn]struct{}), firstSweep
	}
	if len(h.conns) >= h.sweepAt {
		for c := range h.conns {
			if isClosed(c) {
				delete(h.conns, c)
			}
		}
		h.sweepAt = max(firstSweep, 2*len(h.conns))
	}
	h.conns[conn] = struct{}{}
}

// close closes all open connections, and all that are added later.
func (h *hijacked) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.conns {
		_ = bottom(c).Close()
	}
	h.conns = nil
}

// bottom returns the connection that carries conn. Closing it does not wait for
// the peer.
func bottom(conn net.Conn) net.Conn {
	for {
		above, ok := conn.(interface{ NetConn() net.Conn })
		_, paced := conn.(*pace.Conn) // which counts that it is closed
		if !ok || paced {
			return conn
		}
		conn = above.NetConn()
	}
}

// isClosed reports whether a connection is known to be closed, without touching
// it.
func isClosed(conn net.Conn) bool {
	c, ok := bottom(conn).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}
