//go:build unix

package http1

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A rawInput waits for a connection's first bytes at its file descriptor, so that a
// buffer is taken only when there is something to read.
type rawInput struct {
	conn syscall.RawConn
	// step is a method value, made once.
	step func(fd uintptr) bool
	in   *input
	err  error
}

func (r *rawInput) init(in *input, conn net.Conn) {
	s, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	r.conn, r.in, r.step = raw, in, r.try
}

func (r *rawInput) usable() bool { return r.conn != nil }

func (r *rawInput) wait() error {
	d := &r.in.deadline
	for {
		r.err = nil
		begun := d.begin(time.Time{})
		err := r.conn.Read(r.step)
		if !d.end(begun, err) {
			if err == nil {
				err = r.err
			}
			return err
		}
	}
}

// try reads what is there, and reports whether waiting is over.
func (r *rawInput) try(fd uintptr) bool {
	box := boxFor(smallest)
	for {
		n, err := syscall.Read(int(fd), *box)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			put(box)
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		default:
			r.in.adopt(box, n)
			return true
		}
		put(box)
		return true
	}
}
