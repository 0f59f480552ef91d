// Package gateway is an Istio ingress gateway inside a Go process: the routing,
// rewriting, header operations, traffic splitting, rate limiting and forwarding
// that a cluster gets from istiod and Envoy, as an http.Handler.
//
// A Builder takes routes as Go declarations (Route, Server, …) or as Istio's
// YAML (package spec), and backends: handlers in this process, or URLs. Build
// validates everything, reports all problems at once, and compiles a Gateway.
//
//	gw, err := gateway.New().
//		Backend("reviews", reviews).
//		Route(gateway.Route{
//			Match:   []gateway.Match{{URI: gateway.Prefix("/reviews")}},
//			Rewrite: &gateway.Rewrite{URI: "/"},
//			Split:   gateway.Split{{Host: "reviews"}},
//		}).
//		Build()
//
// Requests are taken by the first route that matches, as in Envoy. Where Native
// semantics, the default, differ from Envoy's is a short closed list, in
// docs/semantics.md.
//
// Each feature of a route is also a middleware that works alone around any
// handler: see the Middleware methods of Match, Rewrite, Headers, Split,
// RateLimit, Redirect, DirectResponse, Fault and CORS.
package gateway

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/spec"
)

// A Gateway is an http.Handler that serves a compiled configuration, which can
// be replaced while it serves. All methods are safe for concurrent use. The zero
// Gateway answers 404.
type Gateway struct {
	program atomic.Pointer[program]
	// replacing keeps replacements, and Close, apart from each other.
	replacing sync.Mutex
	closed    bool
}

// emptyProgram is that of the zero Gateway.
var emptyProgram = &program{random: defaultRandom, edge: edge{random: defaultRandom, ids: new(requestIDs)}}

func (g *Gateway) load() *program {
	if p := g.program.Load(); p != nil {
		return p
	}
	return emptyProgram
}

// ServeHTTP serves a request that came by no listener of the gateway's. Its
// server is the one whose port the connection came to, if that is known, or else
// the first that speaks the request's scheme. Use Listener to say which port a
// request belongs to.
//
// The request stays as it was. See Owning for callers that have no more use for it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := g.load()
	p.serve(w, r, p.tableFor(r), nil, false)
}

// Middleware returns a handler that serves what a route takes, and leaves the
// rest to next, with the request as it came. Requests that Envoy refuses before
// routing, such as those with a malformed path, do not reach next.
func (g *Gateway) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := g.load()
		p.serve(w, r, p.tableFor(r), next, false)
	})
}

// Replace builds b and puts the result in place of what the gateway serves, at
// once and for every request that comes later; requests on their way keep what
// they began with. If b does not build, nothing changes and the error is
// Build's. Counts of rate limits and connections to services that did not
// change are kept.
func (g *Gateway) Replace(b *Builder) error {
	g.replacing.Lock()
	defer g.replacing.Unlock()
	if g.closed {
		return http.ErrServerClosed
	}
	before := g.program.Load()
	bg := newBackground()
	if before != nil {
		bg = before.background
	}
	p, err := b.compile(before, bg)
	if err != nil {
		return err
	}
	g.program.Store(p)
	if before != nil {
		before.close(p)
	}
	return nil
}

// Close ends what goes on behind responses: mirrored requests, lookups of
// names, discoveries, idle connections. It waits for all of it. Call it after the
// last request: those that come later are served, but no connection is kept for
// them, names are not looked up again, and nothing is mirrored.
func (g *Gateway) Close() error {
	g.replacing.Lock()
	defer g.replacing.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if p := g.program.Load(); p != nil {
		p.background.end()
		p.close(nil)
	}
	return nil
}

// Warnings returns what Build had to say that is no error, in the order of the
// sources.
func (g *Gateway) Warnings() []spec.Warning { return g.load().warnings }

// A Listener is a port of a Gateway: an http.Handler for the connections that
// come to it. It follows replacements of the gateway's configuration.
type Listener struct {
	gateway *Gateway
	bind    string
	port    int
}

// Listener returns the handler of a server port, whether it is there yet or not:
// while it is not, it answers 404.
func (g *Gateway) Listener(port int) *Listener {
	bind := ""
	if l := g.load().listenerOn(port); l != nil {
		bind = l.bind
	}
	return &Listener{g, bind, port}
}

// Listeners returns the ports that the gateway's servers have now, in order.
func (g *Gateway) Listeners() []*Listener {
	var out []*Listener
	for _, l := range g.load().listeners {
		out = append(out, &Listener{g, l.bind, l.port})
	}
	return out
}

// Port returns the number of the servers' port.
func (l *Listener) Port() int { return l.port }

// Bind returns the address that the servers ask for, or "" for all addresses.
func (l *Listener) Bind() string { return l.bind }

// TLS reports whether connections begin with TLS.
func (l *Listener) TLS() bool {
	c := l.compiled(l.gateway.load())
	return c != nil && c.plain == nil
}

// Server returns the server that a TLS connection with this SNI belongs to: the
// one with the exact name, the longest wildcard, or "*". Without one the
// connection is to be closed.
func (l *Listener) Server(serverName string) (spec.Server, bool) {
	c := l.compiled(l.gateway.load())
	if c == nil || c.chains == nil {
		return spec.Server{}, false
	}
	found, ok := c.chains.find(serverName)
	if !ok {
		return spec.Server{}, false
	}
	return found.server, true
}

// Servers returns the TLS servers of the listener, in order.
func (l *Listener) Servers() []spec.Server {
	c := l.compiled(l.gateway.load())
	if c == nil {
		return nil
	}
	var out []spec.Server
	for _, ch := range c.order {
		out = append(out, ch.server)
	}
	return out
}

// ServeHTTP serves a request that came to the port.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := l.gateway.load()
	p.serve(w, r, l.compiled(p).table(r), nil, false)
}

func (l *Listener) compiled(p *program) *listener {
	for _, c := range p.listeners {
		if c.port == l.port && c.bind == l.bind {
			return c
		}
	}
	return nil
}

// localPort returns the port that a request came to, or 0.
func localPort(r *http.Request) int {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}
