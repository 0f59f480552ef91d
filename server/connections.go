package server

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/lateengo/gateway/internal/pace"
)

// connections counts the connections of all ports, from accept to close. There are no
// more addresses than connections.
type connections struct {
	max, perAddress int
	many            []netip.Prefix

	mu    sync.Mutex
	total int
	from  map[netip.Addr]int
}

func (k *connections) limit(c *Config) {
	k.max, k.perAddress, k.many = c.MaxConnections, c.MaxConnectionsPerAddress, c.ManyConnections
	if k.perAddress > 0 {
		k.from = make(map[netip.Addr]int)
	}
}

// A slot is what an open connection is counted as.
type slot struct {
	connections *connections
	// What follows is guarded by connections.mu. client is invalid if the connection is not
	// counted for an address.
	client netip.Addr
	free   bool
}

// add counts a connection, and returns nil if there are too many.
func (k *connections) add() *slot {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.max > 0 && k.total >= k.max {
		return nil
	}
	k.total++
	return &slot{connections: k}
}

// addFor counts the connection for a client too, which is invalid if it has no address. It
// reports whether there is room.
func (l *slot) addFor(client netip.Addr) bool {
	k := l.connections
	k.mu.Lock()
	defer k.mu.Unlock()
	if !client.IsValid() || l.free {
		return true
	}
	if k.from[client] >= k.perAddress {
		return false
	}
	k.from[client]++
	l.client = client
	return true
}

// drop takes down that the connection is closed.
func (l *slot) drop() {
	k := l.connections
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.free {
		return
	}
	l.free = true
	k.total--
	if !l.client.IsValid() {
		return
	}
	if k.from[l.client]--; k.from[l.client] == 0 {
		delete(k.from, l.client)
	}
}

// counted returns the address that stands for a client: its own, or the /64 of IPv6. It
// is invalid if the client's connections are not counted apart.
func (k *connections) counted(conn net.Conn) netip.Addr {
	from, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	client := from.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range k.many {
		if p.Contains(client) {
			return netip.Addr{}
		}
	}
	if client.Is6() {
		network, _ := client.Prefix(64)
		return network.Addr()
	}
	return client
}

// admit returns an accepted connection, counted until it is closed. It closes one that is
// above a limit, and returns nil.
func (s *Listeners) admit(conn net.Conn, f *figures) net.Conn {
	slot := s.connections.add()
	if slot == nil {
		f.refused.Add(1)
		_ = conn.Close()
		return nil
	}
	var unknown *unknownConn
	if s.connections.perAddress > 0 {
		if !knowsItsClient(conn) {
			unknown = &unknownConn{conn, make(chan struct{})}
			conn = unknown
		} else if !s.admitFrom(conn, slot, f) {
			slot.drop()
			_ = conn.Close()
			return nil
		}
	}
	rate := pace.Rate{BytesPerSecond: s.config.MinResponseRate, Grace: s.config.RateGrace}
	out := pace.NewConn(conn, &s.watch, rate, func() { f.slowReaders.Add(1) })
	out.AtClose(slot.drop)
	if unknown != nil {
		go func() {
			defer close(unknown.known)
			if !s.admitFrom(unknown.Conn, slot, f) {
				_ = out.Close()
			}
		}()
	}
	return out
}

// admitFrom reports whether a client may have another connection.
func (s *Listeners) admitFrom(conn net.Conn, l *slot, f *figures) bool {
	if l.addFor(s.connections.counted(conn)) {
		return true
	}
	f.refused.Add(1)
	f.refusedPerAddress.Add(1)
	return false
}

// knowsItsClient reports whether the address of a connection can be had at once. A wrapper
// may read it from the client, as for the PROXY protocol, and wait for that.
func knowsItsClient(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// An unknownConn is a connection of which nothing is read until its client may have it.
type unknownConn struct {
	net.Conn
	known chan struct{}
}

func (c *unknownConn) Read(p []byte) (int, error) {
	<-c.known
	return c.Conn.Read(p)
}

// CloseWrite ends the sending side, if the connection can.
func (c *unknownConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
