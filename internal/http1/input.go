package http1

import (
	"io"
	"net"
)

// An input is what a client sends. It belongs to one goroutine at a time: that of the
// connection, which lends it to the body of a request and to a watch.
type input struct {
	conn     net.Conn
	deadline ReadDeadline
	raw      rawInput

	// Unread bytes are buf[r:w]. box holds buf for its pool; it is nil while the
	// connection is idle.
	box  *[]byte
	buf  []byte
	r, w int
	one  [1]byte
	// failed is why the client sends no more.
	failed error
	// pace limits the time of reads, if it is not nil.
	pace *Pace
}

func (in *input) init(conn net.Conn) {
	in.conn = conn
	in.deadline.Init(conn)
}

// unread returns the bytes that have been read from the connection but not consumed.
func (in *input) unread() []byte { return in.buf[in.r:in.w] }

// wait waits for the first bytes without holding a buffer. No byte is unread.
func (in *input) wait() error {
	in.release()
	if in.failed != nil {
		return in.failed
	}
	if in.raw.usable() {
		return in.raw.wait()
	}
	for {
		n, err := in.deadline.Read(in.one[:])
		if n > 0 {
			in.adopt(boxFor(smallest), 0)
			in.buf[0], in.w = in.one[0], 1
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// adopt makes box the buffer, with n unread bytes.
func (in *input) adopt(box *[]byte, n int) { in.box, in.buf, in.r, in.w = box, *box, 0, n }

// fill reads more into the buffer, which grows if it is full.
func (in *input) fill() error {
	if in.failed != nil {
		return in.failed
	}
	switch {
	case in.box == nil:
		in.adopt(boxFor(smallest), 0)
	case in.r == in.w:
		in.r, in.w = 0, 0
	case in.w == len(in.buf):
		in.grow()
	}
	for {
		n, err := in.receive(in.buf[in.w:])
		if n > 0 {
			in.w += n
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// receive reads from the connection.
func (in *input) receive(p []byte) (int, error) {
	if in.pace == nil {
		return in.deadline.Read(p)
	}
	return in.pace.Read(&in.deadline, p)
}

// grow makes room in a full buffer.
func (in *input) grow() {
	if in.r > 0 {
		in.r, in.w = 0, copy(in.buf, in.unread())
		return
	}
	box := boxFor(2 * len(in.buf))
	n := copy(*box, in.unread())
	put(in.box)
	in.adopt(box, n)
}

// need reads until n bytes are unread.
func (in *input) need(n int) error {
	for in.w-in.r < n {
		if err := in.fill(); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// read reads into p: what is unread, or else directly from the connection.
func (in *input) read(p []byte) (int, error) {
	if in.r == in.w {
		if in.failed != nil {
			return 0, in.failed
		}
		if len(p) >= smallest {
			return in.receive(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.unread())
	in.r += n
	return n, nil
}

// release gives the buffer back if no byte is unread.
func (in *input) release() {
	if in.box != nil && in.r == in.w {
		put(in.box)
		in.box, in.buf, in.r, in.w = nil, nil, 0, 0
	}
}

// drop gives the buffer back, whatever is unread.
func (in *input) drop() {
	in.r = in.w
	in.release()
}

// unexpected converts the end of a connection into an end in the middle of a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
