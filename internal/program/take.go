package program

import (
	"net/http"
	"time"

	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
)

// Take handles a request with its route: the filters in Envoy's order, then the
// route's action.
func (p *Program) Take(w http.ResponseWriter, v *match.View, c *Clause) {
	route, r := c.Route, v.Request
	if route.Fault != nil && !route.Fault.apply(p, w, v) {
		return
	}
	var origin string
	if route.CORS != nil {
		var answered bool
		if origin, answered = route.CORS.Filter(p, w, r); answered {
			v.Record.Ended("", observe.DetailsPreflight)
			return
		}
	}
	var dest *Destination
	if len(route.Limits.All()) > 0 {
		if route.CountsCluster {
			dest = route.Split.Pick(p.Random)
			v.Cluster = dest.Cluster()
		}
		if !p.allow(w, v, route, origin) {
			return
		}
	}
	switch {
	case route.Redirect != nil:
		v.Record.Ended("", observe.DetailsDirect)
		v.Record.Forgotten()
		route.Redirect.Serve(p, w, v, c)
		return
	case route.Direct != nil:
		v.Record.Ended("", observe.DetailsDirect)
		v.Record.Forgotten()
		route.Direct.Serve(p, w, v, c)
		return
	}
	if dest == nil {
		dest = route.Split.Pick(p.Random)
	}
	p.Send(w, v, c, dest, origin)
}

// Send sends a request to a destination, and its response to the client.
func (p *Program) Send(w http.ResponseWriter, v *match.View, c *Clause, dest *Destination, origin string) {
	if p.Load != nil || c.Route.Load != nil || c.Route.MaxBody > 0 {
		p.sendBounded(w, v, c, dest, origin)
		return
	}
	p.send(w, v, c, dest, origin)
}

func (p *Program) send(w http.ResponseWriter, v *match.View, c *Clause, dest *Destination, origin string) {
	v.Record.Sent(dest.Observed)
	if v.Routing != nil && dest.Observed.InProcess {
		addRouting(v, dest)
	}
	if p.Bare && origin == "" && c.Route.leaves(dest) {
		dest.Backend.ServeHTTP(w, v.Request)
		return
	}
	// The edit of local replies reads the received header.
	v.Owned = dest.takesHeader(v) && p.LocalReply == nil
	switch {
	case c.Route.forgets(v, dest):
		x := exchanges.Get().(*wrappedExchange)
		x.serve(p, w, v, c, dest, origin)
		v.Record.Forgotten()
		*x = wrappedExchange{}
		exchanges.Put(x)
		if f, ok := w.(forgetter); ok {
			f.RequestForgotten()
		}
	case c.Route.Wrapped || origin != "":
		x := new(wrappedExchange)
		x.serve(p, w, v, c, dest, origin)
	case c.Route.handsOver(v, dest):
		x := &exchange{program: p, in: v.Request, v: *v, clause: c, Req: v.Request}
		x.Prepare(dest)
		dest.Backend.ServeHTTP(w, x.Req)
	default:
		x := new(CopiedExchange)
		x.Begin(p, v, c)
		x.forward(w, dest)
	}
}

// leaves reports whether a route of a single feature leaves a request to d and its
// response as they are.
func (rt *Route) leaves(d *Destination) bool {
	return !rt.Wrapped && d.Backend != nil && d.Authority == "" && d.Request == [2]*header.Operations{} &&
		len(rt.Mirrors) == 0 && rt.Timeout == 0 && rt.Retry.PerTry == 0
}

// serve makes x, which is new, the exchange of a request, and executes it.
func (x *wrappedExchange) serve(p *Program, w http.ResponseWriter, v *match.View, c *Clause, dest *Destination, origin string) {
	x.Begin(p, v, c)
	x.writer.ResponseWriter, x.writer.x, x.writer.start, x.writer.corsOrigin = w, &x.exchange, time.Now(), origin
	x.w = &x.writer
	x.forward(x.w.hijackable(), dest)
	x.w.finish()
}

// forward sends the exchange to a destination.
func (x *exchange) forward(w http.ResponseWriter, dest *Destination) {
	x.Prepare(dest)
	if dest.Backend == nil {
		x.v.Record.Ended(observe.FlagNoCluster, observe.DetailsNoCluster)
		if x.w != nil {
			x.w.local = true
		}
		x.program.localReply(w, x.in, http.StatusServiceUnavailable, "")
		return
	}
	if len(x.clause.Route.Mirrors) > 0 {
		defer x.mirror().End()
	}
	if x.clause.Route.needsAttempts(x) {
		x.attempt(w)
		return
	}
	dest.Backend.ServeHTTP(w, x.Req)
	if form := x.Req.MultipartForm; form != nil && x.in.MultipartForm == nil {
		// net/http's server cleans up only after the request that it made, not
		// after this copy.
		_ = form.RemoveAll()
	}
}
