package program

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
)

// A Load counts requests in flight, and bounds them. There is no queue: a request beyond
// the bound is refused at once, because one that waits would only be late.
type Load struct {
	most int64
	*loadFigures
}

// loadFigures outlive a program, with the requests that they count.
type loadFigures struct {
	active atomic.Int64
	shed   atomic.Uint64
}

// NewLoad returns a Load for at most this many requests, or nil for any number. It goes on
// with the figures of before, which may be nil.
func NewLoad(most int, before *Load) *Load {
	if most <= 0 {
		return nil
	}
	l := &Load{int64(most), new(loadFigures)}
	if before != nil {
		l.loadFigures = before.loadFigures
	}
	return l
}

// enter counts a request, or reports that it is one too many. l may be nil.
func (l *Load) enter() bool {
	if l == nil {
		return true
	}
	if l.active.Add(1) <= l.most {
		return true
	}
	l.active.Add(-1)
	l.shed.Add(1)
	return false
}

// leave ends a request that has entered.
func (l *Load) leave() {
	if l != nil {
		l.active.Add(-1)
	}
}

// Status returns the figures. l may be nil.
func (l *Load) Status() observe.Load {
	if l == nil {
		return observe.Load{}
	}
	return observe.Load{Most: l.most, Active: l.active.Load(), Shed: l.shed.Load()}
}

// Loads returns the load of the program, and those of its routes with bounds.
func (p *Program) Loads() observe.Loads {
	out := observe.Loads{Gateway: p.Load.Status()}
	seen := map[*Load]bool{}
	type key struct{ listener, service, route string }
	at := map[key]int{}
	add := func(l *Listener, t *RouteTable) {
		for _, h := range t.Order {
			for i := range h.Clauses {
				r := h.Clauses[i].Route
				if r.Load == nil || seen[r.Load] {
					continue
				}
				seen[r.Load] = true
				k := key{l.Name(), r.Service, r.Declared.Route.Name}
				n, known := at[k]
				if !known {
					n = len(out.Routes)
					at[k] = n
					out.Routes = append(out.Routes, observe.RouteLoad{Listener: k.listener, VirtualService: k.service, Route: k.route})
				}
				sum, load := &out.Routes[n].Load, r.Load.Status()
				sum.Most, sum.Active, sum.Shed = sum.Most+load.Most, sum.Active+load.Active, sum.Shed+load.Shed
			}
		}
	}
	for _, l := range p.Listeners {
		if l.Plain != nil {
			add(l, l.Plain)
		}
		for _, c := range l.Order {
			add(l, c.Table)
		}
	}
	slices.SortFunc(out.Routes, func(a, b observe.RouteLoad) int {
		return cmp.Or(strings.Compare(a.Listener, b.Listener), strings.Compare(a.VirtualService, b.VirtualService), strings.Compare(a.Route, b.Route))
	})
	return out
}

// Most returns the bound, or 0 for none.
func (l *Load) Most() int64 {
	if l == nil {
		return 0
	}
	return l.most
}

// sendBounded is Send for a route or a program with bounds.
func (p *Program) sendBounded(w http.ResponseWriter, v *match.View, c *Clause, dest *Destination, origin string) {
	if most := c.Route.MaxBody; most > 0 && !bodiless(v.Request) && !p.admitBody(w, v, c.Route, origin) {
		return
	}
	if !p.Load.enter() {
		p.shed(w, v, c.Route, origin, observe.FlagOverload)
		return
	}
	defer p.Load.leave()
	if !c.Route.Load.enter() {
		p.shed(w, v, c.Route, origin, observe.FlagOverflow)
		return
	}
	defer c.Route.Load.leave()
	p.send(w, v, c, dest, origin)
}

// shed refuses a request that is one too many, as Envoy's overload manager does.
func (p *Program) shed(w http.ResponseWriter, v *match.View, rt *Route, origin, flag string) {
	v.Record.Ended(flag, observe.DetailsOverload)
	v.Record.Forgotten()
	h := w.Header()
	h["Retry-After"] = []string{"1"}
	body := "overloaded"
	if p.Semantics.SendsEnvoyHeaders() {
		h["X-Envoy-Overloaded"] = []string{"true"}
		body = "envoy overloaded"
	}
	if origin != "" {
		rt.CORS.decorate(h, origin)
	}
	p.localReply(w, v.Request, http.StatusServiceUnavailable, body)
}
