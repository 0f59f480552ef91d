package upstream

import (
	"net"
	"sync"
)

// A patientConn is a connection to a backend whose writes fail no earlier than its
// reads do: a Write that fails returns only when the connection is closed.
//
// net/http's client gives an exchange up as soon as it cannot write. But a backend
// that refuses an upload answers, and closes the connection with a part of the body
// unread: what it said can be read still, and is the response. If it said nothing,
// the next read fails, and the client closes the connection.
type patientConn struct {
	net.Conn
	closing sync.Once
	closed  chan struct{}
}

func newPatientConn(c net.Conn) *patientConn {
	return &patientConn{Conn: c, closed: make(chan struct{})}
}

func (c *patientConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		<-c.closed
	}
	return n, err
}

func (c *patientConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
