package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/pace"
)

// An idleStream is a request and its response on which bytes must move. It ends them
// otherwise, as Envoy does after stream_idle_timeout. It has one timer, which looks again
// when something has moved.
type idleStream struct {
	http.ResponseWriter
	request *http.Request
	body    io.ReadCloser
	limit   time.Duration
	cancel  context.CancelCauseFunc
	began   time.Time
	// moved is when something has moved, since began.
	moved atomic.Int64
	// received counts the body, of which complete means that there is no more.
	received int64
	complete atomic.Bool
	// timeout is set at the end.
	timeout atomic.Pointer[pace.StreamTimeout]

	// mu is for the timer.
	mu    sync.Mutex
	timer *time.Timer
	// answered means that the response has begun, and own that it is the handler's answer to
	// the timeout.
	answered, own bool
	// done means that the handler has returned: the ResponseWriter must not be used any more.
	done bool
	// conn is the connection, if the handler has hijacked it.
	conn net.Conn
}

// limitIdle limits the time in which nothing of a request moves.
func (g *generation) limitIdle(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &idleStream{ResponseWriter: w, request: r, limit: limit, began: time.Now()}
		ctx, cancel := context.WithCancelCause(pace.WithStreamTimeout(r.Context(), &s.timeout))
		s.cancel = cancel
		*r = *r.WithContext(ctx)
		s.complete.Store(r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0)
		if !s.complete.Load() {
			s.body = r.Body
			r.Body = (*idleBody)(s)
		}
		s.mu.Lock()
		s.timer = time.AfterFunc(limit, s.look)
		s.mu.Unlock()
		defer g.finishIdle(s)
		if hijack.Can(w) {
			next.ServeHTTP(hijackableStream{s}, r)
			return
		}
		next.ServeHTTP(s, r)
	})
}

// move takes down that n bytes have moved.
func (s *idleStream) move(n int) {
	if n > 0 {
		s.moved.Store(int64(time.Since(s.began)))
	}
}

// look ends the stream if nothing has moved for too long.
func (s *idleStream) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	if idle := time.Since(s.began) - time.Duration(s.moved.Load()); idle < s.limit {
		s.timer.Reset(s.limit - idle)
		return
	}
	t := &pace.StreamTimeout{Status: http.StatusRequestTimeout, Began: s.answered}
	if s.complete.Load() {
		t.Status = http.StatusGatewayTimeout
	}
	s.timeout.Store(t)
	if s.answered {
		s.cut()
	}
	s.cancel(t)
	if !s.answered && s.body != nil {
		_ = http.NewResponseController(s.ResponseWriter).SetReadDeadline(past)
	}
}

// cut ends the connection, or the stream of HTTP/2.
func (s *idleStream) cut() {
	switch w := s.ResponseWriter.(type) {
	case interface{ Cut() }:
		w.Cut()
		return
	case *stream:
		_ = w.control.SetWriteDeadline(past)
		return
	}
	conn := s.conn
	if c := guardIn(s.request); c != nil {
		conn = c
	}
	if conn != nil {
		_ = bottom(conn).Close()
	}
}

// finishIdle ends the use of the writer after the handler, and answers for it after the
// timeout.
func (g *generation) finishIdle(s *idleStream) {
	s.mu.Lock()
	t, answered, hijacked := s.timeout.Load(), s.answered, s.conn != nil
	if !hijacked {
		s.done = true
		s.timer.Stop()
	}
	s.mu.Unlock()
	if t == nil {
		if !hijacked {
			s.cancel(nil)
		}
		return
	}
	p := recover()
	g.tellPanic(s.request, p)
	switch {
	case hijacked, s.own && p == nil:
	case answered:
		panic(http.ErrAbortHandler)
	default:
		clear(s.Header())
		if s.request.ProtoMajor == 1 && !s.complete.Load() {
			s.Header()["Connection"] = []string{"close"}
		}
		localreply.Write(s.ResponseWriter, s.request, t.Status, pace.StreamTimeoutBody)
	}
}

// tellPanic counts and logs a panic after which the client gets an answer.
func (g *generation) tellPanic(r *http.Request, p any) {
	if p == nil || p == http.ErrAbortHandler {
		return
	}
	g.figures.panics.Add(1)
	stack := make([]byte, 64<<10)
	stack = stack[:runtime.Stack(stack, false)]
	g.log.Error(fmt.Sprintf("http: panic serving %v: %v\n%s", r.RemoteAddr, p, stack))
}

// begin begins the final response, and reports whether the handler may send it.
func (s *idleStream) begin(status int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.timeout.Load()
	if s.answered {
		return t == nil || s.own
	}
	if t != nil && t.Status != status {
		return false // finishIdle answers
	}
	s.answered, s.own = true, t != nil
	return true
}

// WriteHeader sends an informational response, or begins the final one.
func (s *idleStream) WriteHeader(status int) {
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		if s.timeout.Load() == nil {
			s.ResponseWriter.WriteHeader(status)
			s.move(1)
		}
		return
	}
	if s.begin(status) {
		s.ResponseWriter.WriteHeader(status)
		s.move(1)
	}
}

func (s *idleStream) Write(p []byte) (int, error) {
	if !s.begin(http.StatusOK) {
		return 0, s.timeout.Load()
	}
	return pace.InParts(p, func(p []byte) (int, error) {
		n, err := s.ResponseWriter.Write(p)
		s.move(n)
		return n, s.cause(err)
	})
}

// WriteString writes a part of the body.
func (s *idleStream) WriteString(text string) (int, error) {
	if !s.begin(http.StatusOK) {
		return 0, s.timeout.Load()
	}
	return pace.InParts(text, func(text string) (int, error) {
		n, err := io.WriteString(s.ResponseWriter, text)
		s.move(n)
		return n, s.cause(err)
	})
}

func (s *idleStream) cause(err error) error {
	if t := s.timeout.Load(); err != nil && t != nil {
		return t
	}
	return err
}

// Flush sends what was written.
func (s *idleStream) Flush() { _ = s.FlushError() }

// FlushError is Flush for http.ResponseController.
func (s *idleStream) FlushError() error {
	if !s.begin(http.StatusOK) {
		return s.timeout.Load()
	}
	return s.cause(http.NewResponseController(s.ResponseWriter).Flush())
}

// Push is for handlers that look for an http.Pusher.
func (s *idleStream) Push(target string, opts *http.PushOptions) error {
	if p, ok := s.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// Unwrap lets http.ResponseController reach the writer below.
func (s *idleStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// An idleBody is the body of an idleStream.
type idleBody idleStream

func (b *idleBody) Read(p []byte) (int, error) {
	s := (*idleStream)(b)
	n, err := s.body.Read(p)
	s.move(n)
	if s.received += int64(n); err == io.EOF || s.request.ContentLength >= 0 && s.received >= s.request.ContentLength {
		s.complete.Store(true)
	}
	if err != io.EOF {
		err = s.cause(err)
	}
	return n, err
}

func (b *idleBody) Close() error { return b.body.Close() }

// A hijackableStream is an idleStream over a connection that can be hijacked.
type hijackableStream struct{ *idleStream }

// Hijack gives the connection away. The limit then holds for both directions together, until
// the connection is closed.
func (w hijackableStream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	s := w.idleStream
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.timeout.Load(); t != nil {
		return nil, nil, t
	}
	conn, rw, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s.answered, s.conn = true, conn
	s.move(1)
	c := &idleConn{conn, s}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	early = slices.Clone(early)
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), c), max(len(early), 4<<10))
	_, _ = in.Peek(len(early))
	return c, bufio.NewReadWriter(in, bufio.NewWriter(c)), nil
}

// An idleConn is an upgraded connection on which bytes must move. It does not tell of the
// connection below: what moves there would not be seen.
type idleConn struct {
	net.Conn
	stream *idleStream
}

func (c *idleConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.stream.move(n)
	return n, err
}

func (c *idleConn) Write(p []byte) (int, error) {
	return pace.InParts(p, func(p []byte) (int, error) {
		n, err := c.Conn.Write(p)
		c.stream.move(n)
		return n, err
	})
}

// Close closes the connection, which ends the limit.
func (c *idleConn) Close() error {
	c.stream.mu.Lock()
	c.stream.done = true
	c.stream.timer.Stop()
	c.stream.mu.Unlock()
	err := c.Conn.Close()
	c.stream.cancel(nil)
	return err
}

// CloseWrite ends the sending side, if the connection can.
func (c *idleConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
