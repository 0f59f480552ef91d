package pace

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// ErrNotTaken is the error of writes to a client that takes too little of what it was
// sent. It is a timeout.
var ErrNotTaken error = &timeout{"the client takes the response too slowly"}

// ErrSlowBody is the error of reading a body that arrives too slowly. It is a timeout.
var ErrSlowBody error = &timeout{"the body arrives too slowly"}

type timeout struct{ text string }

func (t *timeout) Error() string        { return t.text }
func (t *timeout) Timeout() bool        { return true }
func (t *timeout) Temporary() bool      { return false }
func (t *timeout) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// A Conn is an accepted connection. A client that does not take what is written to it
// loses it.
type Conn struct {
	net.Conn
	writes   Op
	notTaken atomic.Bool
	expired  func()

	mu     sync.Mutex
	closed bool
	// atClose are called at the first Close.
	atClose []func()
}

// NewConn wraps a connection. expired is called when the client has lost the connection
// because of its slowness.
func NewConn(below net.Conn, w *Watch, r Rate, expired func()) *Conn {
	c := &Conn{Conn: below, expired: expired}
	c.writes.Init(w, r, c.taken, c.expire)
	return c
}

// AtClose makes the first Close call f, before the other side can know of it. It calls f
// itself if that was before.
func (c *Conn) AtClose(f func()) {
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.atClose = append(c.atClose, f)
	}
	c.mu.Unlock()
	if closed {
		f()
	}
}

// Below returns the connection that carries conn, if conn is a *Conn, and conn otherwise.
func Below(conn net.Conn) net.Conn {
	if c, ok := conn.(*Conn); ok {
		return c.Conn
	}
	return conn
}

// taken tells how much has arrived at the client.
func (c *Conn) taken() Progress {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return acknowledged(tcp)
	}
	return Progress{}
}

// expire ends the connection at once. What the kernel still holds is dropped.
func (c *Conn) expire() {
	c.notTaken.Store(true)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.expired()
	_ = c.Close()
}

// Write writes p.
func (c *Conn) Write(p []byte) (int, error) {
	if !c.tells() {
		return InParts(p, c.write)
	}
	return c.write(p)
}

func (c *Conn) write(p []byte) (int, error) {
	c.writes.Begin()
	n, err := c.Conn.Write(p)
	c.writes.End()
	return n, c.cause(err)
}

// tells reports whether it is known how much of a write has arrived at the client.
func (c *Conn) tells() bool {
	_, ok := c.Conn.(*net.TCPConn)
	return ok && acknowledges
}

// part is the most that is written at once where only the end of a write is progress.
const part = 64 << 10

// InParts writes p in parts, so that the end of each is progress.
func InParts[T []byte | string](p T, write func(T) (int, error)) (int, error) {
	written := 0
	for {
		n, err := write(p[written:min(written+part, len(p))])
		if written += n; err != nil || written >= len(p) {
			return written, err
		}
	}
}

// WriteBuffers writes several buffers in one call, if the connection can.
func (c *Conn) WriteBuffers(buffers *net.Buffers) error {
	if !c.tells() {
		for len(*buffers) > 0 {
			if _, err := c.Write((*buffers)[0]); err != nil {
				return err
			}
			*buffers = (*buffers)[1:]
		}
		return nil
	}
	c.writes.Begin()
	_, err := buffers.WriteTo(c.Conn)
	c.writes.End()
	return c.cause(err)
}

// ReadFrom lets the connection below copy without a buffer if it can.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if !c.tells() {
		// It must be known whether the copy waits for the client or for r.
		return io.Copy(writerOnly{c}, r)
	}
	c.writes.Begin()
	n, err := c.Conn.(*net.TCPConn).ReadFrom(r)
	c.writes.End()
	return n, c.cause(err)
}

// writerOnly hides every method but Write.
type writerOnly struct{ io.Writer }

func (c *Conn) cause(err error) error {
	if err != nil && c.notTaken.Load() {
		return ErrNotTaken
	}
	return err
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.mu.Lock()
	atClose := c.atClose
	c.closed, c.atClose = true, nil
	c.mu.Unlock()
	for _, f := range atClose {
		f()
	}
	return c.Conn.Close()
}

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends the sending side, if the connection can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn returns the file descriptor, if there is one.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
