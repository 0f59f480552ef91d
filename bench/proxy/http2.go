//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// streams is the number of concurrent requests on an HTTP/2 connection.
const streams = 8

// The HTTP/2 frames that are needed here (RFC 9113 §6).
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8

	flagEndStream  = 1
	flagAck        = 1
	flagEndHeaders = 4

	frameHead = 9
)

// smallBlock is smallRequest in HPACK, in a form that does not depend on
// earlier requests.
var smallBlock = func() []byte {
	b := []byte{0x82, 0x86} // :method GET, :scheme http
	for _, field := range []struct {
		index byte // of the name, in HPACK's static table
		value string
	}{{4, "/products/1?color=red"}, {1, "shop.example.com"}, {58, "bench"}, {19, "*/*"}, {17, "en"}, {32, "session=0123456789abcdef"}} {
		// Literals without indexing: the index has a prefix of 4 bits.
		if field.index < 15 {
			b = append(b, field.index)
		} else {
			b = append(b, 15, field.index-15)
		}
		b = append(append(b, byte(len(field.value))), field.value...)
	}
	return b
}()

func frame(length int, kind, flags byte, stream uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags}, stream)
}

// An h2Connection is a cheap client connection for HTTP/2 with prior knowledge.
// It keeps a number of requests active.
type h2Connection struct {
	net.Conn
	in     *bufio.Reader
	out    []byte
	stream uint32
	// unacknowledged counts bytes of bodies for which no window update was
	// sent.
	unacknowledged int
}

func dialHTTP2(address string) (*h2Connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &h2Connection{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10), stream: 1}
	c.out = append(c.out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...)
	c.out = append(c.out, frame(0, frameSettings, 0, 0)...)
	return c, c.flush()
}

func (c *h2Connection) flush() error {
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// request appends a request to the data to send.
func (c *h2Connection) request() {
	c.out = append(c.out, frame(len(smallBlock), frameHeaders, flagEndStream|flagEndHeaders, c.stream)...)
	c.out = append(c.out, smallBlock...)
	c.stream += 2
}

// exchange keeps requests active until more returns false, and then waits for
// the answers. It returns how many there were.
func (c *h2Connection) exchange(more func() bool) (int, error) {
	pending, done := streams, 0
	for range streams {
		c.request()
	}
	for pending > 0 {
		if len(c.out) > 0 && c.in.Buffered() == 0 {
			if err := c.flush(); err != nil {
				return done, err
			}
		}
		ended, err := c.readFrame()
		if err != nil {
			return done, err
		}
		if !ended {
			continue
		}
		done++
		if more() {
			c.request()
		} else {
			pending--
		}
	}
	return done, nil
}

// readFrame reads a frame, and reports whether it ends a response.
func (c *h2Connection) readFrame() (bool, error) {
	head, err := c.in.Peek(frameHead)
	if err != nil {
		return false, err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	kind, flags := head[3], head[4]
	_, _ = c.in.Discard(frameHead)
	payload, err := c.in.Peek(length)
	if err != nil {
		return false, err
	}
	switch kind {
	case frameHeaders:
		// The index of ":status: 200", after changes of the table's size.
		for len(payload) > 0 && payload[0]&0xe0 == 0x20 {
			payload = payload[1:]
		}
		if len(payload) == 0 || payload[0] != 0x88 {
			return false, fmt.Errorf("response with the header block %q", payload)
		}
	case frameData:
		if c.unacknowledged += length; c.unacknowledged > 16<<10 {
			c.out = append(c.out, frame(4, frameWindowUpdate, 0, 0)...)
			c.out = binary.BigEndian.AppendUint32(c.out, uint32(c.unacknowledged))
			c.unacknowledged = 0
		}
	case frameSettings:
		if flags&flagAck == 0 {
			c.out = append(c.out, frame(0, frameSettings, flagAck, 0)...)
		}
	case framePing:
		if flags&flagAck == 0 {
			c.out = append(append(c.out, frame(8, framePing, flagAck, 0)...), payload...)
		}
	case frameReset, frameGoAway:
		return false, errors.New("the server reset a stream or the connection")
	}
	if _, err := c.in.Discard(length); err != nil {
		return false, err
	}
	return (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0, nil
}
