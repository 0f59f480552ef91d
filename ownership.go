package gateway

import (
	"net/http"
)

// Owning returns a handler that serves as ServeHTTP does, and owns the requests
// that it gets: where ServeHTTP makes a copy for the destination, it may edit the
// request, and hand it or its header map on. Destinations get the same, sooner.
//
// It is for callers that give their requests away, as net/http's server does to
// its handler:
//
//	http.ListenAndServe(":8080", gw.Owning())
//
// Nobody else may look at the header, the URL, the authority, the pattern or the
// path values of a request that was given to it. A handler in front which does so, to write an access log or to
// try again, needs ServeHTTP, and so does one that goes on while this one runs, as
// http.TimeoutHandler does.
//
// The handler is safe for concurrent use, and follows replacements of the
// gateway's configuration.
func (g *Gateway) Owning() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.load()
		p.serve(w, r, p.tableFor(r), nil, true)
	})
}

// Owning is Gateway.Owning for the requests that come to the port.
func (l *Listener) Owning() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := l.gateway.load()
		p.serve(w, r, l.compiled(p).table(r), nil, true)
	})
}

// takesHeader reports whether a destination may get the header map that came: the
// gateway owns it, and has no use of its own for it any more. Only computed values
// and what is done for gRPC look at it later.
func (d *destination) takesHeader(v *view) bool {
	return v.owned && !d.computes && v.r.Header != nil && !isGRPC(v.r)
}

// handsOver reports whether a destination that takes the header gets the very
// request that came, since the gateway does nothing after the one call of the
// backend. A body of unknown length brings its trailers to the request that came,
// where a destination does not see those that were not announced; and net/http's
// server pushes in the name of the request's authority.
func (rt *routeProgram) handsOver(v *view, d *destination) bool {
	return v.owned && d.backend != nil && d.authority == "" && v.chi == nil && v.r.ContentLength >= 0 &&
		len(rt.mirrors) == 0 && rt.timeout == 0 && rt.retry.perTry == 0 && !(rt.retry.attempts > 0 && rt.retry.declared)
}
