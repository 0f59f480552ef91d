//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// A connection is a cheap client connection: it sends requests unchanged, and
// reads responses only to find their end.
type connection struct {
	net.Conn
	buf []byte
}

// smallRequest asks for product 1, with typical client headers.
const smallRequest = "GET /products/1?color=red HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n" +
	"Accept-Language: en\r\nCookie: session=0123456789abcdef\r\n\r\n"

func dial(address string) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, make([]byte, 4<<10)}, nil
}

// dialAll opens n connections.
func dialAll(address string, n int) ([]*connection, error) {
	var all []*connection
	for range n {
		c, err := dial(address)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeAll(connections []*connection) {
	for _, c := range connections {
		c.Close()
	}
}

// ask sends a request, and reads the response.
func (c *connection) ask(request string) error {
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	return c.readResponse(nil)
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	statusOK      = []byte("HTTP/1.1 200 OK\r\n")
)

// readResponse reads a response with status 200 and a Content-Length. The part
// that does not come with the head is read into large, which may be nil.
func (c *connection) readResponse(large []byte) error {
	n, end := 0, -1
	for end < 0 {
		if n == len(c.buf) {
			return errors.New("the head of a response is too long")
		}
		k, err := c.Read(c.buf[n:])
		if err != nil {
			return fmt.Errorf("reading a response: %w", err)
		}
		n += k
		end = bytes.Index(c.buf[:n], headEnd)
	}
	length, err := responseLength(c.buf[:end+2])
	if err != nil {
		return err
	}
	left := length - int64(n-end-len(headEnd))
	if left < 0 {
		return errors.New("more came than a response")
	}
	if large == nil {
		large = c.buf
	}
	for left > 0 {
		k, err := c.Read(large[:min(left, int64(len(large)))])
		if err != nil {
			return fmt.Errorf("reading a body: %w", err)
		}
		left -= int64(k)
	}
	return nil
}

// responseLength returns the length of a response's body from its
// Content-Length, which is required. The response must have status 200.
func responseLength(head []byte) (int64, error) {
	if !bytes.HasPrefix(head, statusOK) {
		return 0, fmt.Errorf("response %q", head)
	}
	_, rest, found := bytes.Cut(head, contentLength)
	digits, _, _ := bytes.Cut(rest, headEnd[:2])
	length, err := strconv.ParseInt(string(digits), 10, 64)
	if !found || err != nil {
		return 0, fmt.Errorf("response without a length: %q", head)
	}
	return length, nil
}
