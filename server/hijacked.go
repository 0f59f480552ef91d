package server

import (
	"net"
	"sync"

	"github.com/lateengo/gateway/internal/pace"
)

// hijacked holds the hijacked connections that are open, so that they can be closed in
// the end.
type hijacked struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// add keeps a connection while it is open.
func (h *hijacked) add(conn net.Conn) {
	conn = bottom(conn)
	h.mu.Lock()
	closed := h.closed
	if !closed {
		if h.conns == nil {
			h.conns = make(map[net.Conn]struct{})
		}
		h.conns[conn] = struct{}{}
	}
	h.mu.Unlock()
	if closed {
		_ = conn.Close()
		return
	}
	if c, ok := conn.(*pace.Conn); ok {
		c.AtClose(func() { h.remove(conn) })
	}
}

func (h *hijacked) remove(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
}

// close closes all open connections, and all that are added later.
func (h *hijacked) close() {
	h.mu.Lock()
	conns := h.conns
	h.closed, h.conns = true, nil
	h.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
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
