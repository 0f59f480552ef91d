package gateway

import (
	"log/slog"
	"net/http"
)

const levelDebug = slog.LevelDebug

func attr(key, value string) slog.Attr { return slog.String(key, value) }

// Middleware returns a middleware that sends the requests which match to
// matched, and leaves the others to the handler that it wraps. Conditions that
// look at a server or a workload (Port, Gateways, SourceLabels,
// SourceNamespace) play no part. The path is compared as it was sent; within a
// mounted chi router, below the mount. The error joins an *Error for each
// problem.
func (m Match) Middleware(matched http.Handler) (func(http.Handler) http.Handler, error) {
	r := Route{Match: []Match{m}}
	if err := r.check("match[0]"); err != nil {
		return nil, err
	}
	uri, rest, err := compileMatch(&m, regexCache{})
	if err != nil {
		return nil, err
	}
	c := &clause{uri: uri, rest: rest}
	e := &edge{random: defaultRandom}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, _ := requestPath(r, chiContext(r))
			v := view{r: r, path: path, scheme: e.scheme(r), edge: e}
			if c.matches(&v) {
				matched.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// check validates a route of which one field is of interest, as declared by a
// person who uses it as a middleware.
func (r *Route) check(field string) error {
	own := *r
	if own.Redirect == nil && own.DirectResponse == nil && len(own.Split) == 0 {
		own.Split = Split{{Host: "next"}}
	}
	d := &Declarations{VirtualServices: []VirtualService{{
		Name: "middleware", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []Route{own},
		Origin: Origin{Kind: "Middleware"},
	}}}
	f := new(findings)
	validate(d, validation{defaultNamespace: "default"}, f)
	for _, l := range own.RateLimits {
		if l.Provider != "" {
			f.at(Origin{Kind: "Middleware", Path: field}).field("provider").errorf("a limit with a provider needs a Gateway")
		}
	}
	return f.err()
}

// middleware makes a middleware of a route without match: the same leaves that
// a Gateway's program is made of, and nothing else.
func (r *Route) middleware(field string) (func(http.Handler) http.Handler, error) {
	if err := r.check(field); err != nil {
		return nil, err
	}
	own := *r
	forwards := own.Redirect == nil && own.DirectResponse == nil
	if forwards {
		own.Split = Split{{Host: "next"}}
	}
	return func(next http.Handler) http.Handler {
		b := New().Backend("next", next)
		c := &compiler{
			findings: new(findings), d: new(Declarations), b: b, regexes: regexCache{},
			keptBuckets: map[string]*buckets{}, upstreams: map[string]*remote{},
		}
		c.services = newServiceIndex(c)
		c.backends = newBackendIndex(b.backends, b.namespace)
		c.policies = newPolicyIndex(c)
		vs := &boundVirtualService{VirtualService: &VirtualService{Routes: []Route{own}}, name: resourceName{b.namespace, "middleware"}}
		vs.routes = []boundRoute{{&vs.Routes[0], b.namespace, vs.name}}
		clauses := c.clauses(vs, &boundServer{Server: &Server{Port: 80}, implicit: true})
		p := &program{bare: true, random: b.random, log: b.log, edge: edge{random: b.random}}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, _ := requestPath(r, chiContext(r))
			v := view{r: r, path: path, scheme: p.edge.scheme(r), edge: &p.edge}
			p.take(w, &v, &clauses[0])
		})
	}, nil
}
