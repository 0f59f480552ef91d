package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/rawpath"
)

// An exchange is one request that a route with a destination takes, and its
// response. Only where nobody can have kept anything is it used again: see forgets.
type exchange struct {
	program *program
	// in is the request as it came, without its header once that was taken.
	in     *http.Request
	v      view
	clause *routeClause
	dest   *destination
	// w intercepts the response. It is nil where nothing has to.
	w *responseWriter
	// req is what the destination gets.
	req *http.Request

	// values are the header values that are written, the first used of them.
	values [4]string
	used   int
}

// A copiedExchange is an exchange whose destination gets a copy of the request.
// It is the one allocation that the copy needs besides its header map.
type copiedExchange struct {
	exchange
	copy http.Request
	url  url.URL
}

// A wrappedExchange is an exchange whose response is intercepted.
type wrappedExchange struct {
	copiedExchange
	writer responseWriter
}

// exchanges are wrappedExchanges that were used, in the state of new ones. One that
// a panic went through does not come back.
var exchanges = sync.Pool{New: func() any { return new(wrappedExchange) }}

// forgets reports whether nobody keeps anything of an exchange with d when it is
// over, so that its memory can be used for another one: no handler has seen it, no
// body is on its way, and no goroutine was left behind.
func (rt *routeProgram) forgets(v *view, d *destination) bool {
	return v.owned && d.direct && bodiless(v.r) && !v.upgrade &&
		len(rt.mirrors) == 0 && rt.timeout == 0 && rt.retry.perTry == 0
}

// bodiless reports whether a request has no body. net/http's server gives those of
// HTTP/2 one that is empty.
func bodiless(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 && r.ProtoMajor >= 2
}

// begin makes x the exchange of a request. Its header is yet to be prepared.
func (x *copiedExchange) begin(p *program, v *view, c *routeClause) {
	x.program, x.in, x.v, x.clause = p, v.r, *v, c
	in := v.r
	if v.chi != nil && !p.bare {
		// The destination may be a chi router: it must route by what it is sent.
		in = in.WithContext(routedAnew(in.Context()))
	}
	x.copy, x.url = *in, *in.URL
	x.copy.URL = &x.url
	if x.copy.Body != nil && bodiless(in) {
		x.copy.Body = http.NoBody
	}
	x.req = &x.copy
}

// one returns a slice of one value, from the exchange's own memory while that
// lasts. Appending to it copies.
func (x *exchange) one(s string) []string {
	i := x.used
	if i == len(x.values) {
		return []string{s}
	}
	x.used++
	x.values[i] = s
	return x.values[i : i+1 : i+1]
}

// prepare makes req what the destination dest gets.
func (x *exchange) prepare(dest *destination) {
	x.dest = dest
	p, route := x.program, x.clause.route
	// The header may be edited where it is: what the edge says of the client is
	// read before.
	client := p.edge.describe(x.in)
	x.req.Header = x.header()
	x.edgeHeadersBefore(&client)
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
	x.edgeHeadersAfter(&client)
}

// header returns the header map that the destination gets: the one that came, if
// the gateway owns it, or else a copy; in either case without what is not passed
// on.
func (x *exchange) header() http.Header {
	in := x.in.Header
	if x.v.owned {
		x.in.Header = nil
		return x.passOn(in)
	}
	if n := len(in) + x.dest.adds; mapRoom(len(in)) >= n {
		if in == nil {
			return http.Header{}
		}
		return x.passOn(maps.Clone(in))
	}
	h := make(http.Header, len(in)+x.dest.adds)
	for key, lines := range in {
		if lines, p := x.passes(key, lines); p != dropped {
			h[key] = lines
		}
	}
	return h
}

// mapRoom returns how many entries a map that was made for n has room for. To add
// more to its clone costs more than to copy its entries one by one: all would be
// moved again, to twice the room.
func mapRoom(n int) int {
	if n <= 8 {
		return 8
	}
	room := 14
	for room < n {
		room *= 2
	}
	return room
}

// passOn takes what is not passed on out of h.
func (x *exchange) passOn(h http.Header) http.Header {
	for key, lines := range h {
		if cap(lines) == 1 && keeps(key) == kept {
			continue // as most are
		}
		switch lines, p := x.passes(key, lines); p {
		case dropped:
			delete(h, key)
		case tidied:
			h[key] = lines
		}
	}
	return h
}

// passes returns what is passed on of a header: the lines as they are, other
// lines (tidied), or nothing (dropped).
func (x *exchange) passes(key string, lines []string) ([]string, passage) {
	if !x.program.bare {
		switch p := keeps(key); p {
		case dropped:
			return nil, dropped
		case keptForUpgrade:
			if !x.v.upgrade {
				return nil, dropped
			}
		case tidied:
			if lines = tidy(key, lines); len(lines) == 0 {
				return nil, dropped
			}
			return x.one(lines[0]), tidied
		}
	}
	if cap(lines) > 1 {
		// Lines are shared with the map that came: they are replaced, never written
		// to. What could be appended to in place is copied.
		return slices.Clone(lines), tidied
	}
	return lines, kept
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
	u := x.req.URL
	u.Scheme, u.Host, u.User = "", "", nil
	setTarget(x.req, path)
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
func (p *program) take(w http.ResponseWriter, v *view, c *routeClause) {
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
func (p *program) send(w http.ResponseWriter, v *view, c *routeClause, dest *destination, origin string) {
	v.owned = dest.takesHeader(v)
	switch {
	case c.route.forgets(v, dest):
		x := exchanges.Get().(*wrappedExchange)
		x.serve(p, w, v, c, dest, origin)
		*x = wrappedExchange{}
		exchanges.Put(x)
	case c.route.wrapped || origin != "":
		x := new(wrappedExchange)
		x.serve(p, w, v, c, dest, origin)
	case c.route.handsOver(v, dest):
		x := &exchange{program: p, in: v.r, v: *v, clause: c, req: v.r}
		x.prepare(dest)
		dest.backend.ServeHTTP(w, x.req)
	default:
		x := new(copiedExchange)
		x.begin(p, v, c)
		x.forward(w, dest)
	}
}

// serve makes x, which is new, the exchange of a request, and goes through with it.
func (x *wrappedExchange) serve(p *program, w http.ResponseWriter, v *view, c *routeClause, dest *destination, origin string) {
	x.begin(p, v, c)
	x.writer.ResponseWriter, x.writer.x, x.writer.start, x.writer.corsOrigin = w, &x.exchange, time.Now(), origin
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
	dest.backend.ServeHTTP(w, x.req)
	if form := x.req.MultipartForm; form != nil && x.in.MultipartForm == nil {
		// net/http's server cleans up after the request that it made, and knows
		// nothing of this one.
		_ = form.RemoveAll()
	}
}
