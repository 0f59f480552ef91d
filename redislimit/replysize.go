package redislimit

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// maxReply bounds the size of a reply, in bytes. Package redis makes room for as many
// elements and bytes as a reply announces, before it has read any of them. So a few
// bytes of something that is not Redis could use up all memory. The largest reply is
// that of a cluster to COMMAND or CLUSTER SLOTS, some hundred kilobytes.
const maxReply = 4 << 20

// elementSize is how much memory an element of a reply takes at least.
const elementSize = 16

var errReplySize = errors.New("the reply of the server is too large")

// A dialer connects to a server.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// boundReplies returns a dialer whose connections fail at replies that are too large.
func boundReplies(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		bounded := &boundedConn{Conn: conn}
		if socket, ok := conn.(syscall.Conn); ok {
			return &boundedSocket{bounded, socket}, nil
		}
		return bounded, nil
	}
}

// A boundedConn is a connection that fails at replies that are too large.
type boundedConn struct {
	net.Conn
	replies replySizes
	// failed is set for good, as the client may read again after an error.
	failed bool
}

// A boundedSocket is a boundedConn without TLS. The client looks at its socket to see
// whether the server has closed it.
type boundedSocket struct {
	*boundedConn
	syscall.Conn
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.failed {
		return 0, errReplySize
	}
	n, err := c.Conn.Read(p)
	if !c.replies.accept(p[:n]) {
		c.failed = true
		return 0, errReplySize
	}
	return n, err
}

// A replySizes follows the replies of a server, only as far as their sizes need it. What
// is not a reply at all is for the client to refuse.
type replySizes struct {
	// size is that of the present reply, and missing how many elements it still lacks.
	size, missing int
	// kind is the first byte of the present line, or 0 before it. number is the number
	// in that line, or 0 if it is negative: then there is no value.
	kind     byte
	number   int
	negative bool
	// skip is how many bytes of a string still come.
	skip int
}

// accept reports whether the bytes that follow belong to replies that are not too large.
func (s *replySizes) accept(b []byte) bool {
	for len(b) > 0 {
		n := 1
		if s.skip > 0 {
			n = min(s.skip, len(b))
			s.skip -= n
			if s.skip == 0 {
				s.end()
			}
		} else {
			s.next(b[0])
		}
		if s.size += n; s.size > maxReply {
			return false
		}
		b = b[n:]
	}
	return true
}

// next is the next byte of a line.
func (s *replySizes) next(c byte) {
	switch {
	case c == '\n':
		s.line()
	case s.kind == 0:
		if s.missing == 0 {
			s.size, s.missing = 0, 1
		}
		s.kind, s.number, s.negative = c, 0, false
	case c == '-':
		s.negative = true
	case s.negative:
	case '0' <= c && c <= '9':
		s.number = min(10*s.number+int(c-'0'), maxReply)
	}
}

// line is the end of a line.
func (s *replySizes) line() {
	kind, elements := s.kind, 0
	s.kind = 0
	switch kind {
	case '$', '!', '=':
		if s.negative {
			break
		}
		// Two bytes end the string.
		s.size += s.number
		s.skip = s.number + 2
		return
	case '*', '~', '>':
		elements = s.number
	case '%':
		elements = 2 * s.number
	case '|':
		// The reply is behind the attributes.
		elements = 2*s.number + 1
	}
	s.size += elements * elementSize
	s.missing += elements
	s.end()
}

// end is the end of an element.
func (s *replySizes) end() { s.missing = max(s.missing-1, 0) }
