package http1

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

var (
	errHTTP2 = errors.New("the client speaks HTTP/2")
	preface  = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
)

// readHead reads the lines of the next request's head, without the empty one.
func (c *conn) readHead() (string, error) {
	in := &c.in
	var lines grammar.Lines
	timed := c.first
	for {
		if c.first && c.tls == nil && c.server.HTTP2 != nil {
			if got := in.unread(); len(got) >= len(preface) && bytes.Equal(got[:len(preface)], preface) {
				return "", errHTTP2
			} else if len(got) < len(preface) && bytes.HasPrefix(preface, got) && len(got) >= 3 {
				if err := in.fill(); err != nil {
					return "", err
				}
				continue
			}
		}
		for in.w-in.r >= 2 && in.buf[in.r] == '\r' && in.buf[in.r+1] == '\n' {
			in.r += 2 // as RFC 9112, 2.2 recommends
			lines = grammar.Lines{}
		}
		n, ok := lines.Find(in.unread())
		switch {
		case !ok:
			return "", badRequest
		case n >= c.server.maxHead() || n < 0 && len(in.unread()) > c.server.maxHead():
			return "", headTooLarge
		case n > 0:
			text := string(in.buf[in.r : in.r+n])
			in.r += n + 2
			return text, nil
		}
		if !timed {
			timed = true
			if d := c.server.ReadHeaderTimeout; d > 0 {
				_ = in.deadline.Want(time.Now().Add(d))
			} else {
				_ = in.deadline.Want(time.Time{})
			}
		}
		if err := in.fill(); err != nil {
			return "", err
		}
	}
}

// giveUp ends a connection on which no request could be read.
func (c *conn) giveUp(err error) {
	var problem *refusal
	switch {
	case errors.Is(err, errHTTP2):
		rest := bytes.Clone(c.in.unread())
		c.in.drop()
		_ = c.in.deadline.Want(time.Time{})
		c.in.deadline.Settle()
		c.ended = true
		c.server.forget(c)
		c.server.HTTP2(&prefixedConn{Conn: c.rwc, rest: rest})
		return
	case errors.As(err, &problem):
		c.turnAway(problem)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.state.Load() == active && len(c.in.unread()) > 0:
		c.turnAway(slowHead)
	}
	c.end()
}

// turnAway answers a request that could not be read.
func (c *conn) turnAway(problem *refusal) {
	_, err := c.rwc.Write(problem.appendTo(nil))
	if c.server.Refused != nil {
		c.server.Refused(c.rwc, c.tls, problem.status, len(problem.body))
	}
	if err == nil {
		c.linger()
	}
}

// A prefixedConn is a connection from which something has been read.
type prefixedConn struct {
	net.Conn
	rest []byte
}

func (c *prefixedConn) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; len(c.rest) == 0 {
			c.rest = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// NetConn returns the connection below.
func (c *prefixedConn) NetConn() net.Conn { return c.Conn }
