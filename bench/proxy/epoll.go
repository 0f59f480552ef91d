//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// An epollLoop is clients that send requests in a loop, all on one thread: the
// part of the machine that they use is not available to proxies.
type epollLoop struct {
	epoll   int
	clients map[int32]*epollClient
	events  []syscall.EpollEvent
}

// An epollClient is one connection, and the beginning of a response on it.
type epollClient struct {
	*connection
	fd  int
	got int
}

func newEpollLoop(address string, n int) (*epollLoop, error) {
	l := &epollLoop{epoll: -1, clients: map[int32]*epollClient{}, events: make([]syscall.EpollEvent, n)}
	connections, err := dialAll(address, n)
	if err != nil {
		return nil, err
	}
	for _, c := range connections {
		// The connection keeps the descriptor, which does not block.
		raw, err := c.Conn.(syscall.Conn).SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { l.clients[int32(fd)] = &epollClient{connection: c, fd: int(fd)} })
		}
		if err != nil {
			closeAll(connections)
			return nil, err
		}
	}
	if l.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err == nil {
		for fd := range l.clients {
			err = errors.Join(err, syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: fd}))
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *epollLoop) close() {
	for _, c := range l.clients {
		c.Close()
	}
	if l.epoll >= 0 {
		syscall.Close(l.epoll)
	}
}

var smallRequestBytes = []byte(smallRequest)

// run makes every client send requests for d, and waits for the last answers.
func (l *epollLoop) run(d time.Duration) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, c := range l.clients {
		if err := c.send(); err != nil {
			return 0, err
		}
	}
	end := time.Now().Add(d)
	done, pending := 0, len(l.clients)
	for pending > 0 {
		n, err := syscall.EpollWait(l.epoll, l.events, 10_000)
		if err == syscall.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("requests have no answer")
		}
		if err != nil {
			return done, err
		}
		over := time.Now().After(end)
		for _, event := range l.events[:n] {
			c := l.clients[event.Fd]
			answered, err := c.receive()
			if err != nil {
				return done, err
			}
			if !answered {
				continue
			}
			if done++; over {
				pending--
			} else if err := c.send(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// send sends a request. A socket always has room for it.
func (c *epollClient) send() error {
	n, err := syscall.Write(c.fd, smallRequestBytes)
	if err == nil && n < len(smallRequestBytes) {
		err = errors.New("a request was not sent whole")
	}
	return err
}

// receive reads the available data, and reports whether it ends a response.
func (c *epollClient) receive() (bool, error) {
	n, err := syscall.Read(c.fd, c.buf[c.got:])
	switch {
	case err == syscall.EAGAIN:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading a response: %w", err)
	case n == 0:
		return false, errors.New("the connection ended, or a response is too long")
	}
	c.got += n
	end := bytes.Index(c.buf[:c.got], headEnd)
	if end < 0 {
		return false, nil
	}
	length, err := responseLength(c.buf[:end+2])
	if err != nil {
		return false, err
	}
	whole := end + len(headEnd) + int(length)
	if c.got > whole {
		return false, errors.New("more came than a response")
	}
	if c.got < whole {
		return false, nil
	}
	c.got = 0
	return true, nil
}
