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

// An exchange is one request to a route with a destination, and its response.
// It is reused only if nothing can still refer to it: see forgets.
type exchange struct {
	program *Program
	// in is the request as it was received. Its header is removed once the
	// exchange has taken it.
	in     *http.Request
	v      match.View
	clause *Clause
	dest   *Destination
	// w intercepts the response. It is nil if that is not needed.
	w *responseWriter
	// Req is the request that the destination gets.
	Req *http.Request

	// values are the header values to write. The first ones are used.
	values [4]string
	used   int
}

// A CopiedExchange is an exchange whose destination gets a copy of the request.
// Besides the header map, it is the only allocation for the copy.
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

// exchanges are used wrappedExchanges, reset to the state of new ones. After a
// panic an exchange is not put back.
var exchanges = sync.Pool{New: func() any { return new(wrappedExchange) }}

// forgets reports whether nothing refers to an exchange with d when it is over,
// so that its memory can be reused: no handler has seen it, no body is being
// sent, and no goroutine was left behind.
func (rt *Route) forgets(v *match.View, d *Destination) bool {
	return v.Owned && d.direct && bodiless(v.Request) && !v.Upgrade &&
		len(rt.Mirrors) == 0 && rt.Timeout == 0 && rt.Retry.PerTry == 0
}

// bodiless reports whether a request has no body. net/http's server gives
// HTTP/2 requests without a body an empty one.
func bodiless(r *http.Request) bool {
	return r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 && r.ProtoMajor >= 2
}

// Begin makes x the exchange of a request. The header must still be prepared.
func (x *CopiedExchange) Begin(p *Program, v *match.View, c *Clause) {
	x.program, x.in, x.v, x.clause = p, v.Request, *v, c
	in := v.Request
	if v.Chi != nil && !p.Bare {
		// The destination may be a chi router, which must route by the request
		// that it gets.
		in = in.WithContext(chiroute.Anew(in.Context()))
	}
	x.copy, x.url = *in, *in.URL
	x.copy.URL = &x.url
	if x.copy.Body != nil && bodiless(in) {
		x.copy.Body = http.NoBody
	}
	x.Req = &x.copy
}

// One returns a slice of one value, from the exchange's own memory if there is
// room. An append to it makes a copy.
func (x *exchange) One(s string) []string {
	i := x.used
	if i == len(x.values) {
		return []string{s}
	}
	x.used++
	x.values[i] = s
	return x.values[i : i+1 : i+1]
}

// Prepare sets Req to the request that the destination dest gets.
func (x *exchange) Prepare(dest *Destination) {
	x.dest = dest
	x.prepare(dest)
	if x.v.Record != nil {
		x.notePrepared()
	}
}

func (x *exchange) prepare(dest *Destination) {
	p, route := x.program, x.clause.Route
	// The header may be edited in place, so the edge's description of the
	// client is read before.
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

// header returns the header map that the destination gets, without the headers
// that are not forwarded. It is the received map if the gateway owns it, and
// otherwise a copy.
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

// mapRoom returns how many entries a map made for n entries has room for. If a
// clone would need more, it is cheaper to copy the entries one by one, because
// the clone would move all of them to twice the room.
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

// passOn removes from h what is not forwarded.
func (x *exchange) passOn(h http.Header) http.Header {
	for key, lines := range h {
		if cap(lines) == 1 && edge.Keeps(key) == edge.Kept {
			continue // as in most cases
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

// passes returns the forwarded part of a header: the lines unchanged, other
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
		// The received map shares these lines: they are replaced, never
		// changed. Lines with spare capacity are copied, because an append
		// could change them in place.
		return slices.Clone(lines), edge.Tidied
	}
	return lines, edge.Kept
}

// rewriteAuthority sets the Host header. The rewrite has priority over the
// route's operations, and these over the destination.
func (x *exchange) rewriteAuthority(dest *Destination) {
	if dest.Authority == "" {
		return
	}
	if x.program.Semantics.SendsEnvoyHeaders() && x.in.Host != "" {
		x.Req.Header[edge.OriginalHostHeader] = x.One(x.in.Host)
	}
	x.Req.Host = dest.Authority
}

// rewritePath sets the path, which is the normalized path unless rewritten.
func (x *exchange) rewritePath(route *Route) {
	path := x.v.Path
	if route.Rewrite.changesPath() {
		if x.program.Semantics.SendsEnvoyHeaders() {
			x.Req.Header[edge.OriginalPathHeader] = x.One(x.v.PathAndQuery())
		}
		path = route.Rewrite.Path(path, &x.clause.URI)
	}
	// As for proxies, a client may send scheme and host in the target. They are
	// no longer needed, and would name a host other than the destination's.
	u := x.Req.URL
	u.Scheme, u.Host, u.User = "", "", nil
	setTarget(x.Req, path)
}

// setTarget sets the request's path. If path has its own query, that comes
// before the existing query.
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

// targetWithin returns path and query. It returns a part of the received target
// if they are its end, as after a prefix was stripped.
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
