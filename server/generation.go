package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/http1"
	"github.com/lateengo/gateway/internal/pace"
)

// A generation serves the connections that a port accepts while its terms stay
// the same: plain text, or TLS with the same servers.
type generation struct {
	listener *gateway.Listener
	// handler handles the listener's requests in place: net/http's server does
	// not read their headers after it has called its handler.
	handler    http.Handler
	figures    *figures
	share      *share
	conns      net.Listener
	terminator atomic.Pointer[terminator]
	// http serves HTTP/2, and also HTTP/1 unless http1 does.
	http  http.Server
	http1 *http1.Server
	// handed are the connections with HTTP/2 that http1 got.
	handed   *handoff
	log      *slog.Logger
	running  sync.WaitGroup
	handling handling
	hijacked hijacked
	// handshakes is nil for plain text.
	handshakes *handshaker
	// open is the number of connections, without hijacked ones.
	open atomic.Int64
	// retired means that each answer is the last of its connection.
	retired atomic.Bool
	// grace is how long idle connections stay open after that.
	grace time.Duration
	// bodyRate and responseRate are the least speeds of clients, which watch looks at.
	bodyRate, responseRate pace.Rate
	streamLimit            streamLimit
	watch                  *pace.Watch
	// cutOff ends the contexts of the requests.
	cutOff context.CancelFunc
	// leave tells upgraded connections to end.
	leave context.CancelFunc
}

func (s *Listeners) newGeneration(p *port) *generation {
	g := &generation{listener: p.listener, handler: p.listener.InPlace(), figures: &p.socket.figures, share: newShare(p.socket), log: s.config.Logger, grace: max(s.config.GracePeriod, 0)}
	g.watch = &s.watch
	g.bodyRate = pace.Rate{BytesPerSecond: s.config.MinBodyRate, Grace: s.config.RateGrace}
	g.responseRate = pace.Rate{BytesPerSecond: s.config.MinResponseRate, Grace: s.config.RateGrace}
	if s.config.Wrap != nil {
		// A middleware may read the request after the gateway has handled it.
		g.handler = s.config.Wrap(p.listener, p.listener)
	}
	if limit := s.config.StreamIdleTimeout; limit > 0 {
		g.handler = g.limitIdle(limit, g.handler)
	}
	g.terminator.Store(p.terminator)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(p.secure)
	// Connections with HTTP/2 over TLS come as if they were unencrypted: see http2Conn.
	protocols.SetUnencryptedHTTP2(true)
	leaving, leave := context.WithCancel(context.Background())
	base, cutOff := context.WithCancel(hijack.WithLeaving(context.Background(), leaving))
	g.cutOff, g.leave = cutOff, leave
	g.http = http.Server{
		Handler:                      http.HandlerFunc(g.handle),
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            max(s.config.ReadHeaderTimeout, 0),
		IdleTimeout:                  max(s.config.IdleTimeout, 0),
		MaxHeaderBytes:               s.config.MaxHeaderBytes,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: s.config.MaxConcurrentStreams},
		ErrorLog:                     log.New(httpLog{s.config.Logger, g.figures}, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			g.watchAnswers(conn)
			return withGuard(ctx, conn)
		},
		ConnState: func(conn net.Conn, state http.ConnState) {
			// A connection is counted when it is accepted.
			if state == http.StateClosed || state == http.StateHijacked {
				g.count(-1)
			}
			c := guardOf(conn)
			if state == http.StateActive && c != nil && c.answers != nil {
				c.unread.Store(true)
			}
			if state != http.StateHijacked {
				return
			}
			if c != nil {
				c.release()
			}
			g.hijacked.add(conn)
		},
	}
	if p.secure {
		config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return g.terminator.Load().config(hello.ServerName)
		}}
		g.handshakes = newHandshaker(g, config, s.config.ReadHeaderTimeout)
		g.conns = g.handshakes
	} else {
		g.conns = plainEntrance{g}
	}
	if s.config.Engine == EngineNetHTTP {
		g.streamLimit = newStreamLimit(g.responseRate, false)
		g.conns = &http2Entrance{Listener: guardedOnly{g.conns, g.bodyRate, g.http.ReadHeaderTimeout}, server: &g.http}
		return g
	}
	// Only HTTP/2 comes to net/http's server.
	g.streamLimit = newStreamLimit(g.responseRate, true)
	g.http.WriteTimeout = g.streamLimit.Duration
	g.handed = newHandoff(g.share.Addr())
	g.http1 = &http1.Server{
		Handler:           http.HandlerFunc(g.handleHTTP1),
		HTTP:              &g.http,
		Base:              base,
		ReadHeaderTimeout: g.http.ReadHeaderTimeout,
		IdleTimeout:       g.http.IdleTimeout,
		BodyRate:          g.bodyRate,
		MaxHeaderBytes:    s.config.MaxHeaderBytes,
		Logger:            s.config.Logger,
		ConnState:         g.http.ConnState,
		HTTP2: func(conn net.Conn) {
			g.hand(conn)
		},
		Panicked: func() { g.figures.panics.Add(1) },
		SlowBody: func() { g.figures.slowBodies.Add(1) },
		Refused:  g.unreadable,
	}
	return g
}

// start serves in the background.
func (g *generation) start() {
	serve := func() error { return g.http.Serve(g.conns) }
	if g.http1 != nil {
		g.running.Go(func() { _ = g.http.Serve(&http2Entrance{Listener: g.handed, server: &g.http}) })
		serve = g.accept
	}
	g.running.Go(func() {
		err := serve()
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.log.Error("listener failed", "port", g.listener.Port(), "error", err)
		}
	})
}

// accept serves the connections with the server for their protocol.
func (g *generation) accept() error {
	var pause time.Duration
	for {
		conn, err := g.conns.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = 0
		case errors.As(err, &temporary) && temporary.Temporary():
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			g.log.Warn(fmt.Sprintf("http: Accept error: %v; retrying in %v", err, pause))
			time.Sleep(pause)
			continue
		default:
			return err
		}
		secure, ok := conn.(*tls.Conn)
		if !ok {
			g.http1.Serve(conn, nil)
			continue
		}
		state := secure.ConnectionState()
		if state.NegotiatedProtocol == "h2" {
			g.hand(conn)
			continue
		}
		g.http1.Serve(conn, &state)
	}
}

// handleHTTP1 handles the requests of http1.
func (g *generation) handleHTTP1(w http.ResponseWriter, r *http.Request) {
	g.begin()
	defer g.end()
	g.handler.ServeHTTP(w, r)
}

func (g *generation) begin() {
	g.handling.begin()
	g.figures.active.Add(1)
}

func (g *generation) end() {
	g.figures.active.Add(-1)
	g.handling.end()
}

func (g *generation) handle(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor >= 2 {
		growStack(0)
	}
	g.begin()
	defer g.end()
	c := guardIn(r)
	if c != nil {
		c.unread.Store(false)
	}
	if g.retired.Load() {
		// Over HTTP/2, net/http's server sends GOAWAY in its place.
		w.Header()["Connection"] = []string{"close"}
	}
	if len(r.Header) > http1.MaxLines || len(r.Trailer) > http1.MaxLines { // announced trailers
		w.Header()["Connection"] = []string{"close"}
		g.refuse(w, r, http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	if r.ProtoMajor >= 2 {
		if doubt.IsMalformedHTTP2(r) || !doubt.EndsAsDeclared(r) {
			g.refuse(w, r, http.StatusBadRequest)
			return
		}
		delete(r.Header, "Host") // it is the :authority again
		doubt.TrimValues(r.Header)
		g.handleStream(w, r)
		return
	}
	if !doubt.HasOneHost(r) {
		w.Header()["Connection"] = []string{"close"}
		g.refuse(w, r, http.StatusBadRequest)
		return
	}
	returned := false
	if c != nil {
		if r.Body == http.NoBody {
			c.begin()
		}
		defer c.end(&returned)
		defer g.answerSlowBody(c, r)
	}
	g.handler.ServeHTTP(w, r)
	returned = true
}

// stop makes the generation accept no further connections.
func (g *generation) stop() { _ = g.conns.Close() }

// afterCutOff is how long handlers with canceled requests have to return.
const afterCutOff = 5 * time.Second

// A plainEntrance accepts and counts the connections of a generation without TLS.
type plainEntrance struct{ *generation }

func (e plainEntrance) Accept() (net.Conn, error) {
	conn, err := e.share.Accept()
	if err == nil {
		e.count(1)
		e.share.took()
	}
	return conn, err
}

func (e plainEntrance) Close() error { return e.share.Close() }

func (e plainEntrance) Addr() net.Addr { return e.share.Addr() }

// hand gives a connection with HTTP/2 to net/http's server.
func (g *generation) hand(conn net.Conn) {
	if !g.handed.give(newHTTP2Conn(conn, g.http.ReadHeaderTimeout)) {
		g.count(-1)
	}
}

func (g *generation) count(n int64) {
	g.open.Add(n)
	g.figures.open.Add(n)
}

// retire tells clients to use other connections, and waits until they do or the grace period
// is over: a request may be on its way over a connection that seems idle.
func (g *generation) retire(ctx context.Context) {
	g.retired.Store(true)
	if g.http1 != nil {
		g.http1.Retire()
	}
	if g.grace == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, g.grace)
	defer cancel()
	if g.handshakes != nil {
		g.handshakes.finish(ctx)
	} else {
		_ = g.share.Close()
	}
	tick := time.NewTicker(graceTick)
	defer tick.Stop()
	for g.open.Load() > 0 || g.share.handing.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// graceTick is how often retire looks whether connections are left.
const graceTick = 5 * time.Millisecond

// drain lets requests finish until ctx ends, and then cuts them off. Nothing of
// the generation is left when it returns, unless a handler ignores the end of
// its request.
func (g *generation) drain(ctx context.Context) {
	g.retire(ctx)
	g.leave()
	g.stop()
	var ending sync.WaitGroup
	if g.http1 != nil {
		_ = g.handed.Close()
		ending.Go(func() { _ = g.http1.Shutdown(ctx) })
	}
	_ = g.http.Shutdown(ctx)
	ending.Wait()
	g.handling.wait(ctx)
	// Close connections first: a handler that sees the end of its context may
	// answer as if nothing was wrong.
	_ = g.http.Close()
	if g.http1 != nil {
		g.http1.Close()
	}
	g.hijacked.close()
	g.cutOff()
	if g.http1 != nil {
		g.http1.Cancel()
	}
	g.running.Wait()
	_ = g.http.Close() // what it accepted meanwhile
	patience, cancel := context.WithTimeout(context.Background(), afterCutOff)
	defer cancel()
	if !g.handling.wait(patience) {
		g.log.Error("handlers go on after the end of their requests", "port", g.listener.Port())
	}
}

// An httpLog forwards the messages of net/http's server.
type httpLog struct {
	log     *slog.Logger
	figures *figures
}

func (l httpLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: panic") || strings.HasPrefix(text, "http2: panic") {
		level = slog.LevelError
		l.figures.panics.Add(1)
	}
	l.log.Log(context.Background(), level, text)
	return len(line), nil
}
