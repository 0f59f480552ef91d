package server

import (
	"bufio"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lacking is a listener that cannot accept for a while.
type lacking struct {
	net.Listener
	errors []error
}

func (l *lacking) Accept() (net.Conn, error) {
	if len(l.errors) > 0 {
		err := l.errors[0]
		l.errors = l.errors[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	}
	return l.Listener.Accept()
}

// TestAcceptSurvives accepts again after a time without files or memory.
func TestAcceptSurvives(t *testing.T) {
	s, _ := start(t, toApp(says("app")).Server(plain(80)), local(Config{Listen: func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return &lacking{l, []error{syscall.EMFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED}}, err
	}}, 80))
	conn, in := dial(t, s, 80)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	status, _ := statusOf(t, bufio.NewReader(in), time.Now())
	require.Equal(t, 200, status)
}
