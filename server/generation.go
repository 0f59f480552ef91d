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
	"github.com/lateengo/gateway/internal/http1"
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
	// cutOff ends the contexts of the requests.
	cutOff context.CancelFunc
}

func (s *Listeners) newGeneration(p *port) *generation {
	g := &generation{listener: p.listener, handler: p.listener.InPlace(), figures: &p.socket.figures, share: newShare(p.socket), log: s.config.Logger}
	if s.config.Wrap != nil {
		// A middleware may read the request after the gateway has handled it.
		g.handler = s.config.Wrap(p.listener, p.listener)
	}
	g.terminator.Store(p.terminator)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	if p.secure {
		protocols.SetHTTP2(true)
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	base, cutOff := context.WithCancel(context.Background())
	g.cutOff = cutOff
	g.http = http.Server{
		Handler:                      http.HandlerFunc(g.handle),
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            max(s.config.ReadHeaderTimeout, 0),
		IdleTimeout:                  max(s.config.IdleTimeout, 0),
		MaxHeaderBytes:               s.config.MaxHeaderBytes,
		ErrorLog:                     log.New(httpLog{s.config.Logger, g.figures}, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  withGuard,
		ConnState: func(conn net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				g.figures.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				g.figures.open.Add(-1)
			}
			if state != http.StateHijacked {
				return
			}
			if c := guardOf(conn); c != nil {
				c.release()
			}
			g.hijacked.add(conn)
		},
	}
	if p.secure {
		config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return g.terminator.Load().config(hello.ServerName)
		}}
		g.conns = newHandshaker(g.share, config, s.config.ReadHeaderTimeout, s.config.Logger, &p.socket.figures)
	} else {
		g.conns = g.share
	}
	if s.config.Engine == EngineNetHTTP {
		g.conns = guardedOnly{g.conns}
		return g
	}
	g.handed = newHandoff(g.share.Addr())
	g.http1 = &http1.Server{
		Handler:           http.HandlerFunc(g.handleHTTP1),
		HTTP:              &g.http,
		Base:              base,
		ReadHeaderTimeout: g.http.ReadHeaderTimeout,
		IdleTimeout:       g.http.IdleTimeout,
		MaxHeaderBytes:    s.config.MaxHeaderBytes,
		Logger:            s.config.Logger,
		ConnState:         g.http.ConnState,
		HTTP2: func(conn net.Conn) {
			g.figures.open.Add(-1) // net/http's server counts it again
			g.handed.give(conn)
		},
		Panicked: func() { g.figures.panics.Add(1) },
	}
	return g
}

// start serves in the background.
func (g *generation) start() {
	serve := func() error { return g.http.Serve(g.conns) }
	if g.http1 != nil {
		g.running.Go(func() { _ = g.http.Serve(g.handed) })
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
			g.handed.give(conn)
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
	if c := guardIn(r); c != nil {
		if c.ambiguous(r) {
			refuse(w, r)
			return
		}
		if r.Body == http.NoBody {
			c.begin()
		}
		defer c.end()
	}
	g.handler.ServeHTTP(w, r)
}

// stop makes the generation accept no further connections.
func (g *generation) stop() { _ = g.conns.Close() }

// afterCutOff is how long handlers with canceled requests have to return.
const afterCutOff = 5 * time.Second

// drain lets requests finish until ctx ends, and then cuts them off. Nothing of
// the generation is left when it returns, unless a handler ignores the end of
// its request.
func (g *generation) drain(ctx context.Context) {
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
