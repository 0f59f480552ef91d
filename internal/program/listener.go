package program

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/spec"
)

// Name returns Envoy's name of the listener.
func (l *Listener) Name() string {
	bind := l.Bind
	if bind == "" {
		bind = "0.0.0.0"
	}
	return bind + "_" + strconv.Itoa(l.Port)
}

// localPort returns the port that a request came to, or 0.
func localPort(r *http.Request) int {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// A Listener is a port that servers share.
type Listener struct {
	Bind string
	Port int
	// Plain is the route table for plain text. It is nil if the port uses TLS.
	Plain *RouteTable
	// Chains finds the server of a TLS connection by its SNI.
	Chains *hosts.Table[*Chain]
	Order  []*Chain
}

// A Chain is one TLS server of a listener.
type Chain struct {
	Server spec.Server
	// Table is nil for a server that is not executed.
	Table *RouteTable
}

// A RouteTable is the set of virtual hosts that a connection may reach.
type RouteTable struct {
	// Name is Envoy's name: "http.80", or "https.443.name.gateway.namespace".
	Name     string
	Port     int
	TLS      bool
	Listener *Listener
	// Gateways are the Gateways with its servers, in order.
	Gateways []string
	// ListenerName is the name of Listener, or "".
	ListenerName string
	Hosts        hosts.Table[*VirtualHost]
	Order        []*VirtualHost
}

// ListenerOn returns the listener of a port. A listener without its own address
// comes first.
func (p *Program) ListenerOn(port int) *Listener {
	var found *Listener
	for _, l := range p.Listeners {
		if l.Port == port && (found == nil || l.Bind == "") {
			found = l
		}
	}
	return found
}

// Table returns the route table for a request that l received.
func (l *Listener) Table(r *http.Request) *RouteTable {
	if l == nil {
		return nil
	}
	if l.Plain != nil {
		if r.TLS != nil {
			return nil
		}
		return l.Plain
	}
	if r.TLS == nil || l.Chains == nil {
		return nil
	}
	c, ok := l.Chains.FindName(strings.ToLower(r.TLS.ServerName))
	if !ok {
		return nil
	}
	return c.Table
}

// TableFor returns the route table for a request that none of our listeners
// received: the table of its port, or otherwise the first table for the
// request's scheme.
func (p *Program) TableFor(r *http.Request) *RouteTable {
	if len(p.Listeners) == 1 && p.Listeners[0].Plain != nil {
		return p.Listeners[0].Plain
	}
	if port := localPort(r); port != 0 {
		if l := p.ListenerOn(port); l != nil {
			if t := l.Table(r); t != nil {
				return t
			}
		}
	}
	if r.TLS != nil {
		for _, l := range p.Listeners {
			if t := l.Table(r); t != nil {
				return t
			}
		}
	}
	for _, l := range p.Listeners {
		if l.Plain != nil {
			return l.Plain
		}
	}
	return nil
}

// SortListeners orders listeners by port, then by address.
func SortListeners(list []*Listener) {
	slices.SortFunc(list, func(a, b *Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Bind, b.Bind))
	})
}

// Domains returns the domains of the virtual hosts, in order. It is empty for nil.
func (t *RouteTable) Domains() []string {
	if t == nil {
		return nil
	}
	domains := make([]string, len(t.Order))
	for i, h := range t.Order {
		domains[i] = h.Domain
	}
	return domains
}

// Owner returns the domain of the virtual host that gets the requests for an authority, or
// "".
func (t *RouteTable) Owner(authority string) string {
	if h, ok := t.Hosts.Find(authority); ok {
		return h.Domain
	}
	return ""
}
