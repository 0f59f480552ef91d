package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A handshaker is a listener of connections that have finished the handshake, which
// are *tls.Conns.
type handshaker struct {
	net.Listener
	// config is nil if the connections of the listener are what they should be: those that
	// are *tls.Conns do their own handshake, and the others none.
	config  *tls.Config
	figures *figures
	// took is called when a connection of the listener is taken, and count with 1 for each
	// that is passed on.
	took  func()
	count func(int64)
	// timeout limits a handshake if it is positive.
	timeout time.Duration
	log     *slog.Logger

	ready   chan accepted
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// newHandshaker does the handshakes for connections that a generation's share accepts, until
// Close.
func newHandshaker(g *generation, config *tls.Config, timeout time.Duration) *handshaker {
	h := &handshaker{Listener: g.share, figures: g.figures, config: config, timeout: timeout, log: g.log, ready: make(chan accepted)}
	h.took, h.count = g.share.took, g.count
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.running.Go(h.accept)
	return h
}

func (h *handshaker) accept() {
	for {
		conn, err := h.Listener.Accept()
		if h.ctx.Err() != nil {
			if conn != nil {
				_ = conn.Close()
				h.took()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return // Accept still returns the connections whose handshakes have begun
		}
		if err != nil {
			h.pass(accepted{err: err})
			continue
		}
		h.running.Go(func() { h.shake(conn) })
		h.took()
	}
}

// shake begins TLS. A client that does not use TLS gets no answer, as in Envoy.
func (h *handshaker) shake(conn net.Conn) {
	ctx := h.ctx
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.timeout)
		defer cancel()
	}
	secure, ok := conn.(*tls.Conn)
	switch {
	case !ok && h.config == nil:
		h.pass(accepted{conn: conn})
		return
	case !ok:
		secure = tls.Server(conn, h.config)
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		h.figures.failedHandshakes.Add(1)
		h.log.Debug("TLS handshake failed", "client", addressOf(conn.RemoteAddr()), "error", err)
		_ = conn.Close()
		return
	}
	h.pass(accepted{conn: secure})
}

// pass passes a to Accept. A connection is counted before.
func (h *handshaker) pass(a accepted) {
	if a.conn != nil {
		h.count(1)
	}
	select {
	case h.ready <- a:
	case <-h.ctx.Done():
		if a.conn != nil {
			h.count(-1)
			_ = a.conn.Close()
		}
	}
}

// Accept returns the next connection.
func (h *handshaker) Accept() (net.Conn, error) {
	select {
	case a := <-h.ready:
		return a.conn, a.err
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}

// finish accepts no further connection, and waits for the handshakes that have begun until
// ctx ends. Accept returns their connections.
func (h *handshaker) finish(ctx context.Context) {
	_ = h.Listener.Close()
	done := make(chan struct{})
	go func() {
		h.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		h.cancel()
		<-done
	}
}

// Close ends active handshakes.
func (h *handshaker) Close() error {
	h.cancel()
	err := h.Listener.Close()
	h.running.Wait()
	return err
}
