package compile

import (
	"cmp"
	"context"
	"net/http"

	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// Route returns a handler that applies a route in front of another handler, with
// the same parts as a Gateway's program and nothing else. Unmatched requests go to
// next unchanged. The route must be valid and has no destinations.
func Route(r *spec.Route, next http.Handler) http.Handler {
	alternatives := r.Match
	if len(alternatives) == 0 {
		alternatives = make([]spec.Match, 1)
	}
	list := make([]match.Clause, len(alternatives))
	clauses := make([]program.Clause, len(alternatives))
	for i := range alternatives {
		own := *r
		own.Match = alternatives[i : i+1]
		backend := next
		if rw := r.Rewrite; rw != nil && (rw.URI != "" || rw.URIRegex != nil) {
			// The text that a rewrite replaces depends on the match. The route
			// itself sets the authority.
			path := *rw
			path.Authority = ""
			backend = Rewrite(&path, &alternatives[i], next)
		}
		o := DefaultOptions()
		b := aloneCompiler(new(spec.Declarations), &o, new(findings.List), backend).aloneClause(&own)
		list[i], clauses[i] = b.Clause, program.Clause{Route: b.route, Name: b.name}
	}
	host := program.NewVirtualHost("*", false, list, clauses)
	o := DefaultOptions()
	p := NewBare(&o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := p.BareView(r)
		if c := host.Find(&v); c != nil {
			p.Take(w, &v, c)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// LimitPolicy returns a handler that applies a policy in front of another handler, and
// what is wrong with the policy. The policy must be valid and have no targets. The limiter
// counts its limits with the provider spec.DefaultProvider, unless it is nil.
func LimitPolicy(p *spec.RateLimitPolicy, limiter ratelimit.Limiter, next http.Handler) (http.Handler, error) {
	o := DefaultOptions()
	if limiter != nil {
		o.Limiters[spec.DefaultProvider] = limiter
	}
	o.Namespace = cmp.Or(p.Namespace, o.Namespace)
	problems := new(findings.List)
	c := aloneCompiler(&spec.Declarations{RateLimits: []spec.RateLimitPolicy{*p}}, &o, problems, next)
	clause := program.Clause{Route: c.aloneClause(&spec.Route{Match: make([]spec.Match, 1)}).route}
	program := NewBare(&o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := program.BareView(r)
		program.Take(w, &v, &clause)
	}), problems.Err()
}

// aloneCompiler returns a compiler for a route whose destination is backend.
func aloneCompiler(d *spec.Declarations, o *Options, f *findings.List, backend http.Handler) *Compiler {
	o.Backends = []Backend{{Name: BackendName{Host: WrappedHost}, Handler: backend}}
	return newCompiler(d, o, f, regex.Cache{}, new(Earlier))
}

// aloneClause compiles a route with one match, whose destination is the only backend.
func (c *Compiler) aloneClause(r *spec.Route) boundClause {
	own := *r
	if own.Redirect == nil && own.DirectResponse == nil {
		own.Destinations = []spec.Destination{{Host: WrappedHost}}
		own.Retry = new(spec.Retry) // a handler is called only once
	}
	vs := &boundVirtualService{VirtualService: &spec.VirtualService{Routes: []spec.Route{own}}, name: resource.Name{Namespace: c.O.Namespace, Name: "middleware"}}
	vs.routes = []boundRoute{{Route: &vs.Routes[0], from: vs.VirtualService, namespace: c.O.Namespace}}
	return c.clauses(vs, &boundServer{Server: &spec.Server{Port: 80}, implicit: true})[0]
}

// Match returns a handler that sends matching requests to matched, and the others
// to next. The match must be valid.
func Match(m *spec.Match, matched, next http.Handler) http.Handler {
	uri, rest, _ := match.Compile(m, regex.Cache{})
	match.DecodeParameters(rest)
	c := &match.Clause{URI: uri, Conditions: rest}
	e := &edge.Edge{Open: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, mount := chiroute.Path(r, chiroute.Context(r.Context()))
		v := match.View{Request: r, Path: path, Mount: mount, Scheme: e.Scheme(r), Edge: e}
		if c.Matches(&v) {
			matched.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Rewrite returns a handler in front of next that rewrites the requests whose path
// matches the URI of m. Both must be valid.
func Rewrite(rw *spec.Rewrite, m *spec.Match, next http.Handler) http.Handler {
	uri, _, _ := match.Compile(m, regex.Cache{})
	program := program.NewRewrite(rw, semantics.Native)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rctx := chiroute.Context(r.Context())
		path, mount := chiroute.Path(r, rctx)
		if !uri.Holds(path) {
			next.ServeHTTP(w, r)
			return
		}
		to := program.Path(path, &uri)
		if rctx == nil {
			next.ServeHTTP(w, program.Rewritten(r, r.Context(), mount+to))
			return
		}
		own := rctx.Clone()
		own.RoutePath = chiroute.PathOf(to)
		next.ServeHTTP(w, program.Rewritten(r, context.WithValue(r.Context(), chiroute.Key, own), mount+to))
		// Routers in front read from their own state what was matched.
		rctx.URLParams, rctx.RoutePatterns = own.URLParams, own.RoutePatterns
	})
}

// Split returns a handler that divides requests among backends by the weights of
// destinations. A nil backend means next.
func Split(list []spec.Destination, backends []http.Handler, next http.Handler) http.Handler {
	rp := &program.Route{Retry: new(forward.Retry)}
	for i := range list {
		d := program.Destination{Host: list[i].Host, Weight: uint32(list[i].Weight), Backend: backends[i]}
		if d.Backend == nil {
			d.Backend = next
		}
		d.Request[0], d.Response[0] = header.Compile(&list[i].Headers.Request), header.CompileResponse(&list[i].Headers.Response)
		d.Authority = authorityOf(nil, nil, d.Request[0])
		d.Writes, d.Adds = program.WritesOf(d.Request), header.CountAdded(d.Request)
		rp.Wrapped = rp.Wrapped || d.Response[0] != nil
		rp.Split.Add(d)
	}
	rp.Split.Settle()
	o := DefaultOptions()
	p := NewBare(&o)
	all := &program.Clause{Clause: new(match.Clause), Route: rp}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dest := rp.Split.Pick(p.Random)
		if dest.Request[0] == nil && dest.Response[0] == nil {
			dest.Backend.ServeHTTP(w, r)
			return
		}
		v := p.BareView(r)
		p.Send(w, &v, all, dest, "")
	})
}

// NewBare returns the program of a single feature around a handler.
func NewBare(o *Options) *program.Program {
	return &program.Program{Bare: true, Random: o.Random, Log: o.Log, Edge: edge.Edge{Open: true, Random: o.Random, IDs: new(edge.RequestIDs)}}
}

// WrappedHost is the destination for the handler that a middleware wraps.
const WrappedHost = "next"
