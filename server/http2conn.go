package server

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/http1"
)

// An http2Conn is a connection with HTTP/2 on which a header must arrive in time. net/http's
// server waits without end for the rest of a header, or of another frame.
//
// That server accepts only *tls.Conns for HTTP/2 over TLS. So these connections come to it
// as if they were unencrypted: see http2Entrance.
type http2Conn struct {
	net.Conn
	deadline http1.ReadDeadline
	frames   frames
	// secure is below, if that uses TLS.
	secure *tls.Conn
}

func newHTTP2Conn(conn net.Conn, limit time.Duration) *http2Conn {
	c := &http2Conn{Conn: conn, frames: frames{limit: limit}}
	c.secure, _ = conn.(*tls.Conn)
	c.deadline.Init(conn)
	return c
}

// Read reads what net/http's server asks for, after the preface.
func (c *http2Conn) Read(p []byte) (int, error) {
	n, err := c.deadline.Read(p)
	if n > 0 {
		c.frames.follow(p[:n], &c.deadline)
		if c.frames.other {
			// It has agreed on HTTP/2. net/http's server would take the rest for HTTP/1.1, and read it
			// more leniently than ours.
			_ = c.Close()
			return 0, errNoPreface
		}
	}
	return n, err
}

var errNoPreface = errors.New("the client has agreed on HTTP/2, and does not speak it")

// SetReadDeadline sets the deadline of net/http's server, which has one only for the preface.
func (c *http2Conn) SetReadDeadline(t time.Time) error { return c.deadline.Want(t) }

// NetConn returns the connection below.
func (c *http2Conn) NetConn() net.Conn { return c.Conn }

// frames follows the frames of a client.
type frames struct {
	// limit is how long a header may take, from its first byte. Zero is without limit.
	limit time.Duration
	// limited means that the deadline of the connection is that of a header.
	limited bool
	// other means that the connection does not speak HTTP/2.
	other bool
	// preface counts the bytes of the preface that have come.
	preface int
	// header is the frame's, of which there are n bytes. left is the rest of its payload.
	header [9]byte
	n      int
	left   uint32
	// block means that CONTINUATION must follow.
	block bool
}

const (
	clientPreface     = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	dataFrame         = 0
	headersFrame      = 1
	continuationFrame = 9
	endHeaders        = 4
)

// follow examines what was read, and sets the deadline for the rest of a header.
func (f *frames) follow(p []byte, d *http1.ReadDeadline) {
	if f.other || f.limit <= 0 && f.preface == len(clientPreface) {
		return
	}
	f.scan(p)
	if f.limit <= 0 {
		return
	}
	if due := f.due(); due != f.limited {
		f.limited = due
		var until time.Time
		if due {
			until = time.Now().Add(f.limit)
		}
		_ = d.Want(until)
	}
}

// scan examines what was read.
func (f *frames) scan(p []byte) {
	if f.preface < len(clientPreface) {
		k := min(len(clientPreface)-f.preface, len(p))
		if f.other = string(p[:k]) != clientPreface[f.preface:f.preface+k]; f.other {
			return
		}
		f.preface += k
		p = p[k:]
	}
	for len(p) > 0 {
		if f.left > 0 {
			k := min(f.left, uint32(len(p)))
			p = p[k:]
			if f.left -= k; f.left == 0 {
				f.n = 0
			}
			continue
		}
		k := copy(f.header[f.n:], p)
		f.n += k
		p = p[k:]
		if f.n < len(f.header) {
			return
		}
		f.left = binary.BigEndian.Uint32(f.header[:]) >> 8
		if kind := f.header[3]; kind == headersFrame || kind == continuationFrame {
			f.block = f.header[4]&endHeaders == 0
		}
		if f.left == 0 {
			f.n = 0
		}
	}
}

// due reports whether the client has begun what must arrive in time: a header with all its
// frames, or another frame that is not a part of a body.
func (f *frames) due() bool {
	if f.block {
		return true
	}
	return f.n > 0 && (f.n < len(f.header) || f.header[3] != dataFrame)
}

// An http2Entrance passes connections to net/http's server, which it prepares for those with
// TLS before the first.
type http2Entrance struct {
	net.Listener
	server *http.Server
	once   sync.Once
}

// unencrypted is where net/http's server keeps how it serves HTTP/2 without TLS. It is an
// agreement between that package and golang.org/x/net/http2.
const unencrypted = "unencrypted_http2"

// Accept returns the next connection. net/http's server has set itself up when it calls it.
func (e *http2Entrance) Accept() (net.Conn, error) {
	e.once.Do(func() {
		serve := e.server.TLSNextProto[unencrypted]
		if serve == nil {
			return
		}
		e.server.TLSNextProto[unencrypted] = func(s *http.Server, wrapped *tls.Conn, h http.Handler) {
			outer, ok := wrapped.NetConn().(interface{ UnencryptedNetConn() net.Conn })
			if !ok {
				serve(s, wrapped, h)
				return
			}
			conn, ok := outer.UnencryptedNetConn().(*http2Conn)
			if ok && conn.secure != nil {
				wrapped = tls.Client(carried{conn: securedHTTP2Conn{conn}}, nil)
			}
			serve(s, wrapped, h)
		}
	})
	return e.Listener.Accept()
}

// A securedHTTP2Conn tells net/http's server about the TLS of a connection.
type securedHTTP2Conn struct{ *http2Conn }

func (c securedHTTP2Conn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// carried brings a connection to net/http's server in a *tls.Conn that is never used.
type carried struct {
	net.Conn
	conn net.Conn
}

func (c carried) UnencryptedNetConn() net.Conn { return c.conn }
