package http1

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway/internal/testwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience limits the wait for an expected event.
const patience = testwire.Patience

var testLimits = Limits{Bytes: 64 << 10, Fields: 100}

// A script is a connection on which the backend sends text, a part with each
// read, and then closes.
type script struct {
	net.Conn
	text string
	// part is the length of what a read returns. 0 means as much as fits.
	part   int
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	if s.part > 0 && len(p) > s.part {
		p = p[:s.part]
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

func (s *script) SetReadDeadline(time.Time) error { return nil }
func (s *script) Close() error                    { s.closed = true; return nil }

// readBody reads a body to its end.
func readBody(b *Body) (string, error) {
	var all []byte
	for {
		p, err := b.Next()
		all = append(all, p...)
		if err == io.EOF {
			return string(all), nil
		}
		if err != nil {
			return string(all), err
		}
	}
}

// pair returns the two ends of a TCP connection.
func pair(t *testing.T) (*Conn, net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	far, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	require.NoError(t, far.SetDeadline(time.Now().Add(patience)))
	return NewConn(near, &testLimits), far
}
