package http1

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A response is the http.ResponseWriter of a request. It behaves like net/http's, and
// also is an http.Flusher, http.Hijacker, io.ReaderFrom, io.StringWriter and, for what
// it is worth, an http.CloseNotifier. One goroutine at a time may use it.
//
// WriteHeader writes the handler's headers to the output at once. What follows from
// the body, such as its length, is added when the head is completed: when the first
// part of the body leaves, at a Flush, or after the handler.
type response struct {
	x      *exchange
	status int
	// wrote means that WriteHeader was called. completed means that the output has
	// the whole head. done means that the handler has returned.
	wrote, completed, done bool
	hijacked               bool

	// contentLength is that of the handler or, once known, of the body; or -1.
	contentLength int64
	// written counts the body.
	written int64
	said    wishes
	// chunking means that the body is sent in chunks.
	chunking bool
	// trailers are the names that the head announces.
	trailers []string

	// closing means that the connection ends with the response, and lingering that
	// the client may not have sent its whole body.
	closing, lingering bool
	fullDuplex         bool
	// timed means that the connection has a deadline for writes.
	timed bool

	// awaited means that the client waits for a 100. continuing orders it with
	// other writes.
	awaited    atomic.Bool
	continuing sync.Mutex

	out output
}

// Header returns the header that WriteHeader will send.
func (w *response) Header() http.Header {
	if w.x.answer == nil {
		w.x.answer = make(http.Header)
	}
	return w.x.answer
}

// WriteHeader sends an informational response, or begins the final one.
func (w *response) WriteHeader(status int) {
	switch {
	case w.done:
		return
	case w.hijacked:
		w.complain("response.WriteHeader on hijacked connection")
		return
	case w.wrote:
		w.complain("superfluous response.WriteHeader call")
		return
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if status <= 100 || status >= 200 {
		w.neverContinue()
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	w.wrote, w.status = true, status
	w.out.open()
	w.beginHead()
}

// Write writes a part of the body.
func (w *response) Write(p []byte) (int, error) {
	if err := w.admit(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	if err := w.add(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString writes a part of the body.
func (w *response) WriteString(s string) (int, error) {
	if err := w.admit(len(s)); err != nil || s == "" {
		return 0, err
	}
	if w.holds(len(s)) {
		w.out.pending = append(w.out.room(), s...)
		return len(s), nil
	}
	if err := w.add([]byte(s)); err != nil {
		return 0, err
	}
	return len(s), nil
}

var errReturned = errors.New("http: use of a ResponseWriter after its handler has returned")

// admit begins a write of n bytes.
func (w *response) admit(n int) error {
	if w.done {
		return errReturned
	}
	if w.hijacked {
		if n > 0 {
			w.complain("response.Write on hijacked connection")
		}
		return http.ErrHijacked
	}
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if n == 0 {
		return nil
	}
	if !hasBody(w.status) {
		return http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.contentLength >= 0 && w.written > w.contentLength {
		return http.ErrContentLength
	}
	return nil
}

// pendingLength is the length of a body up to which the server finds its length out
// by waiting for the end. Later it is the length of chunks made of short writes.
const pendingLength = 2 << 10

// add adds a part of the body.
func (w *response) add(p []byte) error {
	if w.holds(len(p)) {
		w.out.pending = append(w.out.room(), p...)
		return nil
	}
	if len(w.out.pending) > 0 {
		n := min(pendingLength-len(w.out.pending), len(p))
		w.out.pending = append(w.out.pending, p[:n]...)
		if err := w.sendPending(); err != nil || n == len(p) {
			return err
		}
		return w.add(p[n:])
	}
	if !w.completed {
		w.completeHead(p)
	}
	return w.send(p)
}

// holds reports whether n bytes of the body are held back for a while.
func (w *response) holds(n int) bool {
	if w.completed && !w.chunking || !w.completed && w.ready() {
		return false
	}
	return len(w.out.pending)+n <= pendingLength
}

// ready reports whether the head can be completed with the first part of the body,
// because no later part would change it.
func (w *response) ready() bool {
	return w.contentLength >= 0 && len(w.out.pending) == 0 && (w.said.contentType || w.said.encoded) && (w.x.body == nil || w.x.body.ended.Load())
}

// sendPending sends the part of the body that was held back.
func (w *response) sendPending() error {
	pending := w.out.pending
	if !w.completed {
		w.completeHead(pending)
	}
	w.out.pending = pending[:0]
	return w.send(pending)
}

// send sends a part of the body after the complete head.
func (w *response) send(p []byte) error {
	switch {
	case len(p) == 0 || w.x.request.Method == http.MethodHead:
		return w.out.failure
	case w.chunking:
		w.out.chunk(len(p))
		err := w.out.write(w.x.conn, p)
		w.out.text("\r\n")
		return err
	}
	return w.out.write(w.x.conn, p)
}

// Flush sends what has been written so far.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	switch {
	case w.done:
		return errReturned
	case w.hijacked:
		return http.ErrHijacked
	case !w.wrote:
		w.WriteHeader(http.StatusOK)
	}
	_ = w.sendPending()
	return w.out.flush(w.x.conn)
}

// sniffLength is how much of a body tells its type.
const sniffLength = 512

// ReadFrom copies a body. The kernel does it if it can: from a file or another
// connection, without chunks and TLS.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	box := boxFor(32 << 10)
	defer put(box)
	to, ok := w.x.conn.rwc.(io.ReaderFrom)
	if !ok || w.hijacked {
		return io.CopyBuffer(writerOnly{w}, src, *box)
	}
	if !w.completed {
		// The beginning comes first: it tells the type, and whether src can be read.
		if n, err = io.CopyBuffer(writerOnly{w}, io.LimitReader(src, sniffLength), *box); err != nil || n < sniffLength {
			return n, err
		}
	}
	if err := w.FlushError(); err != nil {
		return n, err
	}
	if w.chunking || !hasBody(w.status) || w.x.request.Method == http.MethodHead {
		m, err := io.CopyBuffer(writerOnly{w}, src, *box)
		return n + m, err
	}
	m, err := to.ReadFrom(src)
	w.written += m
	return n + m, err
}

// writerOnly hides every method but Write.
type writerOnly struct{ io.Writer }

// SetReadDeadline sets the deadline for reading the request's body.
func (w *response) SetReadDeadline(t time.Time) error { return w.x.conn.in.deadline.Want(t) }

// SetWriteDeadline sets the deadline for sending the response.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.timed = true
	return w.x.conn.rwc.SetWriteDeadline(t)
}

// EnableFullDuplex lets the handler read the body after it has begun to answer.
func (w *response) EnableFullDuplex() error {
	w.fullDuplex = true
	return nil
}

// CloseNotify returns a channel that receives a value when the client leaves.
func (w *response) CloseNotify() <-chan bool {
	left := make(chan bool, 1)
	w.x.ctx.AfterFunc(func() {
		if w.x.ctx.left() {
			left <- true
		}
	})
	return left
}

// RequestForgotten tells that when the handler returns nothing will refer to the
// request, its header, URL or context, or to the writer and its header, so that their
// memory can be used for another request. Strings may be kept.
func (w *response) RequestForgotten() { w.x.forgotten = true }

// neverContinue takes back the offer of a 100.
func (w *response) neverContinue() {
	if w.awaited.Load() {
		w.continuing.Lock()
		w.awaited.Store(false)
		w.continuing.Unlock()
	}
}

// sendContinue tells a client that waits for it to send the body.
func (w *response) sendContinue() {
	if !w.awaited.Load() {
		return
	}
	w.continuing.Lock()
	defer w.continuing.Unlock()
	if w.awaited.Load() {
		w.awaited.Store(false)
		_, _ = io.WriteString(w.x.conn.rwc, "HTTP/1.1 100 Continue\r\n\r\n")
	}
}

// complain logs a mistake of a handler, with its place.
func (w *response) complain(about string) {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if more && strings.HasPrefix(frame.Function, "net/http.") {
			continue
		}
		w.x.conn.server.log(slog.LevelWarn, fmt.Sprintf("http: %s from %s (%s:%d)", about, frame.Function, path.Base(frame.File), frame.Line))
		return
	}
}

// hasBody reports whether a response with the status may have a body.
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
