package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A handshaker is a listener of connections that have finished the handshake, which
// are *tls.Conns.
type handshaker struct {
	net.Listener
	config  *tls.Config
	figures *figures
	// timeout limits a handshake if it is positive.
	timeout time.Duration
	log     *slog.Logger

	ready   chan accepted
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// newHandshaker does the handshakes for connections that l accepts, until
// Close.
func newHandshaker(l net.Listener, config *tls.Config, timeout time.Duration, log *slog.Logger, f *figures) *handshaker {
	h := &handshaker{Listener: l, figures: f, config: config, timeout: timeout, log: log, ready: make(chan accepted)}
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
			}
			return
		}
		if err != nil {
			h.pass(accepted{err: err})
			continue
		}
		h.running.Go(func() { h.shake(conn) })
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
	secure := tls.Server(conn, h.config)
	if err := secure.HandshakeContext(ctx); err != nil {
		h.figures.failedHandshakes.Add(1)
		h.log.Debug("TLS handshake failed", "client", conn.RemoteAddr().String(), "error", err)
		_ = conn.Close()
		return
	}
	h.pass(accepted{conn: secure})
}

// pass passes a to Accept.
func (h *handshaker) pass(a accepted) {
	select {
	case h.ready <- a:
	case <-h.ctx.Done():
		if a.conn != nil {
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

// Close ends active handshakes.
func (h *handshaker) Close() error {
	h.cancel()
	err := h.Listener.Close()
	h.running.Wait()
	return err
}
