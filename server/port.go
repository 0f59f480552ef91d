package server

import (
	"net"
	"strconv"
	"strings"

	"github.com/lateengo/gateway"
)

// A port is a listener of the gateway that has a socket.
type port struct {
	listener *gateway.Listener
	secure   bool
	place    place
	socket   *socket
	// terminator is nil on a plain-text port.
	terminator *terminator
	current    *generation
}

// is reports whether p is the port of l.
func (p *port) is(l *gateway.Listener) bool {
	return p.listener.Port() == l.Port() && p.listener.Bind() == l.Bind()
}

// A place is where a listener should listen.
type place struct{ network, address string }

// ephemeral reports whether the kernel chooses the port, so that two equal places
// are not the same.
func (p place) ephemeral() bool {
	return p.network != "unix" && strings.HasSuffix(p.address, ":0")
}

// places returns the place of each listener.
func (s *Listeners) places(listeners []*gateway.Listener) []place {
	unbound := make(map[int]bool)
	for _, l := range listeners {
		if l.Bind() == "" {
			unbound[l.Port()] = true
		}
	}
	out := make([]place, len(listeners))
	for i, l := range listeners {
		address, ok := s.config.Addresses[l.Port()]
		if !ok || l.Bind() != "" && unbound[l.Port()] {
			address = ownAddress(l)
		}
		out[i] = parsePlace(address)
	}
	return out
}

// ownAddress returns the address that the servers of l declare.
func ownAddress(l *gateway.Listener) string {
	bind := l.Bind()
	if strings.HasPrefix(bind, "/") {
		return "unix:" + bind
	}
	if strings.HasPrefix(bind, "unix:") {
		return bind
	}
	return net.JoinHostPort(bind, strconv.Itoa(l.Port()))
}

// parsePlace reads "host:port", or the path of a socket after "unix:" or
// "unix://". A path that begins with @ is in the abstract namespace.
func parsePlace(address string) place {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return place{"unix", strings.TrimPrefix(path, "//")}
	}
	return place{"tcp", address}
}
