package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/http1"
	"github.com/lateengo/gateway/internal/pace"
)

// A guardedConn is a connection for HTTP/1, or for plain-text HTTP/2, that net/http's server
// reads through a watch.
type guardedConn struct {
	net.Conn
	reader   watchedReader
	deadline http1.ReadDeadline
	// rate is the least speed of bodies. pace is that of the body that is being read, and
	// paced means that there is one.
	rate  pace.Rate
	pace  http1.Pace
	paced bool
	// frames are those of plain-text HTTP/2.
	frames frames
	// presence is nil if net/http itself must check whether the client is there.
	presence *presence
	// answers is nil if nobody must know of them. unread means that a request has begun that
	// no handler has got.
	answers *answerWatch
	unread  atomic.Bool
	// over ends the context of the requests. It is set before the first request.
	over context.CancelFunc
}

// guard guards a connection.
func guard(conn net.Conn, http2 bool, r pace.Rate, head time.Duration) *guardedConn {
	c := &guardedConn{Conn: conn, rate: r, frames: frames{limit: head}}
	c.reader.from, c.reader.watch.http2 = (*pacedReader)(c), http2
	c.deadline.Init(conn)
	return c
}

func (c *guardedConn) Read(p []byte) (int, error) {
	if len(p) == 1 && c.presence != nil && c.presence.handling() && !c.released() {
		// Only net/http reads now, to check whether the client is there.
		return 0, nil
	}
	n, err := c.reader.Read(p)
	if n > 0 && !c.released() {
		c.frames.follow(p[:n], &c.deadline)
	}
	return n, err
}

func (c *guardedConn) released() bool { return c.reader.released.Load() }

// A pacedReader reads a connection at the pace that is due: bodies have one.
type pacedReader guardedConn

func (c *pacedReader) Read(p []byte) (int, error) {
	if c.reader.released.Load() {
		return c.Conn.Read(p)
	}
	if !c.reader.watch.withinBody() || !c.rate.Demands() {
		c.paced = false
		c.pace.Reset()
		return c.deadline.Read(p)
	}
	if !c.paced {
		c.paced = true
		c.pace.Begin(c.rate)
	}
	return c.pace.Read(&c.deadline, p)
}

var interim = []byte("HTTP/1.1 1")

// Write writes a part of a response.
func (c *guardedConn) Write(p []byte) (int, error) {
	if c.unread.Load() && c.answers.look(p) {
		c.unread.Store(false)
	}
	if !c.pace.WasAnswered() && !bytes.HasPrefix(p, interim) {
		c.pace.Answered()
	}
	return c.Conn.Write(p)
}

func (c *guardedConn) SetReadDeadline(t time.Time) error {
	if c.released() {
		return c.Conn.SetReadDeadline(t)
	}
	return c.deadline.Want(t)
}

func (c *guardedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Close closes the connection first and then ends the requests: a handler that
// sees the end of its context may answer as if nothing was wrong.
func (c *guardedConn) Close() error {
	err := c.Conn.Close()
	if c.over != nil {
		c.over()
	}
	return err
}

// begin begins a request without a body: the connection need not be read until
// end.
func (c *guardedConn) begin() {
	if c.presence != nil {
		c.presence.begin()
	}
}

// end ends a request. A connection that a handler has hijacked is closed unless it returned:
// nobody else would.
func (c *guardedConn) end(returned *bool) {
	if c.presence != nil {
		c.presence.end()
	}
	if !c.released() {
		return
	}
	if !*returned {
		_ = bottom(c).Close()
	}
	// The handler closes the connection below, not this one.
	c.over()
}

// release gives the connection to a handler for another use.
func (c *guardedConn) release() {
	if c.presence != nil {
		c.presence.end()
	}
	c.deadline.Settle()
	c.reader.released.Store(true)
}

// NetConn returns the connection below.
func (c *guardedConn) NetConn() net.Conn { return c.Conn }

// ReadFrom lets the connection below copy without a buffer if it can.
func (c *guardedConn) ReadFrom(r io.Reader) (int64, error) {
	c.pace.Answered()
	return io.Copy(c.Conn, r)
}

// CloseWrite lets net/http end a response that the client may not have read
// yet.
func (c *guardedConn) CloseWrite() error {
	if below, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return below.CloseWrite()
	}
	return nil
}

// A guardedTLSConn is a guardedConn for HTTP/1 over TLS, after the handshake.
type guardedTLSConn struct {
	*guardedConn
	state tls.ConnectionState
}

// ConnectionState returns the state that net/http puts into Request.TLS.
func (c *guardedTLSConn) ConnectionState() tls.ConnectionState { return c.state }

func guardOf(conn net.Conn) *guardedConn {
	switch c := conn.(type) {
	case *guardedConn:
		return c
	case *guardedTLSConn:
		return c.guardedConn
	}
	return nil
}

// guardedOnly is a listener whose connections are guarded, except those that have
// agreed on HTTP/2: net/http requires that they are *tls.Conns.
type guardedOnly struct {
	net.Listener
	rate pace.Rate
	// head limits the time of a header over HTTP/2.
	head time.Duration
}

func (l guardedOnly) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	secure, ok := conn.(*tls.Conn)
	if !ok {
		c := guard(conn, true, l.rate, l.head)
		if l.head > 0 && !knowsItsClient(pace.Below(conn)) {
			// net/http asks for the address of the client before it sets a deadline.
			_ = c.deadline.Want(time.Now().Add(l.head))
			c.deadline.Settle()
		}
		return c, nil
	}
	state := secure.ConnectionState()
	if state.NegotiatedProtocol == "h2" {
		return newHTTP2Conn(conn, l.head), nil
	}
	return &guardedTLSConn{guard(secure, false, l.rate, l.head), state}, nil
}

type guardKey struct{}

// withGuard returns the context of the requests of a connection.
func withGuard(ctx context.Context, conn net.Conn) context.Context {
	c := guardOf(conn)
	if c == nil {
		return ctx
	}
	ctx, c.over = context.WithCancel(ctx)
	c.presence = newPresence(c.Conn, &c.deadline, c.over)
	return context.WithValue(ctx, guardKey{}, c)
}

// guardIn returns the guard of the connection of an HTTP/1 request, or nil.
func guardIn(r *http.Request) *guardedConn {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(guardKey{}).(*guardedConn)
	return c
}

// answerSlowBody answers a request whose body was too slow, if nothing else was answered,
// and ends the connection. The handler has returned, or panics.
func (g *generation) answerSlowBody(c *guardedConn, r *http.Request) {
	if !c.pace.Slow.Load() || c.released() {
		return
	}
	g.tellPanic(r, recover())
	g.figures.slowBodies.Add(1)
	if !c.pace.WasAnswered() {
		// What net/http has not sent, it never will.
		_, _ = c.Conn.Write(http1.SlowBodyAnswer())
	}
	panic(http.ErrAbortHandler)
}
