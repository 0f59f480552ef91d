package gateway

import (
	"context"
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// aloneRoute returns a handler that does what a route without match does in front
// of another handler: the same leaves that a Gateway's program is made of, and
// nothing else. The route was validated; its one destination is wrappedHost.
func aloneRoute(r *spec.Route, next http.Handler) http.Handler {
	o := defaultOptions()
	o.backends = []backend{{name: backendName{host: wrappedHost}, handler: next}}
	c := newCompiler(new(spec.Declarations), &o, new(findings), regexCache{}, nil)
	vs := &boundVirtualService{VirtualService: &spec.VirtualService{Routes: []spec.Route{*r}}, name: resourceName{o.namespace, "middleware"}}
	vs.routes = []boundRoute{{&vs.Routes[0], o.namespace, vs.name}}
	b := c.clauses(vs, &boundServer{Server: &spec.Server{Port: 80}, implicit: true})[0]
	only := &routeClause{clause: &b.clause, route: b.route, name: b.name}
	p := bareProgram(&o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := p.bareView(r)
		p.take(w, &v, only)
	})
}

// aloneMatch returns a handler that sends the requests which match to matched, and
// the others to next. The match was validated.
func aloneMatch(m *spec.Match, matched, next http.Handler) http.Handler {
	uri, rest, _ := compileMatch(m, regexCache{})
	c := &clause{uri: uri, rest: rest}
	e := &edge{open: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, mount := requestPath(r, chiContext(r.Context()))
		v := view{r: r, path: path, mount: mount, scheme: e.scheme(r), edge: e}
		if c.matches(&v) {
			matched.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// aloneRewrite returns a handler that rewrites the requests whose path the URI of m
// holds for, in front of next. Both were validated.
func aloneRewrite(rw *spec.Rewrite, m *spec.Match, next http.Handler) http.Handler {
	uri, _, _ := compileMatch(m, regexCache{})
	program := compileRewrite(rw, native)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rctx := chiContext(r.Context())
		path, mount := requestPath(r, rctx)
		if !uri.holds(path) {
			next.ServeHTTP(w, r)
			return
		}
		to := program.path(path, &uri)
		if rctx == nil {
			next.ServeHTTP(w, program.rewritten(r, r.Context(), mount+to))
			return
		}
		own := rctx.Clone()
		own.RoutePath = chiPath(to)
		next.ServeHTTP(w, program.rewritten(r, context.WithValue(r.Context(), chiKey, own), mount+to))
		// Routers in front learn from their own state what was matched.
		rctx.URLParams, rctx.RoutePatterns = own.URLParams, own.RoutePatterns
	})
}

// aloneSplit returns a handler that spreads requests over backends by the weights
// of destinations. A backend that is nil is next.
func aloneSplit(list []spec.Destination, backends []http.Handler, next http.Handler) http.Handler {
	rp := &routeProgram{retry: new(retryProgram)}
	for i := range list {
		d := destination{host: list[i].Host, weight: uint32(list[i].Weight), backend: backends[i]}
		if d.backend == nil {
			d.backend = next
		}
		d.request[0], d.response[0] = compileHeaders(&list[i].Headers.Request), compileHeaders(&list[i].Headers.Response)
		d.authority = authorityOf(nil, nil, d.request[0])
		d.writes, d.adds = writesOf(d.request), countAdded(d.request)
		rp.wrapped = rp.wrapped || d.response[0] != nil
		rp.split.add(d)
	}
	rp.split.settle()
	o := defaultOptions()
	p := bareProgram(&o)
	all := &routeClause{clause: new(clause), route: rp}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dest := rp.split.pick(p.random)
		if dest.request[0] == nil && dest.response[0] == nil {
			dest.backend.ServeHTTP(w, r)
			return
		}
		v := p.bareView(r)
		p.send(w, &v, all, dest, "")
	})
}

// bareProgram returns the program of a feature that is alone around a handler.
func bareProgram(o *options) *program {
	return &program{bare: true, random: o.random, log: o.log, edge: edge{open: true, random: o.random, ids: new(requestIDs)}}
}

// bareView returns the view of a request for it.
func (p *program) bareView(r *http.Request) view {
	v := view{r: r, scheme: p.edge.scheme(r), chi: chiContext(r.Context()), edge: &p.edge}
	v.path, v.mount = requestPath(r, v.chi)
	return v
}
