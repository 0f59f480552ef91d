package http1

import (
	"bytes"
	"io"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A Body reads the body of the response whose head a Conn has read.
type Body struct {
	conn *Conn
	kind bodyKind
	// left is what remains of the body, or of the chunk.
	left int64
	// Trailer are the trailer fields of a chunked body that has been read.
	Trailer []Field
}

type bodyKind uint8

const (
	noBody bodyKind = iota
	fixedBody
	untilClose
	chunkSize // a line with a chunk's size comes next
	chunkBody // the rest of a chunk comes next
	chunkEnd  // the line end after a chunk comes next
	failed
)

// Reset makes b the body of the response to a method with head h. It sets
// h.Close if the body ends with the connection.
func (b *Body) Reset(c *Conn, h *Head, method string) {
	*b = Body{conn: c, Trailer: b.Trailer[:0]}
	switch {
	case h.Bodiless(method):
	case h.Chunked:
		b.kind = chunkSize
	case h.Length > 0:
		b.kind, b.left = fixedBody, h.Length
	case h.Length < 0:
		b.kind, h.Close = untilClose, true
	}
}

// Fixed returns how much remains of a body of known length, or -1.
func (b *Body) Fixed() int64 {
	switch b.kind {
	case noBody, fixedBody:
		return b.left
	}
	return -1
}

// Skip tells b that n bytes of a body of known length were taken from the
// connection directly. The buffer must be empty.
func (b *Body) Skip(n int64) {
	if b.left -= n; b.left == 0 {
		b.kind = noBody
	}
}

// Next returns the next part of the body, which is valid until the next call.
// Its error is io.EOF once the body is complete, and io.ErrUnexpectedEOF if the
// connection ended before.
func (b *Body) Next() ([]byte, error) {
	p, err := b.next()
	if err != nil && err != io.EOF {
		b.kind = failed
	}
	return p, err
}

func (b *Body) next() ([]byte, error) {
	for {
		switch b.kind {
		case noBody:
			return nil, io.EOF
		case fixedBody:
			p, err := b.take()
			if err == nil && b.left == 0 {
				b.kind = noBody
			}
			return p, err
		case chunkBody:
			p, err := b.take()
			if err == nil && b.left == 0 {
				b.kind = chunkEnd
			}
			return p, err
		case untilClose:
			if b.conn.r == b.conn.w {
				err := b.conn.refill()
				if err == io.EOF {
					b.kind = noBody
				}
				if err != nil {
					return nil, err
				}
			}
			return b.conn.consume(b.conn.w - b.conn.r), nil
		case chunkSize:
			if err := b.readSize(); err != nil {
				return nil, err
			}
		case chunkEnd:
			if err := b.conn.need(2); err != nil {
				return nil, err
			}
			if end := b.conn.consume(2); end[0] != '\r' || end[1] != '\n' {
				return nil, ProtocolError("no line end after a chunk")
			}
			b.kind = chunkSize
		default:
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// take returns the available part of the next left bytes, and at least one.
func (b *Body) take() ([]byte, error) {
	if b.conn.r == b.conn.w {
		if err := b.conn.refill(); err != nil {
			return nil, unexpected(err)
		}
	}
	n := b.conn.w - b.conn.r
	if int64(n) > b.left {
		n = int(b.left)
	}
	b.left -= int64(n)
	return b.conn.consume(n), nil
}

// readSize reads the line before a chunk, and after the last one the trailer.
func (b *Body) readSize() error {
	line, err := b.conn.readChunkLine()
	if err != nil {
		return err
	}
	size, ok := grammar.ParseChunkSize(line)
	if !ok {
		return ProtocolError("chunk size")
	}
	if size > 0 {
		b.kind, b.left = chunkBody, size
		return nil
	}
	text, err := b.conn.readLines()
	if err != nil {
		return unexpected(err)
	}
	b.Trailer, err = parseFields(b.Trailer, text, b.conn.limits.Fields)
	b.kind = noBody
	return err
}

// maxChunkLine limits a chunk's size and its extensions.
const maxChunkLine = 4 << 10

// readChunkLine reads a line, and returns it without its end.
func (c *Conn) readChunkLine() ([]byte, error) {
	scanned := 0
	for {
		unread := c.buf[c.r:c.w]
		if i := indexLF(unread[scanned:]); i >= 0 {
			end := scanned + i
			if end == 0 || unread[end-1] != '\r' || end > maxChunkLine {
				return nil, ProtocolError("chunk size")
			}
			c.r += end + 1
			return unread[:end-1], nil
		}
		if scanned = len(unread); scanned > maxChunkLine {
			return nil, ProtocolError("chunk size")
		}
		if c.w == len(c.buf) {
			c.grow()
		}
		if err := c.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

// refill reads into an empty buffer. It switches to a large buffer when the
// small one has been filled to its end.
func (c *Conn) refill() error {
	if c.w == len(c.buf) && len(c.buf) == smallBuffer {
		c.release()
		c.box = largeBuffers.Get().(*[]byte)
		c.buf = *c.box
	}
	c.r, c.w = 0, 0
	return c.fill()
}

// need reads until n bytes are available.
func (c *Conn) need(n int) error {
	for c.w-c.r < n {
		if c.r == c.w {
			c.r, c.w = 0, 0
		}
		if c.w == len(c.buf) {
			c.grow()
		}
		if err := c.fill(); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// consume returns the next n bytes of the buffer.
func (c *Conn) consume(n int) []byte {
	p := c.buf[c.r : c.r+n]
	c.r += n
	return p
}

// unexpected converts the end of a connection into an end in the middle of a
// message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func indexLF(p []byte) int { return bytes.IndexByte(p, '\n') }
