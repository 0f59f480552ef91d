package server

import (
	"errors"
	"net"
	"sync"
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
}

type accepted struct {
	conn net.Conn
	err  error
}

// newSocket accepts connections from l until close.
func newSocket(l net.Listener) *socket {
	k := &socket{Listener: l, accepted: make(chan accepted), closing: make(chan struct{})}
	k.closed = sync.OnceFunc(func() {
		close(k.closing)
		_ = l.Close()
		k.running.Wait()
	})
	k.running.Go(k.accept)
	return k
}

func (k *socket) accept() {
	for {
		conn, err := k.Listener.Accept()
		if err == nil {
			k.figures.accepted.Add(1)
		}
		select {
		case k.accepted <- accepted{conn, err}:
		case <-k.closing:
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
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

// Accept returns the next connection of the socket.
func (s *share) Accept() (net.Conn, error) {
	select {
	case <-s.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case a := <-s.accepted:
		return a.conn, a.err
	case <-s.done:
	case <-s.closing:
	}
	return nil, net.ErrClosed
}

// Close ends the share, not the socket.
func (s *share) Close() error {
	s.end()
	return nil
}
