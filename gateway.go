// Package gateway is an Istio ingress gateway inside a Go process. It is an
// http.Handler that does the routing, rewriting, header operations, traffic
// splitting, rate limiting and forwarding of istiod and Envoy in a cluster.
//
// A Builder accepts declarations in Go (package spec) or in Istio's YAML (package
// spec/istio), and backends: handlers in this process, or URLs. Build validates
// everything, reports all problems at once, and compiles a Gateway.
//
//	gw, err := gateway.New().
//		Backend("reviews", reviews).
//		Route(spec.Route{
//			Match:        []spec.Match{{URI: spec.Prefix("/reviews")}},
//			Rewrite:      &spec.Rewrite{URI: "/"},
//			Destinations: []spec.Destination{{Host: "reviews"}},
//		}).
//		Build()
//
// The first matching route gets the request, as in Envoy. Native semantics, the
// default, differ from Envoy's in a short closed list of places: see
// docs/semantics.md.
//
// Each feature of a route is also a middleware for any handler: Match, Rewrite,
// Headers, Split, RateLimit, Redirect, DirectResponse, Fault and CORS. The
// middleware Route combines several of them.
package gateway

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// A Gateway is an http.Handler that serves a compiled configuration, which can be
// replaced while it serves. All methods are safe for concurrent use. The zero
// Gateway answers 404.
type Gateway struct {
	program atomic.Pointer[program.Program]
	// replacing prevents that replacements and Close run at the same time.
	replacing sync.Mutex
	closed    bool
}

// emptyProgram is the program of the zero Gateway.
var emptyProgram = &program.Program{Random: edge.Random, Edge: edge.Edge{Random: edge.Random, IDs: new(edge.RequestIDs)}}

func (g *Gateway) load() *program.Program {
	if p := g.program.Load(); p != nil {
		return p
	}
	return emptyProgram
}

// ServeHTTP serves a request that did not come through a Listener. Its server is
// the one on the port of the connection, if that is known, or else the first server
// for the request's scheme. Use Listener to select the port of a request.
//
// ServeHTTP does not modify the request; InPlace may.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := g.load()
	p.Serve(w, r, p.TableFor(r), nil, false)
}

// Middleware returns a handler that serves the requests that match a route, and
// passes all others to next, unchanged. Requests that Envoy refuses before routing,
// such as those with a malformed path, do not reach next.
func (g *Gateway) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.load()
		p.Serve(w, r, p.TableFor(r), next, false)
	})
}

// Close ends all background work and waits for it: mirrored requests, name lookups,
// discoveries, idle connections. Call it after the last request. Later requests are
// served, but without kept connections, new name lookups and mirroring.
func (g *Gateway) Close() error {
	g.replacing.Lock()
	defer g.replacing.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if p := g.program.Load(); p != nil {
		p.Background.End()
		p.Close(nil)
	}
	return nil
}

// Status returns what the gateway serves at present: its listeners, routes and
// destinations with their endpoints.
func (g *Gateway) Status() observe.Status { return g.load().Status() }

// Clusters returns the destinations outside this process, with their endpoints and
// limits, ordered by name.
func (g *Gateway) Clusters() []observe.Cluster { return g.load().Clusters() }

// Limiters returns the registered limiters that rate limits use, ordered by their
// providers. A Replace with the same ratelimit.Limiter keeps their figures.
func (g *Gateway) Limiters() []observe.Limiter { return g.load().Limiters() }

// Loads returns how many requests are in flight in the gateway and in the routes that have
// bounds (Builder.MaxRequests, spec.Route.MaxRequests).
func (g *Gateway) Loads() observe.Loads { return g.load().Loads() }

// Tracing returns the settings of traces that the Telemetries declare for the gateway.
// The gateway makes no spans itself: the module otel does, or a middleware of yours.
func (g *Gateway) Tracing() observe.Tracing { return g.load().Tracing }

// Warnings returns the warnings of Builder.Build, in the order of the sources.
func (g *Gateway) Warnings() []spec.Warning { return g.load().Warnings }

// A Listener is a port of a Gateway: an http.Handler for the connections to this
// port. It follows replacements of the gateway's configuration.
type Listener struct {
	gateway *Gateway
	bind    string
	port    int
}

// Listener returns the handler of a server port. A port that does not exist yet is
// allowed: until it exists, the handler answers 404.
func (g *Gateway) Listener(port int) *Listener {
	bind := ""
	if l := g.load().ListenerOn(port); l != nil {
		bind = l.Bind
	}
	return &Listener{g, bind, port}
}

// Listeners returns the current ports of the gateway's servers, in order.
func (g *Gateway) Listeners() []*Listener {
	return g.listeners(g.load())
}

func (g *Gateway) listeners(p *program.Program) []*Listener {
	var out []*Listener
	for _, l := range p.Listeners {
		out = append(out, &Listener{g, l.Bind, l.Port})
	}
	return out
}

// Port returns the port number.
func (l *Listener) Port() int { return l.port }

// Bind returns the address that the servers declare, or "" for all addresses.
func (l *Listener) Bind() string { return l.bind }

// TLS reports whether connections begin with TLS.
func (l *Listener) TLS() bool {
	c := l.compiled(l.gateway.load())
	return c != nil && c.Plain == nil
}

// Server returns the server for a TLS connection with this SNI: the one with the
// exact name, the longest wildcard, or "*". If there is none, close the connection.
func (l *Listener) Server(serverName string) (spec.Server, bool) {
	c := l.compiled(l.gateway.load())
	if c == nil || c.Chains == nil {
		return spec.Server{}, false
	}
	found, ok := c.Chains.Find(serverName)
	if !ok || found.Table == nil {
		return spec.Server{}, false
	}
	return found.Server, true
}

// Servers returns the TLS servers of the listener, in order.
func (l *Listener) Servers() []spec.Server { return serversOf(l.compiled(l.gateway.load())) }

func serversOf(c *program.Listener) []spec.Server {
	if c == nil {
		return nil
	}
	var out []spec.Server
	for _, ch := range c.Order {
		out = append(out, ch.Server)
	}
	return out
}

// Observe hands the outcome of a request to the observers of the gateway, and sets its
// Listener. It is for a server that refuses requests by itself, so that the handler of the
// port does not see them: package server calls it. Observers must not find that slow, nor
// keep the Outcome.
func (l *Listener) Observe(o *observe.Outcome) {
	p := l.gateway.load()
	if c := l.compiled(p); c != nil {
		o.Listener = c.Name()
	}
	p.Observers.Tell(context.Background(), o)
}

// Name returns Envoy's name of the listener, such as "0.0.0.0_80".
func (l *Listener) Name() string {
	return (&program.Listener{Bind: l.bind, Port: l.port}).Name()
}

// ServeHTTP serves a request to the port.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := l.gateway.load()
	p.Serve(w, r, l.compiled(p).Table(r), nil, false)
}

func (l *Listener) compiled(p *program.Program) *program.Listener {
	for _, c := range p.Listeners {
		if c.Port == l.port && c.Bind == l.bind {
			return c
		}
	}
	return nil
}

// InPlace returns a handler that serves like ServeHTTP but may change the request
// in place. ServeHTTP copies the request for the destination. InPlace may instead
// edit the request, and pass on the request itself or its header map. Destinations
// get the same request, at a lower cost.
//
// Use it if nothing else needs the request, as directly under net/http's server:
//
//	http.ListenAndServe(":8080", gw.InPlace())
//
// Afterward, nothing else may read the header, the URL, the authority, the pattern
// or the path values of a request. Use ServeHTTP if a handler in front reads the
// request again, for example to write an access log or to retry. Also use it if
// such a handler runs at the same time, such as http.TimeoutHandler.
//
// The handler is safe for concurrent use, and follows replacements of the gateway's
// configuration.
func (g *Gateway) InPlace() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.load()
		p.Serve(w, r, p.TableFor(r), nil, true)
	})
}

// InPlace is like Gateway.InPlace, for requests to the port.
func (l *Listener) InPlace() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := l.gateway.load()
		p.Serve(w, r, l.compiled(p).Table(r), nil, true)
	})
}

// String returns the compiled program as text: every listener, virtual host and
// route in order, with everything that a route does. Two gateways with the same
// behavior have the same text.
func (g *Gateway) String() string { return g.load().String() }
