// Package server runs the ports of a gateway as listeners: HTTP/1.1 and HTTP/2
// (with prior knowledge) on plain-text ports, TLS with a server chosen by SNI on
// the others.
//
//	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:8080"}})
//	if err := s.Start(); err != nil {
//		return err
//	}
//	defer s.Shutdown(ctx)
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// What is used where a Config says nothing.
const (
	// DefaultReadHeaderTimeout is how long a client may take for the head of a
	// request, and for a TLS handshake.
	DefaultReadHeaderTimeout = 10 * time.Second
	// DefaultIdleTimeout is how long a connection may be without a request, as
	// in Envoy.
	DefaultIdleTimeout = time.Hour
	// DefaultMaxHeaderBytes limits the head of a request, as in Envoy.
	DefaultMaxHeaderBytes = 60 << 10
	// DefaultDrainTimeout is how long connections of a listener that is no more
	// have to finish their requests.
	DefaultDrainTimeout = 10 * time.Second
)

// A Config says how a gateway's ports are opened. The zero Config opens each at
// its own number, on all addresses or on the one that its servers bind to.
type Config struct {
	// Addresses maps the port of servers to the address to listen at in place
	// of their own: "127.0.0.1:8080", ":0", "unix:/run/gateway.sock". Where
	// servers with different binds have one port, it is for those without.
	Addresses map[int]string

	// Credentials are what TLS servers name in credentialName. The authorities of
	// clients are those of NAME-cacert if there is one, else those of NAME.
	Credentials map[string]gateway.Credential

	// Listen opens a listener. The default is that of package net.
	Listen func(network, address string) (net.Listener, error)

	// ReadHeaderTimeout limits how long a client takes to send the head of a
	// request, or to shake hands. Zero is DefaultReadHeaderTimeout, and a
	// negative one no limit.
	ReadHeaderTimeout time.Duration
	// IdleTimeout limits how long a connection stays open between requests.
	// Zero is DefaultIdleTimeout, and a negative one no limit.
	IdleTimeout time.Duration
	// MaxHeaderBytes limits the head of a request, which is refused with 431
	// beyond it. net/http allows 4 KiB more. Zero is DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// DrainTimeout limits how long requests on a listener that Sync closes may
	// go on. Zero is DefaultDrainTimeout.
	DrainTimeout time.Duration

	// Logger is told of failed handshakes, at the debug level, and of panics in
	// handlers. Nil drops it.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Listen == nil {
		c.Listen = net.Listen
	}
	if c.ReadHeaderTimeout == 0 {
		c.ReadHeaderTimeout = DefaultReadHeaderTimeout
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	if c.MaxHeaderBytes == 0 {
		c.MaxHeaderBytes = DefaultMaxHeaderBytes
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// A Server runs the listeners of a Gateway. Its methods are safe for concurrent
// use. Begin with New, then Start.
//
// HTTP is net/http's, but for three things: a request that has both Content-Length
// and Transfer-Encoding is refused with 400, who speaks plain text to a TLS port is
// told nothing, and over HTTP/1 without TLS it takes up to 20 ms until the context
// of a request ends whose client has left, of which the deprecated
// http.CloseNotifier does not tell.
type Server struct {
	gateway *gateway.Gateway
	config  Config

	// over ends when the time to drain is over.
	over   context.Context
	cutOff context.CancelFunc
	// stopped is closed at the end of Shutdown.
	stopped chan struct{}

	mu       sync.Mutex // guards what follows
	started  bool
	closed   bool
	ports    []*port
	warnings []spec.Warning
	// draining counts generations that take no connections any more, and still
	// have some.
	draining sync.WaitGroup
}

// New returns a Server for the gateway, which has no listener yet.
func New(gw *gateway.Gateway, config Config) *Server {
	config.setDefaults()
	s := &Server{gateway: gw, config: config, stopped: make(chan struct{})}
	s.over, s.cutOff = context.WithCancel(context.Background())
	return s
}

// Start opens a listener for each port of the gateway and serves. If some cannot
// be opened, none is, and the error joins all that was wrong. A TLS server
// without its certificate is no error: it is among the Warnings, and its
// handshakes fail while others go on. A Server starts once.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.closed {
		return http.ErrServerClosed
	}
	if err := s.sync(); err != nil {
		return err
	}
	s.started = true
	return nil
}

// Sync makes the listeners those of the gateway as it is now, after a
// Gateway.Replace: it opens new ones, and closes those that are no more, whose
// requests may finish. All certificates are read anew; one that cannot be read
// any more stays, unless clients would be held to less than is asked now. Where the TLS servers of a port have changed, connections to
// it are closed after the requests they are in, so that no client is served
// under terms of yesterday. If a listener cannot be opened all stay as they
// were, and the error joins all that was wrong.
func (s *Server) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || s.closed {
		return http.ErrServerClosed
	}
	return s.sync()
}

// Warnings returns what was wrong with certificates and settings of TLS servers
// at the latest Start or Sync.
func (s *Server) Warnings() []spec.Warning {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warnings
}

// A Port is a port of the gateway that accepts connections.
type Port struct {
	// Number and Bind are those of the servers.
	Number int
	Bind   string
	// TLS says that connections begin with TLS.
	TLS bool
	// Addr is where it listens.
	Addr net.Addr
}

// Ports returns the ports that accept connections, in order.
func (s *Server) Ports() []Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Port, len(s.ports))
	for i, p := range s.ports {
		out[i] = Port{p.listener.Port(), p.listener.Bind(), p.secure, p.socket.Addr()}
	}
	return out
}

// Addr returns the address at which a port accepts connections, or nil if there
// is none: that of the servers without a bind before others.
func (s *Server) Addr(number int) net.Addr {
	var found net.Addr
	for _, p := range s.Ports() {
		if p.Number == number && (found == nil || p.Bind == "") {
			found = p.Addr
		}
	}
	return found
}

// Shutdown stops accepting connections, and waits until all requests are done,
// WebSockets and other connections that handlers took over included. When ctx
// ends first, it closes what is left, cancels the contexts of the requests, and
// returns ctx's error. A second call waits for the first, and cuts it short when
// its own ctx ends. The Server cannot be started again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	ports, first := s.ports, !s.closed
	s.ports, s.closed = nil, true
	s.mu.Unlock()
	if !first {
		select {
		case <-s.stopped:
			return nil
		case <-ctx.Done():
			s.cutOff()
			return ctx.Err()
		}
	}
	defer close(s.stopped)
	defer s.cutOff()
	defer context.AfterFunc(ctx, s.cutOff)()
	for _, p := range ports {
		p.socket.close()
		s.draining.Go(func() { p.current.drain(s.over) })
	}
	s.draining.Wait()
	return ctx.Err()
}

// Serve starts the server, and shuts it down when ctx ends, with the DrainTimeout
// to finish requests.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	return s.Shutdown(drain)
}

// sync opens, replaces and closes listeners.
func (s *Server) sync() error {
	listeners := s.gateway.Listeners()
	before := s.ports
	taken := make(map[*socket]bool, len(before))
	ports := make([]*port, len(listeners))
	places := s.places(listeners)

	// A port that stays where it is keeps its socket; a new one takes over the
	// socket of a vanished one at its address.
	for i, l := range listeners {
		ports[i] = &port{listener: l, secure: l.TLS(), place: places[i]}
		for _, old := range before {
			if old.is(l) && old.place == places[i] {
				ports[i].socket = old.socket
				taken[old.socket] = true
			}
		}
	}
	for _, p := range ports {
		for _, old := range before {
			if p.socket == nil && !taken[old.socket] && old.place == p.place && !p.place.ephemeral() {
				p.socket = old.socket
				taken[old.socket] = true
			}
		}
	}
	var problems []error
	var opened []*socket
	for _, p := range ports {
		if p.socket != nil {
			continue
		}
		l, err := s.config.Listen(p.place.network, p.place.address)
		if err != nil {
			problems = append(problems, fmt.Errorf("port %d: %w", p.listener.Port(), err))
			continue
		}
		p.socket = newSocket(l)
		opened = append(opened, p.socket)
	}
	if len(problems) > 0 {
		for _, k := range opened {
			k.close()
		}
		return errors.Join(problems...)
	}

	s.warnings = nil
	for _, p := range ports {
		var old *port
		for _, q := range before {
			if q.socket == p.socket {
				old = q
			}
		}
		s.serve(p, old)
	}
	for _, old := range before {
		if !taken[old.socket] {
			old.socket.close()
			s.retire(old.current)
		}
	}
	s.ports = ports
	return nil
}

// serve makes p serve in place of old, which may be nil.
func (s *Server) serve(p, old *port) {
	if p.secure {
		var kept *terminator
		if old != nil {
			kept = old.terminator
		}
		var warnings []spec.Warning
		p.terminator, warnings = newTerminator(p.listener, s.config.Credentials, kept)
		s.warnings = append(s.warnings, warnings...)
	}
	if old != nil && old.is(p.listener) && p.terminator.sameTerms(old.terminator) {
		p.current = old.current
		p.current.terminator.Store(p.terminator)
		return
	}
	p.current = s.newGeneration(p)
	if old != nil {
		s.retire(old.current)
	}
	p.current.start()
}

// retire lets the requests of a generation finish.
func (s *Server) retire(g *generation) {
	g.stop()
	s.draining.Go(func() {
		ctx, cancel := context.WithTimeout(s.over, s.config.DrainTimeout)
		defer cancel()
		g.drain(ctx)
	})
}
