package http1

import (
	"net"
	"strconv"
)

// An output collects a response, so that a short one is sent in a single write.
type output struct {
	// buf is what has not been sent. box holds it for its pool.
	box *[]byte
	buf []byte
	// pending is a part of the body that comes after the head, which is not
	// complete yet, or becomes a part of a chunk.
	pendingBox *[]byte
	pending    []byte
	// failure is why a write failed. Nothing is sent afterwards.
	failure error
	// sent means that a part of the final response was sent.
	sent bool

	parts  [2][]byte
	vector net.Buffers
}

// open makes buf ready.
func (o *output) open() {
	if o.box == nil {
		o.box = boxFor(smallest)
		o.buf = (*o.box)[:0]
	}
}

// text adds a string.
func (o *output) text(s string) { o.buf = append(o.buf, s...) }

// field adds a header line.
func (o *output) field(key, value string) {
	o.buf = append(o.buf, key...)
	o.buf = append(o.buf, ": "...)
	o.buf = append(o.buf, value...)
	o.buf = append(o.buf, "\r\n"...)
}

// chunk adds the line before a chunk.
func (o *output) chunk(n int) {
	o.buf = strconv.AppendUint(o.buf, uint64(n), 16)
	o.buf = append(o.buf, "\r\n"...)
}

// room returns pending, ready for more.
func (o *output) room() []byte {
	if o.pendingBox == nil {
		o.pendingBox = boxFor(smallest)
		o.pending = (*o.pendingBox)[:0]
	}
	return o.pending
}

// write adds a part of the body, and sends it if it is long.
func (o *output) write(c *conn, p []byte) error {
	if o.failure != nil {
		return o.failure
	}
	if len(o.buf)+len(p) < smallest {
		o.buf = append(o.buf, p...)
		return nil
	}
	var err error
	switch {
	case len(o.buf) == 0:
		_, err = c.rwc.Write(p)
	case c.vectored:
		o.parts = [2][]byte{o.buf, p}
		o.vector = o.parts[:]
		if c.paced != nil {
			err = c.paced.WriteBuffers(&o.vector)
		} else {
			_, err = o.vector.WriteTo(c.rwc)
		}
		o.parts = [2][]byte{}
	default:
		n := max(min(smallest-len(o.buf), len(p)), 0)
		if _, err = c.rwc.Write(append(o.buf, p[:n]...)); err == nil && n < len(p) {
			_, err = c.rwc.Write(p[n:])
		}
	}
	o.buf = o.buf[:0]
	return o.after(c, err)
}

// flush sends what there is.
func (o *output) flush(c *conn) error {
	if o.failure != nil || len(o.buf) == 0 {
		return o.failure
	}
	_, err := c.rwc.Write(o.buf)
	o.buf = o.buf[:0]
	return o.after(c, err)
}

// after takes down what came of a write. A client that cannot be written to is gone.
func (o *output) after(c *conn, err error) error {
	o.sent = true
	if b := c.current.body; b != nil {
		b.pace.Answered()
	}
	if err != nil {
		o.failure = err
		c.kill()
		c.current.ctx.leave()
	}
	return err
}

// release gives the memory back.
func (o *output) release() {
	if o.box != nil && cap(o.buf) == len(*o.box) {
		put(o.box)
	}
	if o.pendingBox != nil {
		put(o.pendingBox)
	}
	o.box, o.buf, o.pendingBox, o.pending = nil, nil, nil, nil
}
