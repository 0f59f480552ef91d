package program

import (
	"fmt"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// Status returns what the program serves at present.
func (p *Program) Status() observe.Status {
	s := observe.Status{Generation: p.Generation, Built: p.Built, Semantics: p.Semantics.String(), Load: p.Load.Status()}
	for _, l := range p.Listeners {
		listener := observe.Listener{Name: l.Name(), Port: l.Port, Bind: l.Bind}
		if l.Plain != nil {
			listener.Tables = append(listener.Tables, l.Plain.status(nil))
		}
		for _, c := range l.Order {
			listener.Tables = append(listener.Tables, c.Table.status(hosts.ServerNames(c.Server.Hosts)))
		}
		s.Listeners = append(s.Listeners, listener)
	}
	return s
}

func (t *RouteTable) status(names []string) observe.RouteTable {
	out := observe.RouteTable{Name: t.Name, TLS: t.TLS, ServerNames: names}
	for _, h := range t.Order {
		host := observe.VirtualHost{Domain: h.Domain, RedirectsToHTTPS: h.redirect}
		for i := range h.Clauses {
			host.Routes = append(host.Routes, h.Clauses[i].status())
		}
		out.Hosts = append(out.Hosts, host)
	}
	return out
}

func (c *Clause) status() observe.Route {
	r := c.Route
	out := observe.Route{Index: int(c.Position), VirtualService: r.Service, Name: c.Name, File: r.Origin.File, Line: r.Origin.Line, Match: c.conditions()}
	out.Load = r.Load.Status()
	for i := range r.Limits.All() {
		out.Limits = append(out.Limits, r.Limits.Describe(i))
	}
	switch {
	case r.Redirect != nil:
		var t text.Lines
		r.Redirect.print(&t)
		out.Action = strings.TrimSpace(t.String())
	case r.Direct != nil:
		out.Action = fmt.Sprintf("respond %d", r.Direct.status)
	}
	for i := range r.Split.Destinations {
		d := &r.Split.Destinations[i]
		to := observe.RouteDestination{Destination: *d.Observed}
		if d.Backend == nil {
			to.Missing = d.Missing
		}
		if remote, ok := d.Backend.(*upstream.Upstream); ok {
			to.Endpoints = endpoints(remote)
		}
		out.Destinations = append(out.Destinations, to)
	}
	return out
}

// conditions returns the conditions of a clause as text.
func (c *Clause) conditions() string {
	conditions := []string{c.URI.String()}
	for i := range c.Conditions {
		conditions = append(conditions, c.Conditions[i].String())
	}
	return strings.Join(conditions, ", ")
}

// Next returns the generation of the program that follows p, which may be nil.
func (p *Program) Next() uint64 {
	if p == nil {
		return 1
	}
	return p.Generation + 1
}
