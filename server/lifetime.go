package server

import (
	"context"
	"slices"
	"sync"
)

// A lifetime is the context of the requests on a connection. It ends when the
// client leaves or the connection is closed, which whoever closes it has to say.
//
// It is a context of its own for the sake of memory: there is one for each idle
// connection, with one context below it, for which package context keeps a map in
// this one and an entry in the one above.
type lifetime struct {
	// Context is the server's, for its values. Its end is not this one's.
	context.Context
	conn *guardedConn
	done chan struct{}

	mu    sync.Mutex
	err   error
	after []*func()
}

func newLifetime(server context.Context, c *guardedConn) *lifetime {
	return &lifetime{Context: server, conn: c, done: make(chan struct{})}
}

// end ends the lifetime. It may do so more than once.
func (l *lifetime) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = context.Canceled
	close(l.done)
	for _, f := range l.after {
		go (*f)()
	}
	l.after = nil
}

func (l *lifetime) Done() <-chan struct{} { return l.done }

func (l *lifetime) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

type guardKey struct{}

func (l *lifetime) Value(key any) any {
	if key == (guardKey{}) {
		return l.conn
	}
	return l.Context.Value(key)
}

// AfterFunc calls f in a goroutine of its own after the end. Package context calls
// it for the contexts below.
func (l *lifetime) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	entry := &f
	l.after = append(l.after, entry)
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		i := slices.Index(l.after, entry)
		if i >= 0 {
			l.after = slices.Delete(l.after, i, i+1)
		}
		return i >= 0
	}
}
