package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/rawpath"
)

// An exchange is one request that a route with a destination takes, and its
// response. It holds the copy of the request that the destination gets, and is
// the one allocation that the copy needs besides its header map.
type exchange struct {
	program *program
	// in is the request as it came. Nothing changes it.
	in     *http.Request
	v      view
	clause *clause
	dest   *destination
	// w intercepts the response. It is nil where nothing has to.
	w *responseWriter

	// req and url are the destination's copy.
	req http.Request
	url url.URL

	// values are the header values that are written; spare is what is left.
	values [6]string
	spare  []string
}

// A wrappedExchange is an exchange whose response is intercepted.
type wrappedExchange struct {
	exchange
	writer responseWriter
}

// one returns a slice of one value, from the exchange's own memory while that
// lasts. Appending to it copies.
func (x *exchange) one(s string) []string {
	if len(x.spare) == 0 {
		x.spare = make([]string, len(x.values))
	}
	one := x.spare[:1:1]
	one[0] = s
	x.spare = x.spare[1:]
	return one
}

// prepare makes req what the destination dest gets.
func (x *exchange) prepare(dest *destination) {
	x.dest = dest
	x.spare = x.values[:]
	in := x.in
	p, route := x.program, x.clause.route
	if x.v.chi != nil && !p.bare {
		// The destination may be a chi router: it must route by what it is sent.
		in = in.WithContext(routedAnew(in.Context()))
	}
	x.req = *in
	x.url = *in.URL
	x.req.URL = &x.url
	x.copyHeader(in.Header)
	if !p.bare {
		p.edge.before(x)
	}
	for _, ops := range dest.request {
		if ops != nil {
			ops.apply(x.req.Header, x.formatContext(ops), x.one)
		}
	}
	x.rewriteAuthority(dest)
	if p.bare {
		return
	}
	x.rewritePath(route)
	if p.semantics.sendsEnvoyHeaders() {
		x.req.Header[headerAttemptCount] = x.one("1")
		route.expectTimeout(x)
	}
	p.edge.after(x)
}

// copyHeader gives the destination a header map of its own, without what is not
// passed on.
func (x *exchange) copyHeader(in http.Header) {
	if in == nil {
		in = http.Header{}
	}
	// Values of one line are shared with the map that came: they are replaced,
	// never written to. What could be appended to in place is copied.
	h := maps.Clone(in)
	bare := x.program.bare
	for key, lines := range h {
		if !bare {
			switch keeps(key) {
			case dropped:
				delete(h, key)
				continue
			case keptForUpgrade:
				if !x.v.upgrade {
					delete(h, key)
				}
				continue
			case tidied:
				if lines = tidy(key, lines); len(lines) == 0 {
					delete(h, key)
				} else {
					h[key] = x.one(lines[0])
				}
				continue
			}
		}
		if cap(lines) > 1 {
			h[key] = slices.Clone(lines)
		}
	}
	x.req.Header = h
}

// rewriteAuthority sets the Host header: the rewrite's before the route's
// operations' before the destination's.
func (x *exchange) rewriteAuthority(dest *destination) {
	if dest.authority == "" {
		return
	}
	if x.program.semantics.sendsEnvoyHeaders() && x.in.Host != "" {
		x.req.Header[headerOriginalHost] = x.one(x.in.Host)
	}
	x.req.Host = dest.authority
}

// rewritePath sets the path, which is the normalised one unless rewritten.
func (x *exchange) rewritePath(route *routeProgram) {
	path := x.v.path
	if route.rewrite.changesPath() {
		if x.program.semantics.sendsEnvoyHeaders() {
			x.req.Header[headerOriginalPath] = x.one(x.v.pathAndQuery())
		}
		path = route.rewrite.path(path, &x.clause.uri)
	}
	// A client may name scheme and host in the target, as proxies do. They have
	// served, and would speak of another host than the destination's.
	x.url.Scheme, x.url.Host, x.url.User = "", "", nil
	setTarget(&x.req, path)
}

// setTarget makes path, which may bring a query of its own, the request's, in
// front of the query that is there.
func setTarget(r *http.Request, path string) {
	u := r.URL
	if i := strings.IndexByte(path, '?'); i >= 0 {
		query := path[i+1:]
		if u.RawQuery != "" || u.ForceQuery {
			query += "?" + u.RawQuery
		}
		path, u.RawQuery = path[:i], query
	}
	rawpath.Set(u, path)
	u.Opaque = ""
	r.RequestURI = targetWithin(r.RequestURI, path, u)
}

// targetWithin returns path and query, as a part of the target that came if they
// are its end, which they are when a prefix was stripped.
func targetWithin(came, path string, u *url.URL) string {
	if u.RawQuery == "" && !u.ForceQuery {
		return path
	}
	if head, ok := strings.CutSuffix(came, u.RawQuery); ok && strings.HasSuffix(head, "?") &&
		strings.HasSuffix(head[:len(head)-1], path) {
		return came[len(head)-1-len(path):]
	}
	return path + "?" + u.RawQuery
}

// requestTarget returns path and query as sent.
func requestTarget(r *http.Request) string {
	path := rawpath.Of(r.URL)
	if r.URL.RawQuery == "" && !r.URL.ForceQuery {
		return path
	}
	return path + "?" + r.URL.RawQuery
}

// take takes a request through its route: the filters in Envoy's order, then the
// route's action.
func (p *program) take(w http.ResponseWriter, v *view, c *clause) {
	route, r := c.route, v.r
	if route.fault != nil && !route.fault.apply(p, w, r) {
		return
	}
	var origin string
	if route.cors != nil {
		var answered bool
		if origin, answered = route.cors.filter(p, w, r); answered {
			return
		}
	}
	if len(route.limits) > 0 && !p.allow(w, v, route, origin) {
		return
	}
	switch {
	case route.redirect != nil:
		route.redirect.serve(p, w, v, c)
		return
	case route.direct != nil:
		route.direct.serve(p, w, v, c)
		return
	}
	p.send(w, v, c, route.split.pick(p.random), origin)
}

// send sends a request to a destination, and its response to the client.
func (p *program) send(w http.ResponseWriter, v *view, c *clause, dest *destination, origin string) {
	if !c.route.wrapped && origin == "" {
		x := &exchange{program: p, in: v.r, v: *v, clause: c}
		x.forward(w, dest)
		return
	}
	x := &wrappedExchange{exchange: exchange{program: p, in: v.r, v: *v, clause: c}}
	x.writer = responseWriter{ResponseWriter: w, x: &x.exchange, start: time.Now(), corsOrigin: origin}
	x.w = &x.writer
	x.forward(x.w.hijackable(), dest)
	x.w.finish()
}

// forward sends the exchange to a destination.
func (x *exchange) forward(w http.ResponseWriter, dest *destination) {
	x.prepare(dest)
	if dest.backend == nil {
		if x.w != nil {
			x.w.local = true
		}
		x.program.localReply(w, x.in, http.StatusServiceUnavailable, "")
		return
	}
	if len(x.clause.route.mirrors) > 0 {
		defer x.mirror().end()
	}
	if x.clause.route.needsAttempts(x) {
		x.attempt(w)
		return
	}
	dest.backend.ServeHTTP(w, &x.req)
	if form := x.req.MultipartForm; form != nil && x.in.MultipartForm == nil {
		// net/http's server cleans up after the request that it made, and knows
		// nothing of this one.
		_ = form.RemoveAll()
	}
}
