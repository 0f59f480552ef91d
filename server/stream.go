package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/pace"
)

// A stream is a request over HTTP/2 and its response. It watches that the client sends and
// takes enough. The connection below tells nothing about that: it has other streams.
type stream struct {
	http.ResponseWriter
	body    io.ReadCloser
	figures *figures
	// control is that of the ResponseWriter.
	control *http.ResponseController

	// mu is for those who end the stream from outside. done means that the handler has
	// returned: the ResponseWriter must not be used any more. wanted is the deadline that the
	// handler has set, or zero.
	mu     sync.Mutex
	done   bool
	wanted time.Time
	// context is the request's.
	context context.Context

	reads, writes pace.Op
	received      atomic.Int64
	// writing is odd while a write waits for the client. seen is what it was when the watch
	// looked last.
	writing atomic.Uint32
	seen    uint32
	// limit is the generation's. extended is when net/http's server has begun to count it, or
	// when that was noticed.
	limit         streamLimit
	extended      time.Time
	slow, overdue atomic.Bool
	answered      atomic.Bool
}

// A streamLimit is how long net/http's server lets a stream wait for the client, from its
// beginning, or from the latest extension. While the handler runs, it is extended. So it ends
// only streams whose handler has returned, and whose client does not take the rest. Zero is
// no limit.
type streamLimit struct {
	time.Duration
	// builtIn means that the server sets it for each stream by itself. That costs less than a
	// deadline for each.
	builtIn bool
}

// newStreamLimit returns the limit for a rate.
func newStreamLimit(r pace.Rate, builtIn bool) streamLimit {
	if !r.Demands() {
		return streamLimit{}
	}
	return streamLimit{max(r.LongestPause(), leastStreamLimit), builtIn}
}

// leastStreamLimit is many times as long as the watch takes to extend it.
const leastStreamLimit = 10 * time.Second

// handleStream handles a request over HTTP/2.
func (g *generation) handleStream(w http.ResponseWriter, r *http.Request) {
	s := &stream{ResponseWriter: w, figures: g.figures, control: http.NewResponseController(w), limit: g.streamLimit}
	s.context = r.Context()
	s.writes.Init(g.watch, g.responseRate, s.taken, s.endWrite)
	s.writes.Begin()
	defer s.finish()
	if r.Body != http.NoBody && g.bodyRate.Demands() && !mayBeQuiet(r) {
		s.reads.Init(g.watch, g.bodyRate, s.progress, s.endRead)
		s.body = r.Body
		r.Body = (*streamBody)(s)
		defer g.answerSlowStream(s, r)
	}
	g.handler.ServeHTTP(s, r)
}

// mayBeQuiet reports whether the client may send the parts of the body whenever it has
// something to say.
func mayBeQuiet(r *http.Request) bool {
	return r.Method == http.MethodConnect || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// taken tells the watch whether the client lets a write wait: the same write as when the
// watch looked last. It is called each second while the handler runs.
func (s *stream) taken() pace.Progress {
	count := s.writing.Load()
	same := count == s.seen
	s.seen = count
	if s.limit.builtIn {
		switch now := time.Now(); {
		case s.extended.IsZero():
			s.extended = now
		case now.Sub(s.extended) >= s.limit.Duration/4:
			s.extended = now
			// The watch must not wait for net/http's server, which may wait for the watch.
			go s.extend()
		}
	}
	return pace.Progress{Known: true, Owed: same && count%2 == 1}
}

// extend extends the limit.
func (s *stream) extend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done && !s.overdue.Load() {
		_ = s.control.SetWriteDeadline(s.earliest())
	}
}

// earliest returns when the stream ends, by the limit or by what the handler wants.
func (s *stream) earliest() time.Time {
	until := time.Now().Add(s.limit.Duration)
	if !s.wanted.IsZero() && s.wanted.Before(until) {
		return s.wanted
	}
	return until
}

// SetWriteDeadline sets a deadline for the handler, for http.ResponseController.
func (s *stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = t
	if s.limit.builtIn {
		t = s.earliest()
	}
	return s.control.SetWriteDeadline(t)
}

// progress is that of the body. A body whose response has begun may be quiet.
func (s *stream) progress() pace.Progress {
	return pace.Progress{Known: true, Bytes: s.received.Load(), Owed: !s.answered.Load()}
}

// endRead makes reading the body fail.
func (s *stream) endRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.slow.Store(true)
	s.figures.slowBodies.Add(1)
	_ = s.control.SetReadDeadline(past)
}

// endWrite resets the stream.
func (s *stream) endWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || s.context.Err() != nil {
		return
	}
	s.overdue.Store(true)
	s.figures.slowReaders.Add(1)
	_ = s.control.SetWriteDeadline(past)
}

// finish takes down that the handler has returned. net/http's server still sends the rest of
// the response, after the end of the context, and resets the stream at the limit.
func (s *stream) finish() {
	s.writes.End()
	s.mu.Lock()
	s.done = true
	s.mu.Unlock()
	if s.limit.Duration > 0 && !s.limit.builtIn {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.limit.Duration))
	}
}

// answerSlowStream answers a request whose body was too slow, if nothing else was answered.
// The handler has returned, or panics.
func (g *generation) answerSlowStream(s *stream, r *http.Request) {
	if s.slow.Load() && !s.answered.Load() {
		g.tellPanic(r, recover())
		clear(s.Header())
		localreply.Write(s.ResponseWriter, r, http.StatusRequestTimeout, http.StatusText(http.StatusRequestTimeout))
	}
}

// A streamBody is the body of a stream.
type streamBody stream

func (b *streamBody) Read(p []byte) (int, error) {
	b.reads.Begin()
	n, err := b.body.Read(p)
	b.reads.End()
	b.received.Add(int64(n))
	if err != nil && b.slow.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		err = pace.ErrSlowBody
	}
	return n, err
}

func (b *streamBody) Close() error { return b.body.Close() }

// WriteHeader sends an informational response, or begins the final one.
func (s *stream) WriteHeader(status int) {
	if s.slow.Load() && !s.answered.Load() {
		return // answerSlowStream answers
	}
	if status >= http.StatusOK {
		s.answered.Store(true)
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *stream) Write(p []byte) (int, error) {
	if s.unanswerable() {
		return 0, pace.ErrSlowBody
	}
	return pace.InParts(p, func(p []byte) (int, error) {
		s.writing.Add(1)
		n, err := s.ResponseWriter.Write(p)
		s.writing.Add(1)
		return n, s.cause(err)
	})
}

// WriteString writes a part of the body.
func (s *stream) WriteString(text string) (int, error) {
	if s.unanswerable() {
		return 0, pace.ErrSlowBody
	}
	return pace.InParts(text, func(text string) (int, error) {
		s.writing.Add(1)
		n, err := io.WriteString(s.ResponseWriter, text)
		s.writing.Add(1)
		return n, s.cause(err)
	})
}

// unanswerable begins the response, unless the body was too slow.
func (s *stream) unanswerable() bool {
	if s.answered.Load() {
		return false
	}
	if s.slow.Load() {
		return true
	}
	s.answered.Store(true)
	return false
}

func (s *stream) cause(err error) error {
	if err != nil && s.overdue.Load() {
		return pace.ErrNotTaken
	}
	return err
}

// Flush sends what was written.
func (s *stream) Flush() { _ = s.FlushError() }

// FlushError is Flush for http.ResponseController.
func (s *stream) FlushError() error {
	if s.unanswerable() {
		return pace.ErrSlowBody
	}
	s.writing.Add(1)
	err := s.control.Flush()
	s.writing.Add(1)
	return s.cause(err)
}

// Push is for handlers that look for an http.Pusher.
func (s *stream) Push(target string, opts *http.PushOptions) error {
	if p, ok := s.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// Unwrap lets http.ResponseController reach the writer below.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }
