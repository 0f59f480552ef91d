package gateway

import (
	"net/http"
	"path"
	"runtime"

	"github.com/lateengo/gateway/spec"
)

// Match returns a middleware that sends the requests which match to
// matched, and leaves the others to the handler that it wraps. The path is
// compared as it was sent, without normalisation; within a mounted chi router,
// below the mount. Headers are the client's own. The zero Match sends all
// requests to matched.
//
// The error joins an *Error for each problem. Conditions on a server or a
// workload (Port, Gateways, SourceLabels, SourceNamespace) are one: they need a
// Gateway.
func Match(m spec.Match, matched http.Handler) (func(http.Handler) http.Handler, error) {
	var f findings
	o := caller("Middleware", "", "")
	at := f.at(o).field("match")
	if matched == nil {
		at.errorf("the handler for what matches is nil")
	}
	for _, c := range []struct {
		field string
		used  bool
	}{
		{"port", m.Port != 0},
		{"gateways", len(m.Gateways) > 0},
		{"sourceLabels", len(m.SourceLabels) > 0},
		{"sourceNamespace", m.SourceNamespace != ""},
	} {
		if c.used {
			at.field(c.field).errorf("a condition on the server or the workload needs a Gateway")
		}
	}
	f.addError(checkRoute((&spec.Route{Match: []spec.Match{m}, Origin: o})))
	if err := f.err(); err != nil {
		return nil, err
	}
	uri, rest, err := compileMatch(&m, regexCache{})
	if err != nil {
		return nil, err
	}
	c := &clause{uri: uri, rest: rest}
	e := &edge{open: true}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, mount := requestPath(r, chiContext(r.Context()))
			v := view{r: r, path: path, mount: mount, scheme: e.scheme(r), edge: e}
			if c.matches(&v) {
				matched.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// checkRoute validates a route of which one field is of interest, as declared by a
// person who uses it as a middleware.
func checkRoute(r *spec.Route) error {
	own := *r
	if own.Redirect == nil && own.DirectResponse == nil && len(own.Destinations) == 0 {
		own.Destinations = []spec.Destination{{Host: wrappedHost}}
	}
	d := &spec.Declarations{VirtualServices: []spec.VirtualService{{
		Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{own}, Origin: own.Origin,
	}}}
	f := new(findings)
	validate(d, validation{defaultNamespace: "default"}, f)
	for i, l := range own.RateLimits {
		if l.Provider != "" {
			f.at(own.Origin).field("rateLimits").index(i).field("provider").errorf("a limit with a provider needs a Gateway")
		}
	}
	return f.err()
}

// wrappedHost is the destination that stands for the handler which a middleware
// wraps.
const wrappedHost = "next"

// routeMiddleware makes a middleware of a route without match: the same leaves that
// a Gateway's program is made of, and nothing else. It is called by the methods
// that people call.
func routeMiddleware(r *spec.Route) (func(http.Handler) http.Handler, error) {
	own := *r
	own.Origin = spec.Origin{Kind: "Middleware"}
	if _, file, line, ok := runtime.Caller(2); ok {
		own.Origin.File, own.Origin.Line = path.Base(file), line
	}
	if err := checkRoute(&own); err != nil {
		return nil, err
	}
	if own.Redirect == nil && own.DirectResponse == nil {
		own.Destinations = []spec.Destination{{Host: wrappedHost}}
		own.Retry = new(spec.Retry) // a handler is called once
	}
	return func(next http.Handler) http.Handler {
		b := New().Backend(wrappedHost, next)
		c := &compiler{
			findings: new(findings), d: new(spec.Declarations), b: b, regexes: regexCache{},
			keptBuckets: map[string]*buckets{}, upstreams: map[string]*remote{},
		}
		c.services = newServiceIndex(c)
		c.backends = newBackendIndex(b.backends, b.namespace)
		c.policies = newPolicyIndex(c)
		vs := &boundVirtualService{VirtualService: &spec.VirtualService{Routes: []spec.Route{own}}, name: resourceName{b.namespace, "middleware"}}
		vs.routes = []boundRoute{{&vs.Routes[0], b.namespace, vs.name}}
		clauses := c.clauses(vs, &boundServer{Server: &spec.Server{Port: 80}, implicit: true})
		p := bareProgram(b)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := p.bareView(r)
			p.take(w, &v, &clauses[0])
		})
	}, nil
}

// bareProgram returns the program of a feature that is alone around a handler.
func bareProgram(b *Builder) *program {
	return &program{bare: true, random: b.random, log: b.log, edge: edge{open: true, random: b.random, ids: new(requestIDs)}}
}

// bareView returns the view of a request for it.
func (p *program) bareView(r *http.Request) view {
	v := view{r: r, scheme: p.edge.scheme(r), chi: chiContext(r.Context()), edge: &p.edge}
	v.path, v.mount = requestPath(r, v.chi)
	return v
}
