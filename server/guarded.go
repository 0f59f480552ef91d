package server

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/localreply"
)

// A guardedConn is a connection for HTTP/1, or HTTP/2 in plain text, whose
// framing is followed.
type guardedConn struct {
	net.Conn
	framing framing
	// released says that the connection carries something else by now.
	released atomic.Bool
}

func (c *guardedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.released.Load() {
		c.framing.scan(p[:n])
	}
	return n, err
}

// NetConn returns the connection below.
func (c *guardedConn) NetConn() net.Conn { return c.Conn }

// ReadFrom lets the connection below copy without a buffer where it can.
func (c *guardedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite lets net/http end a response that the client may have yet to read.
func (c *guardedConn) CloseWrite() error {
	if below, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return below.CloseWrite()
	}
	return nil
}

// A guardedTLSConn is a guardedConn for HTTP/1 over TLS, after the handshake.
type guardedTLSConn struct {
	guardedConn
	state tls.ConnectionState
}

// ConnectionState gives net/http what it puts into Request.TLS.
func (c *guardedTLSConn) ConnectionState() tls.ConnectionState { return c.state }

func guardOf(conn net.Conn) *guardedConn {
	switch c := conn.(type) {
	case *guardedConn:
		return c
	case *guardedTLSConn:
		return &c.guardedConn
	}
	return nil
}

// guardedOnly is a listener whose connections are guarded.
type guardedOnly struct{ net.Listener }

func (l guardedOnly) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: conn}, nil
}

type guardKey struct{}

// withGuard returns the context of the requests of a connection.
func withGuard(ctx context.Context, conn net.Conn) context.Context {
	if c := guardOf(conn); c != nil {
		return context.WithValue(ctx, guardKey{}, c)
	}
	return ctx
}

// ambiguous reports whether it is not sure where a request ends.
func ambiguous(r *http.Request) bool {
	if len(r.TransferEncoding) == 0 {
		return false
	}
	c, ok := r.Context().Value(guardKey{}).(*guardedConn)
	return ok && c.framing.ambiguous.Load()
}

// refuse answers a request that is not to be believed, as Envoy's codec does.
func refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	localreply.Write(w, r, http.StatusBadRequest, http.StatusText(http.StatusBadRequest))
}
