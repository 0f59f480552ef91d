package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// Sizes of read buffers. A connection has a buffer only while it is in use: a
// small one, and a large one as soon as a body turns out to be long.
const (
	smallBuffer = 4 << 10
	largeBuffer = 32 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, smallBuffer); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}
)

// A notification of a context's end costs more than everything else in a short
// exchange. So reads have a deadline at first, and only a read that reaches it
// asks for the notification. The deadline is the longest time until a
// cancellation is noticed.
const (
	watchAfter = 20 * time.Millisecond
	watchSoon  = 5 * time.Millisecond
)

// ErrStale means that the backend closed a connection while it was idle, or
// sent something unrequested. Nothing was written to it.
var ErrStale = errors.New("the idle connection was closed")

// A Waiter is called before a read has to wait.
type Waiter interface{ BeforeWait() }

// A Limits restricts what is read.
type Limits struct {
	// Bytes limits the size of a head or a trailer.
	Bytes int
	// Fields limits the header lines of a head or a trailer.
	Fields int
}

// A Conn is a connection to a backend. Call Begin, then make exactly one
// exchange, then call End. All methods belong to the goroutine of the exchange,
// except Write and Abort, which one other goroutine may use.
type Conn struct {
	// Name is the server that the connection was made to, if that varies.
	Name string
	// Closed, if not nil, is called once when the connection is closed after its
	// last exchange.
	Closed func(name string)

	conn net.Conn
	// base is the connection below conn, or conn itself.
	base net.Conn
	raw  rawIO

	// Unread bytes are buf[r:w]. box holds buf for its pool, if it came from
	// one.
	buf  []byte
	r, w int
	box  *[]byte

	ctx      context.Context
	deadline time.Time
	unwatch  func() bool
	waiter   Waiter
	limits   *Limits

	// served counts the exchanges that have ended on the connection.
	served int
	// received means that a byte of the response has been read.
	received        bool
	made, idleSince time.Time
}

// NewConn returns a Conn on conn.
func NewConn(conn net.Conn, limits *Limits) *Conn {
	c := &Conn{conn: conn, base: conn, limits: limits, made: time.Now()}
	t, opaque := conn.(*tls.Conn)
	if opaque {
		c.base = t.NetConn()
	}
	c.raw.init(c, c.base, opaque)
	return c
}

// Begin starts an exchange, whose reads fail soon after ctx ends.
func (c *Conn) Begin(ctx context.Context) {
	c.ctx = ctx
	c.received = false
	c.box = smallBuffers.Get().(*[]byte)
	c.buf, c.r, c.w = *c.box, 0, 0
	now := time.Now()
	if c.deadline.Sub(now) < watchSoon {
		c.deadline = now.Add(watchAfter)
		// A connection that does not support deadlines fails when it is read.
		_ = c.conn.SetReadDeadline(c.deadline)
	}
	if end, ok := ctx.Deadline(); ok && end.Before(c.deadline) {
		c.Watch()
	}
}

// Watch makes reads and writes fail as soon as the exchange's context ends. It
// is needed before any operation that may take long, except a read.
func (c *Conn) Watch() {
	if c.unwatch != nil {
		return
	}
	c.deadline = time.Time{}
	_ = c.conn.SetReadDeadline(time.Time{})
	c.unwatch = context.AfterFunc(c.ctx, c.Abort)
}

// Abort closes the connection immediately; running operations fail.
func (c *Conn) Abort() { c.base.Close() }

// End ends an exchange and reports whether the connection may be used for
// another one. That requires that the response was read to its end and allows
// it, and that nothing was read after it. Otherwise End closes the connection.
func (c *Conn) End(reusable bool) bool {
	if c.unwatch != nil {
		reusable = c.unwatch() && reusable
		c.unwatch = nil
	}
	reusable = reusable && c.r == c.w
	c.release()
	c.ctx, c.waiter = nil, nil
	c.served++
	if !reusable {
		c.base.Close()
		c.closed()
	}
	return reusable
}

// release gives the buffer back.
func (c *Conn) release() {
	switch {
	case c.box == nil:
	case len(*c.box) == smallBuffer:
		smallBuffers.Put(c.box)
	default:
		largeBuffers.Put(c.box)
	}
	c.box, c.buf, c.r, c.w = nil, nil, 0, 0
}

// Close closes a connection that is not in an exchange.
func (c *Conn) Close() {
	c.conn.Close()
	c.closed()
}

func (c *Conn) closed() {
	if c.Closed != nil {
		c.Closed(c.Name)
	}
}

// Served returns the number of exchanges that have ended on the connection.
func (c *Conn) Served() int { return c.served }

// Age returns how long ago the connection was made.
func (c *Conn) Age() time.Duration { return time.Since(c.made) }

// Received reports whether a byte of the response has been read.
func (c *Conn) Received() bool { return c.received }

// NetConn returns the connection itself.
func (c *Conn) NetConn() net.Conn { return c.conn }

// SetWaiter makes each read that has to wait call w first. Nil calls nothing.
func (c *Conn) SetWaiter(w Waiter) { c.waiter = w }

// Buffered returns the data that has been read from the connection but not
// consumed.
func (c *Conn) Buffered() []byte { return c.buf[c.r:c.w] }

// Write writes p and returns how much of it was written.
func (c *Conn) Write(p []byte) (int, error) { return c.conn.Write(p) }

// Send writes a request's head and waits for the response's first bytes. Like
// Check, it returns ErrStale before it writes. n is the number of bytes
// written.
func (c *Conn) Send(head []byte) (n int, err error) {
	if c.raw.usable() {
		return c.raw.send(c, head)
	}
	if err := c.Check(); err != nil {
		return 0, err
	}
	if n, err = c.conn.Write(head); err != nil {
		return n, err
	}
	return n, c.fill()
}

// Check returns ErrStale if an idle connection can no longer be used.
func (c *Conn) Check() error {
	if c.served == 0 {
		return nil
	}
	switch c.raw.peek() {
	case nothing:
		return nil
	case ended:
		return ErrStale
	case something:
		if c.raw.usable() {
			return ErrStale
		}
	}
	// There may be data that is not for us, such as TLS tickets. Without the
	// kernel, the only way to find out is a short wait.
	_ = c.conn.SetReadDeadline(time.Now().Add(checkTime))
	n, err := c.conn.Read(c.buf[:1])
	_ = c.conn.SetReadDeadline(c.deadline)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrStale
	}
	return nil
}

// A peeked is the kind of data that a connection has to read.
type peeked uint8

const (
	unknown peeked = iota
	nothing
	something
	ended
)

// checkTime is how long the check for an open connection waits, if the kernel
// cannot be asked.
const checkTime = 50 * time.Microsecond

// fill reads more into the buffer, which must have room.
func (c *Conn) fill() error {
	if c.waiter != nil {
		if c.raw.usable() {
			n, err := c.raw.try(c.buf[c.w:])
			if n > 0 || err != nil {
				return c.filled(n, err)
			}
		}
		c.waiter.BeforeWait()
	}
	for {
		n, err := c.conn.Read(c.buf[c.w:])
		if n == 0 && c.expired(err) {
			continue
		}
		return c.filled(n, err)
	}
}

// expired reports whether err is from a deadline that Begin has set. If so, it
// watches the context from then on.
func (c *Conn) expired(err error) bool {
	if err == nil || c.unwatch != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.Watch()
	return true
}

// filled handles the result of a read.
func (c *Conn) filled(n int, err error) error {
	c.w += n
	if n > 0 {
		c.received = true
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// grow makes room in a full buffer: a large buffer replaces a small one, or one
// of twice the size.
func (c *Conn) grow() {
	unread := c.buf[c.r:c.w]
	if c.r > 0 {
		c.r, c.w = 0, copy(c.buf, unread)
		return
	}
	if len(c.buf) < largeBuffer {
		box := largeBuffers.Get().(*[]byte)
		n := copy(*box, unread)
		c.release()
		c.box, c.buf, c.w = box, *box, n
		return
	}
	larger := make([]byte, 2*len(c.buf))
	n := copy(larger, unread)
	c.release()
	c.buf, c.w = larger, n
}

// ReadHead reads the head of the next response into h. Its error is io.EOF if
// the connection ended before the first byte, and io.ErrUnexpectedEOF if it
// ended in the middle of the head.
func (c *Conn) ReadHead(h *Head) error {
	text, err := c.readLines()
	if err != nil {
		return err
	}
	return h.parse(text, c.limits.Fields)
}

// readLines reads lines that end in CRLF up to an empty one, and returns them
// without the empty one.
func (c *Conn) readLines() (string, error) {
	var lines grammar.Lines
	for {
		unread := c.buf[c.r:c.w]
		n, ok := lines.Find(unread)
		switch {
		case !ok:
			return "", ProtocolError("a line does not end in CRLF")
		case n >= 0 && n+1 >= c.limits.Bytes:
			return "", ProtocolError("header too large")
		case n >= 0:
			text := string(unread[:n])
			c.r += n + 2
			return text, nil
		}
		if len(unread) >= c.limits.Bytes {
			return "", ProtocolError("header too large")
		}
		if c.w == len(c.buf) {
			c.grow()
		}
		if err := c.fill(); err != nil {
			if err == io.EOF && len(unread) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
	}
}
