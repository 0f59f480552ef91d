//go:build unix

package http1

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A rawIO reads and writes a connection's file descriptor. It makes its first
// read of an exchange before it writes the request instead of after. That read
// usually finds nothing. So it costs nothing to notice that a connection has
// been closed or holds unrequested data.
type rawIO struct {
	conn syscall.RawConn
	// opaque means that the bytes on the connection are not the data itself:
	// TLS.
	opaque bool
	// sendStep, tryStep and peekStep are method values, made once.
	sendStep          func(fd uintptr) bool
	tryStep, peekStep func(fd uintptr)

	c       *Conn
	state   sendState
	out     []byte
	written int
	in      []byte
	n       int
	err     error
}

// A sendState is the progress of send.
type sendState uint8

const (
	toCheck sendState = iota
	toWrite
	toWriteRest
	toRead
	done
)

func (r *rawIO) init(c *Conn, base net.Conn, opaque bool) {
	s, ok := base.(syscall.Conn)
	if !ok {
		return
	}
	conn, err := s.SyscallConn()
	if err != nil {
		return
	}
	r.conn, r.c, r.opaque = conn, c, opaque
	r.sendStep, r.tryStep, r.peekStep = r.stepSend, r.stepTry, r.stepPeek
}

// usable reports whether send and try can be used.
func (r *rawIO) usable() bool { return r.conn != nil && !r.opaque }

// peek returns the kind of data available to read, without reading it.
func (r *rawIO) peek() peeked {
	if r.conn == nil {
		return unknown
	}
	r.n, r.err = 0, nil
	if err := r.conn.Control(r.peekStep); err != nil {
		return ended
	}
	switch {
	case r.err == syscall.EAGAIN:
		return nothing
	case r.err != nil || r.n == 0:
		return ended
	}
	return something
}

func (r *rawIO) stepPeek(fd uintptr) {
	var scratch [1]byte
	r.n, _, r.err = syscall.Recvfrom(int(fd), scratch[:], syscall.MSG_PEEK)
}

// send writes out and waits for an answer, which it reads into c's buffer.
func (r *rawIO) send(c *Conn, out []byte) (int, error) {
	r.state, r.out, r.written, r.n, r.err = toCheck, out, 0, 0, nil
	if c.served == 0 {
		r.state = toWrite
	}
	for {
		err := r.conn.Read(r.sendStep)
		switch {
		case r.err != nil:
			return r.written, r.err
		case c.expired(err):
			if r.state == toRead {
				return r.written, c.fill()
			}
		case err != nil:
			return r.written, err
		case r.state == toWriteRest:
			n, err := c.conn.Write(r.out[r.written:])
			if r.written += n; err != nil {
				return r.written, err
			}
			return r.written, c.fill()
		default:
			return r.written, c.filled(r.n, nil)
		}
	}
}

// stepSend does the work that needs no waiting, and reports whether that was
// all. If not, it is called again when the connection can be read.
func (r *rawIO) stepSend(fd uintptr) bool {
	switch r.state {
	case toCheck:
		if _, err := read(fd, r.c.buf[:1]); err != syscall.EAGAIN {
			r.err = ErrStale
			return true
		}
		r.state = toWrite
		fallthrough
	case toWrite:
		n, err := write(fd, r.out)
		r.written = max(n, 0)
		switch {
		case err == nil && n == len(r.out):
			r.state = toRead
			return false
		case err == nil || err == syscall.EAGAIN:
			r.state = toWriteRest
		default:
			r.err = os.NewSyscallError("write", err)
		}
		return true
	default:
		n, err := read(fd, r.c.buf[r.c.w:])
		switch {
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		}
		r.n, r.state = max(n, 0), done
		return true
	}
}

// try reads the available data. No bytes and no error means that there is none.
func (r *rawIO) try(p []byte) (int, error) {
	r.in, r.n, r.err = p, 0, nil
	if err := r.conn.Control(r.tryStep); err != nil {
		return 0, err
	}
	return r.n, r.err
}

func (r *rawIO) stepTry(fd uintptr) {
	n, err := read(fd, r.in)
	switch {
	case err == syscall.EAGAIN:
	case err != nil:
		r.err = os.NewSyscallError("read", err)
	case n == 0:
		r.err = io.EOF
	}
	r.n = max(n, 0)
}

func read(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func write(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
