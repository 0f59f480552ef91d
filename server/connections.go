package server

import (
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

// A room says whether there is room for a connection.
type room uint8

const (
	enough room = iota
	noneInTotal
	noneForAddress
)

// add says whether there is room for a connection of a client, which is invalid if it
// has no address, and counts it then.
func (k *connections) add(client netip.Addr) room {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.max > 0 && k.total >= k.max {
		return noneInTotal
	}
	if client.IsValid() {
		if k.from[client] >= k.perAddress {
			return noneForAddress
		}
		k.from[client]++
	}
	k.total++
	return enough
}

// drop takes down that a connection is closed.
func (k *connections) drop(client netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.total--
	if !client.IsValid() {
		return
	}
	if k.from[client]--; k.from[client] == 0 {
		delete(k.from, client)
	}
}

// counted returns the address that stands for a client: its own, or the /64 of IPv6. It
// is invalid if the client's connections are not counted apart.
func (k *connections) counted(conn net.Conn) netip.Addr {
	from, ok := conn.RemoteAddr().(*net.TCPAddr)
	if k.perAddress <= 0 || !ok {
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
	client := s.connections.counted(conn)
	if room := s.connections.add(client); room != enough {
		f.refused.Add(1)
		if room == noneForAddress {
			f.refusedPerAddress.Add(1)
		}
		_ = conn.Close()
		return nil
	}
	rate := pace.Rate{BytesPerSecond: s.config.MinResponseRate, Grace: s.config.RateGrace}
	return pace.NewConn(conn, &s.watch, rate, func() { s.connections.drop(client) }, func() { f.slowReaders.Add(1) })
}
