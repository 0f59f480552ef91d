package program

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/rawpath"
)

// An exchange is one request that a route with a destination takes, and its
// response. Only where nobody can have kept anything is it used again: see forgets.
type exchange struct {
	program *Program
	// in is the request as it came, without its header once that was taken.
	in     *http.Request
	v      match.View
	clause *Clause
	dest   *Destination
	// w intercepts the response. It is nil where nothing has to.
	w *responseWriter
	// Req is what the destination gets.
	Req *http.Request

	// values are the header values that are written, the first used of them.
	values [4]string
	used   int
}

// A CopiedExchange is an exchange whose destination gets a copy of the request.
// It is the one allocation that the copy needs besides its header map.
type CopiedExchange struct {
	exchange
	copy http.Request
	url  url.URL
}

// A wrappedExchange is an exchange whose response is intercepted.
type wrappedExchange struct {
	CopiedExchange
	writer responseWriter
}

// exchanges are wrappedExchanges that were used, in the state of new ones. One that
// a panic went through does not come back.
var exchanges = sync.Pool{New: func() any { return new(wrappedExchange) }}

// forgets reports whether nobody keeps anything of an exchange with d when it is
// over, so that its memory can be used for another one: no handler has seen it, no
// body is on its way, and no goroutine was left behind.
func (rt *Route) forgets(v *match.View, d *Destination) bool {
	return v.Owned && d.direct && bodiless(v.Request) && !v.Upgrade &&
		len(rt.Mirrors) == 0 && rt.Timeout == 0 && rt.Retry.PerTry == 0
}

// bodiless reports whether a request has no body. net/http's server gives those of
// HTTP/2 one that is empty.
func bodiless(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 && r.ProtoMajor >= 2
}

// Begin makes x the exchange of a request. Its header is yet to be prepared.
func (x *CopiedExchange) Begin(p *Program, v *match.View, c *Clause) {
	x.program, x.in, x.v, x.clause = p, v.Request, *v, c
	in := v.Request
	if v.Chi != nil && !p.Bare {
		// The destination may be a chi router: it must route by what it is sent.
		in = in.WithContext(chiroute.Anew(in.Context()))
	}
	x.copy, x.url = *in, *in.URL
	x.copy.URL = &x.url
	if x.copy.Body != nil && bodiless(in) {
		x.copy.Body = http.NoBody
	}
	x.Req = &x.copy
}

// One returns a slice of one value, from the exchange's own memory while that
// lasts. Appending to it copies.
func (x *exchange) One(s string) []string {
	i := x.used
	if i == len(x.values) {
		return []string{s}
	}
	x.used++
	x.values[i] = s
	return x.values[i : i+1 : i+1]
}

// Prepare makes Req what the destination dest gets.
func (x *exchange) Prepare(dest *Destination) {
	x.dest = dest
	p, route := x.program, x.clause.Route
	// The header may be edited where it is: what the edge says of the client is
	// read before.
	client := p.Edge.Describe(x.in)
	x.Req.Header = x.header()
	x.edgeHeadersBefore(&client)
	for _, ops := range dest.Request {
		if ops != nil {
			ops.Apply(x.Req.Header, x.formatContext(ops), x.One)
		}
	}
	x.rewriteAuthority(dest)
	if p.Bare {
		return
	}
	x.rewritePath(route)
	if p.Semantics.SendsEnvoyHeaders() {
		x.Req.Header[edge.AttemptCountHeader] = x.One("1")
		route.expectTimeout(x)
	}
	x.edgeHeadersAfter(&client)
}

// header returns the header map that the destination gets: the one that came, if
// the gateway owns it, or else a copy; in either case without what is not passed
// on.
func (x *exchange) header() http.Header {
	in := x.in.Header
	if x.v.Owned {
		x.in.Header = nil
		return x.passOn(in)
	}
	if n := len(in) + x.dest.Adds; mapRoom(len(in)) >= n {
		if in == nil {
			return http.Header{}
		}
		return x.passOn(maps.Clone(in))
	}
	h := make(http.Header, len(in)+x.dest.Adds)
	for key, lines := range in {
		if lines, p := x.passes(key, lines); p != edge.Dropped {
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
		if cap(lines) == 1 && edge.Keeps(key) == edge.Kept {
			continue // as most are
		}
		switch lines, p := x.passes(key, lines); p {
		case edge.Dropped:
			delete(h, key)
		case edge.Tidied:
			h[key] = lines
		}
	}
	return h
}

// passes returns what is passed on of a header: the lines as they are, other
// lines (tidied), or nothing (dropped).
func (x *exchange) passes(key string, lines []string) ([]string, edge.Passage) {
	if !x.program.Bare {
		switch p := edge.Keeps(key); p {
		case edge.Dropped:
			return nil, edge.Dropped
		case edge.KeptForUpgrade:
			if !x.v.Upgrade {
				return nil, edge.Dropped
			}
		case edge.Tidied:
			if lines = edge.Tidy(key, lines); len(lines) == 0 {
				return nil, edge.Dropped
			}
			return x.One(lines[0]), edge.Tidied
		}
	}
	if cap(lines) > 1 {
		// Lines are shared with the map that came: they are replaced, never written
		// to. What could be appended to in place is copied.
		return slices.Clone(lines), edge.Tidied
	}
	return lines, edge.Kept
}

// rewriteAuthority sets the Host header: the rewrite's before the route's
// operations' before the destination's.
func (x *exchange) rewriteAuthority(dest *Destination) {
	if dest.Authority == "" {
		return
	}
	if x.program.Semantics.SendsEnvoyHeaders() && x.in.Host != "" {
		x.Req.Header[edge.OriginalHostHeader] = x.One(x.in.Host)
	}
	x.Req.Host = dest.Authority
}

// rewritePath sets the path, which is the normalized one unless rewritten.
func (x *exchange) rewritePath(route *Route) {
	path := x.v.Path
	if route.Rewrite.changesPath() {
		if x.program.Semantics.SendsEnvoyHeaders() {
			x.Req.Header[edge.OriginalPathHeader] = x.One(x.v.PathAndQuery())
		}
		path = route.Rewrite.Path(path, &x.clause.URI)
	}
	// A client may name scheme and host in the target, as proxies do. They have
	// served, and would speak of another host than the destination's.
	u := x.Req.URL
	u.Scheme, u.Host, u.User = "", "", nil
	setTarget(x.Req, path)
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
