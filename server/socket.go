package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A socket is an open listener that outlives the generations that serve its
// connections. One generation at a time accepts from it.
type socket struct {
	net.Listener
	accepted chan accepted
	closing  chan struct{}
	closed   func()
	running  sync.WaitGroup
	figures  figures
	// admit returns a connection as it is passed on, or closes it and returns nil.
	admit func(net.Conn, *figures) net.Conn
	// handing is 1 while an accepted connection is on its way to a generation, until that
	// has counted it.
	handing atomic.Int64
	// finishing means that Accept ends soon, and failed that it yields no more connections.
	finishing, failed atomic.Bool
}

type accepted struct {
	conn net.Conn
	err  error
}

// A temporary is an error of Accept after which the next may succeed.
// The servers pause after it, and go on.
type temporary struct{ error }

func (temporary) Temporary() bool { return true }
func (temporary) Timeout() bool   { return false }
func (t temporary) Unwrap() error { return t.error }

// passes reports whether an error of Accept is about a lack that may end, or about the
// connection that was to be accepted. The list is that of Linux's accept(2). The timeout is
// that of a wrapper, which has read from the client.
func passes(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	for _, errno := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO,
		syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// newSocket accepts connections from l until close.
func newSocket(l net.Listener, admit func(net.Conn, *figures) net.Conn) *socket {
	k := &socket{Listener: l, admit: admit, accepted: make(chan accepted), closing: make(chan struct{})}
	k.closed = sync.OnceFunc(func() {
		close(k.closing)
		_ = l.Close()
		k.running.Wait()
	})
	k.running.Go(k.accept)
	return k
}

func (k *socket) accept() {
	waited, rounds := false, 0
	for {
		conn, err := k.Listener.Accept()
		switch {
		case err == nil:
			waited = false
			k.figures.accepted.Add(1)
			if conn = k.admit(conn, &k.figures); conn == nil {
				continue
			}
		case k.finishing.Load() && !errors.Is(err, net.ErrClosed):
			late := errors.Is(err, os.ErrDeadlineExceeded)
			if rounds++; late && waited || rounds > backlogRounds {
				return // finish closes the listener
			}
			if late {
				// What came since the deadline is accepted too.
				waited = true
				k.limit()
			}
			continue
		case passes(err):
			err = temporary{err}
		}
		k.handing.Add(1)
		select {
		case k.accepted <- accepted{conn, err}:
		case <-k.closing:
			k.handing.Add(-1)
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil && !errors.As(err, new(temporary)) {
			// Nobody accepts any more.
			k.failed.Store(true)
			_ = k.Listener.Close()
			return
		}
	}
}

// backlogTime is how long the connections of the backlog may take to be accepted, again
// and again while there are some.
const backlogTime = 5 * time.Millisecond

// backlogRounds is how many times backlogTime is waited for while new connections come.
const backlogRounds = 20

// limit ends Accept soon. It is false for a listener that cannot.
func (k *socket) limit() bool {
	l, ok := k.Listener.(interface{ SetDeadline(time.Time) error })
	return ok && l.SetDeadline(time.Now().Add(backlogTime)) == nil
}

// finish accepts the connections that wait in the backlog, and closes the listener. Their
// clients have sent requests perhaps. A generation must still accept them.
func (k *socket) finish() {
	k.finishing.Store(true)
	if k.limit() {
		k.running.Wait()
	}
	k.close()
}

// close closes the listener and waits until it no longer accepts connections.
func (k *socket) close() { k.closed() }

// A share gives the connections of a socket to one generation.
type share struct {
	*socket
	done chan struct{}
	end  func()
}

func newShare(k *socket) *share {
	s := &share{socket: k, done: make(chan struct{})}
	s.end = sync.OnceFunc(func() { close(s.done) })
	return s
}

// Accept returns the next connection of the socket. The caller calls took when it has counted
// it.
func (s *share) Accept() (net.Conn, error) {
	select {
	case <-s.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case a := <-s.accepted:
		if a.err != nil {
			s.took()
		}
		return a.conn, a.err
	case <-s.done:
	case <-s.closing:
	}
	return nil, net.ErrClosed
}

// took takes down that what Accept returned is counted.
func (s *share) took() { s.handing.Add(-1) }

// Close ends the share, not the socket.
func (s *share) Close() error {
	s.end()
	return nil
}
