package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Guard is for programs with an http.Server of their own: it returns a listener for
// srv.Serve that refuses requests over HTTP/1 whose end two servers could see at different
// places. net/http's server repairs them, and no handler can see that. Package server's
// own listeners need no Guard. docs/semantics.md lists what is lost without it, under HTTP/1.1.
//
// For TLS, give it the listener of tls.NewListener, whose handshakes it does, and call
// srv.Serve, not ServeTLS:
//
//	l := tls.NewListener(tcp, &tls.Config{Certificates: certificates, NextProtos: []string{"h2", "http/1.1"}})
//	srv.Serve(server.Guard(srv, l))
//
// A head that is refused gets net/http's 400, in its turn, and a body that is refused ends
// with an error. The connection ends then. What is correct passes unchanged. HTTP/2 passes
// unseen: the Gateway itself refuses what can be refused there.
//
// Guard sets srv.ConnState, to learn of hijacked connections, and calls the one that was
// there. Call it before srv.Serve, for each listener, and change neither ConnState nor
// Protocols later. To close the listener ends all that Guard has begun.
func Guard(srv *http.Server, l net.Listener) net.Listener {
	next := srv.ConnState
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		if c, ok := conn.(interface{ release() }); ok && state == http.StateHijacked {
			c.release()
		}
		if next != nil {
			next(conn, state)
		}
	}
	h := &handshaker{
		Listener: l, figures: new(figures), took: func() {}, count: func(int64) {}, ready: make(chan accepted), log: slog.Default(),
		timeout: cmp.Or(max(srv.ReadHeaderTimeout, 0), max(srv.ReadTimeout, 0), DefaultReadHeaderTimeout),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	http2 := srv.Protocols != nil && srv.Protocols.UnencryptedHTTP2()
	return &watchedListener{handshaker: h, http2: http2, begin: sync.OnceFunc(func() {
		h.running.Go(func() {
			h.accept()
			h.cancel() // the listener is closed
		})
	})}
}

// A watchedListener accepts connections that are watched, unless they have agreed on
// HTTP/2.
type watchedListener struct {
	*handshaker
	http2 bool
	begin func()
}

// Accept returns the next connection, after its handshake.
func (l *watchedListener) Accept() (net.Conn, error) {
	l.begin()
	conn, err := l.handshaker.Accept()
	if err != nil {
		return nil, err
	}
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return newWatchedConn(conn, l.http2), nil
	}
	state := secure.ConnectionState()
	if state.NegotiatedProtocol == "h2" {
		return conn, nil
	}
	return &watchedTLSConn{newWatchedConn(conn, false), state}, nil
}

// A watchedTLSConn is a watchedConn over TLS, after the handshake.
type watchedTLSConn struct {
	*watchedConn
	state tls.ConnectionState
}

// ConnectionState returns the state that net/http puts into Request.TLS.
func (c *watchedTLSConn) ConnectionState() tls.ConnectionState { return c.state }
