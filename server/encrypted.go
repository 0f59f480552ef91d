package server

import "net"

// encryptedOnly is a listener whose connections carry TLS and nothing else.
type encryptedOnly struct{ net.Listener }

func (l encryptedOnly) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return encryptedConn{conn}, nil
}

// An encryptedConn closes where net/http would answer in plain text that the
// client did not speak TLS; Envoy says nothing.
type encryptedConn struct{ net.Conn }

// firstLetter is that of "HTTP/1.0 400", and no type of a TLS record.
const firstLetter = 'H'

func (c encryptedConn) Write(p []byte) (int, error) {
	if len(p) > 0 && p[0] == firstLetter {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}
