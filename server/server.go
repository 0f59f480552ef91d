// Package server opens listeners for the ports of a gateway and serves them.
// Plain-text ports serve HTTP/1.1 and HTTP/2 (with prior knowledge). The other
// ports use TLS and choose the server by SNI.
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
	"net/netip"
	"sync"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/pace"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// The defaults of Config.
const (
	// DefaultReadHeaderTimeout is how long a client may take to send the header
	// of a request, or for a TLS handshake.
	DefaultReadHeaderTimeout = 10 * time.Second
	// DefaultIdleTimeout is how long a connection may stay open without a
	// request, as in Envoy.
	DefaultIdleTimeout = time.Hour
	// DefaultMaxHeaderBytes limits the header of a request, as in Envoy.
	DefaultMaxHeaderBytes = 60 << 10
	// DefaultDrainTimeout is how long connections of a removed listener have to
	// finish their requests.
	DefaultDrainTimeout = 10 * time.Second
	// DefaultGracePeriod is how long connections without a request stay open when their
	// listener ends.
	DefaultGracePeriod = time.Second
	// DefaultMinRate is how many bytes a second clients must send and take at least, as in
	// Kestrel.
	DefaultMinRate = 240
	// DefaultRateGrace is the time that a client has before its speed counts, as in Kestrel.
	DefaultRateGrace = 5 * time.Second
	// DefaultMaxConcurrentStreams is how many requests a connection with HTTP/2 may have at
	// a time, as Envoy recommends at the edge.
	DefaultMaxConcurrentStreams = 100
)

// A Config configures how the ports of a gateway are opened. The zero Config
// opens each port at its own number, on the address that its servers bind to, or
// on all addresses.
type Config struct {
	// Addresses maps a port of servers to the address to listen on instead of
	// their own: "127.0.0.1:8080", ":0", "unix:/run/gateway.sock". If servers
	// with different binds share a port, the address is for the servers without a
	// bind.
	Addresses map[int]string

	// Credentials are the credentials that TLS servers name in credentialName.
	// The authorities for client certificates come from NAME-cacert if it exists,
	// otherwise from NAME. Those that are declared, as by Secrets, are used without
	// being listed here; one of the same name here is used instead.
	Credentials map[string]gateway.Credential

	// AllowBrokenTLS serves although no client can connect to some TLS servers, because
	// their certificate is missing or cannot be used: Warnings then reports them. By
	// default Start fails, and Replace and Sync change nothing. What was read before stays
	// in use in both cases.
	AllowBrokenTLS bool

	// Listen opens a listener. The default is net.Listen.
	Listen func(network, address string) (net.Listener, error)

	// ReadHeaderTimeout limits how long a client may take to send the header of a
	// request, or for a TLS handshake. Zero means DefaultReadHeaderTimeout;
	// spec.NoLimit removes the limit.
	ReadHeaderTimeout time.Duration
	// IdleTimeout limits how long a connection stays open between requests. Zero
	// means DefaultIdleTimeout; spec.NoLimit removes the limit.
	IdleTimeout time.Duration
	// MaxHeaderBytes limits the header of a request. A larger one is refused with
	// 431. net/http's servers allow 4 KiB more. Zero means DefaultMaxHeaderBytes.
	MaxHeaderBytes int

	// MinBodyRate is how many bytes a second of a request's body a client must send at
	// least, on average over the time that the server waits for them. A slower one gets 408,
	// and the handler an error when it reads the body. The demand ends when the response
	// begins, and does not apply to gRPC and upgraded connections: their clients may be
	// quiet. Zero means DefaultMinRate; spec.NoLimit removes the limit. Envoy has none.
	MinBodyRate int
	// MinResponseRate is how many bytes a second a client must take at least while a response
	// waits for it. The connection of a slower one is closed, or over HTTP/2 the stream; the
	// write fails, and the context of the request ends. A response with nothing to send may
	// be quiet. Over HTTP/2, and where the kernel does not tell what has arrived, each write
	// has four times RateGrace. Zero means DefaultMinRate; spec.NoLimit removes the limit.
	// Envoy has stream_idle_timeout for that, which Istio turns off.
	MinResponseRate int
	// RateGrace is the time at the beginning of a body in which its speed does not count. A
	// client that was fast before may pause for four times as long. Zero means
	// DefaultRateGrace.
	RateGrace time.Duration

	// StreamIdleTimeout limits the time in which no byte of a request's body and no byte of its
	// response moves, as Envoy's stream_idle_timeout. The client gets 504, or 408 if it has
	// not sent its whole request; if the response has begun, the connection or the stream of
	// HTTP/2 ends. The context of the request ends, too. Before the response, a handler that
	// goes on nevertheless delays the answer. After an upgrade, bytes count in both
	// directions. Zero is without limit, as in Istio.
	StreamIdleTimeout time.Duration

	// MaxConnections limits the connections of all ports together, with handshakes and
	// upgraded connections. One above the limit is closed at once, as by Envoy
	// (global_downstream_max_connections). Zero means half of the files that the process may
	// open (RLIMIT_NOFILE), because a request may need a connection to a backend too, and no
	// limit where that is not known; spec.NoLimit removes the limit.
	MaxConnections int
	// MaxConnectionsPerAddress limits the connections from an IPv4 address, or from a /64
	// of IPv6. Zero is without limit: behind a proxy all clients have one address.
	MaxConnectionsPerAddress int
	// ManyConnections are the addresses that MaxConnectionsPerAddress is not for, such as
	// those of proxies.
	ManyConnections []netip.Prefix
	// MaxConcurrentStreams limits the requests of a connection with HTTP/2 at a time, as
	// Envoy's max_concurrent_streams. A client that opens and resets more of them than four
	// times as many before their handlers could begin loses its connection. Zero means
	// DefaultMaxConcurrentStreams.
	MaxConcurrentStreams int

	// DrainTimeout limits how long requests may continue on a listener that Sync
	// closes. Zero means DefaultDrainTimeout.
	DrainTimeout time.Duration

	// Engine is the server of HTTP/1.0 and HTTP/1.1. The default is EngineLateen.
	Engine Engine

	// GracePeriod is how long connections without a request stay open once their
	// listener is closed, or its TLS servers have changed. Each answer then tells the
	// client to use another connection ("Connection: close", GOAWAY), so that no request
	// is lost that is on its way. Zero means DefaultGracePeriod; spec.NoLimit closes idle
	// connections at once.
	GracePeriod time.Duration

	// Wrap puts a middleware around the requests of each listener: for logs,
	// authentication, or headers. It is called for a listener when that is opened.
	// Nil adds none.
	Wrap func(l *gateway.Listener, next http.Handler) http.Handler

	// Logger gets failed handshakes, at debug level, and panics in handlers. Nil means
	// slog.Default.
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
	if c.MinBodyRate == 0 {
		c.MinBodyRate = DefaultMinRate
	}
	if c.MinResponseRate == 0 {
		c.MinResponseRate = DefaultMinRate
	}
	if c.RateGrace <= 0 {
		c.RateGrace = DefaultRateGrace
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = mostConnections()
	}
	if c.MaxConcurrentStreams <= 0 {
		c.MaxConcurrentStreams = DefaultMaxConcurrentStreams
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	if c.Engine == EngineLateen {
		c.Engine = defaultEngine
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = DefaultGracePeriod
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Listeners are the listeners of a Gateway. Their methods are safe for concurrent
// use. Create them with New, then call Start.
//
// They serve HTTP/2 with net/http's server, and HTTP/1.1 with one of their own, which
// refuses requests that others could read differently; docs/semantics.md lists them.
// They send no answer to a client that uses plain text on a TLS port. Over HTTP/1, the
// context of a request ends up to 20 ms after its client has left.
type Listeners struct {
	gateway *gateway.Gateway
	config  Config
	// watch ends what clients do not take.
	watch       pace.Watch
	connections connections

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
	// draining counts generations that no longer accept connections, but still
	// have some.
	draining sync.WaitGroup
}

// New returns the Listeners of the gateway. None of them is open yet.
func New(gw *gateway.Gateway, config Config) *Listeners {
	config.setDefaults()
	s := &Listeners{gateway: gw, config: config, stopped: make(chan struct{})}
	s.connections.limit(&s.config)
	s.over, s.cutOff = context.WithCancel(context.Background())
	return s
}

// Start opens a listener for each port of the gateway and serves. If some cannot
// be opened, it opens none, and the error joins all problems. A TLS server
// without a certificate that can be used is an error, a *spec.Error, unless
// Config.AllowBrokenTLS allows it. Listeners can be started only once.
func (s *Listeners) Start() error {
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

// Sync updates the listeners to the current gateway, after Gateway.Replace. It
// opens new listeners and closes removed ones, whose requests may finish. It
// reads all certificates again. If a certificate can no longer be read, the old
// one stays, unless that would check clients less strictly than is now
// required. If the TLS servers of a port have changed, connections to it are
// closed after their current requests, so that no client is served under old
// settings. If a listener cannot be opened, all stay unchanged, and the error
// joins all problems.
func (s *Listeners) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || s.closed {
		return http.ErrServerClosed
	}
	return s.sync()
}

// Replace builds b, and replaces the gateway's configuration and updates the listeners,
// as Gateway.Replace and Sync do. It is all or nothing: if Build fails, or a listener
// cannot be opened, nothing changes, and the error joins all problems.
func (s *Listeners) Replace(b *gateway.Builder) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || s.closed {
		return http.ErrServerClosed
	}
	next, err := s.gateway.Prepare(b)
	if err != nil {
		return err
	}
	ports, kept, err := s.open(next.Listeners(), next.Servers, next.Credentials())
	if err != nil {
		next.Discard()
		return err
	}
	next.Commit()
	s.adopt(ports, kept)
	return nil
}

// Warnings returns the problems with certificates and settings of TLS servers at
// the latest Start or Sync.
func (s *Listeners) Warnings() []spec.Warning {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warnings
}

// A Port is a port of the gateway that accepts connections.
type Port = observe.Port

// Ports returns the ports that accept connections, in order.
func (s *Listeners) Ports() []Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Port, len(s.ports))
	for i, p := range s.ports {
		f := &p.socket.figures
		out[i] = Port{
			Listener: p.listener.Name(), Number: p.listener.Port(), Bind: p.listener.Bind(), TLS: p.secure, Addr: p.socket.Addr(),
			Accepted: f.accepted.Load(), FailedHandshakes: f.failedHandshakes.Load(), Panics: f.panics.Load(),
			Refused: f.refused.Load(), RefusedPerAddress: f.refusedPerAddress.Load(), Unread: f.unreadByStatus(),
			SlowBodies: f.slowBodies.Load(), SlowReaders: f.slowReaders.Load(), Open: f.open.Load(), Active: f.active.Load(),
		}
	}
	return out
}

// Addr returns the address at which a port accepts connections, or nil if there
// is none. The address of servers without a bind comes first.
func (s *Listeners) Addr(number int) net.Addr {
	var found net.Addr
	for _, p := range s.Ports() {
		if p.Number == number && (found == nil || p.Bind == "") {
			found = p.Addr
		}
	}
	return found
}

// Shutdown stops accepting connections and waits until all requests are done,
// including hijacked connections. WebSockets get a close frame: see Draining. If ctx ends first, it
// closes the remaining connections, cancels the contexts of their requests, and
// returns the error of ctx. A second call waits for the first, and ends it
// early if its own ctx ends. Listeners cannot be started again.
func (s *Listeners) Shutdown(ctx context.Context) error {
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
		s.draining.Go(func() {
			p.socket.finish()
			p.current.drain(s.over)
		})
	}
	s.draining.Wait()
	return ctx.Err()
}

// Serve starts the listeners, and shuts them down when ctx ends. Requests then have
// DrainTimeout to finish.
func (s *Listeners) Serve(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	return s.Shutdown(drain)
}

// sync opens, replaces and closes listeners.
func (s *Listeners) sync() error {
	ports, kept, err := s.open(s.gateway.Listeners(), (*gateway.Listener).Servers, s.gateway.Credentials())
	if err != nil {
		return err
	}
	s.adopt(ports, kept)
	return nil
}

// open returns the ports of listeners with their sockets and certificates, and which sockets
// of the present ports they keep. If a socket cannot be opened, or a TLS server cannot be
// used, no other socket stays open.
func (s *Listeners) open(listeners []*gateway.Listener, servers func(*gateway.Listener) []spec.Server, declared map[string]gateway.Credential) (ports []*port, kept map[*socket]bool, err error) {
	before := s.ports
	kept = make(map[*socket]bool, len(before))
	ports = make([]*port, len(listeners))
	places := s.places(listeners)

	// A port that stays at its place keeps its socket; a new port takes over
	// the socket of a removed one at its address.
	for i, l := range listeners {
		ports[i] = &port{listener: l, place: places[i]}
		for _, old := range before {
			if old.is(l) && old.place == places[i] && !old.socket.failed.Load() {
				ports[i].socket = old.socket
				kept[old.socket] = true
			}
		}
	}
	for _, p := range ports {
		for _, old := range before {
			if p.socket == nil && !kept[old.socket] && old.place == p.place && !p.place.ephemeral() && !old.socket.failed.Load() {
				p.socket = old.socket
				kept[old.socket] = true
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
		p.socket = newSocket(l, s.admit)
		opened = append(opened, p.socket)
	}
	problems = append(problems, s.terminate(ports, servers, declared)...)
	if len(problems) > 0 {
		for _, k := range opened {
			k.close()
		}
		return nil, nil, errors.Join(problems...)
	}
	return ports, kept, nil
}

// adopt serves the ports instead of the present ones, whose sockets are kept or closed.
func (s *Listeners) adopt(ports []*port, kept map[*socket]bool) {
	before := s.ports
	s.warnings = nil
	for _, p := range ports {
		p.secure = p.listener.TLS()
		var old *port
		for _, q := range before {
			if q.socket == p.socket {
				old = q
			}
		}
		s.serve(p, old)
	}
	for _, old := range before {
		if !kept[old.socket] {
			old.socket.finish()
			s.retire(old.current)
		}
	}
	s.ports = ports
}

// serve makes p serve instead of old, which may be nil.
func (s *Listeners) serve(p, old *port) {
	if p.secure {
		s.warnings = append(s.warnings, p.terminator.warnings()...)
	} else {
		p.terminator = nil
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
func (s *Listeners) retire(g *generation) {
	_ = g.share.Close() // connections that wait are for the next generation
	s.draining.Go(func() {
		ctx, cancel := context.WithTimeout(s.over, s.config.DrainTimeout)
		defer cancel()
		g.drain(ctx)
	})
}
