package upstream

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/http1/grammar"
	"github.com/lateengo/gateway/internal/upstream/internal/http1"
)

// An upload is a request body on its way to the backend. Its own goroutine
// writes it, because a backend may answer before it has read the whole body.
type upload struct {
	conn *http1.Conn
	r    *http.Request

	once  sync.Once
	timer *time.Timer
	// done is closed when the goroutine ends.
	done chan struct{}
	// started means that the goroutine runs, or did.
	started atomic.Bool
	// stopped tells the goroutine to end.
	stopped atomic.Bool
	// read means that the client has sent the whole body.
	read atomic.Bool
	// written means that the whole body has been forwarded.
	written atomic.Bool
	// failure is why the client's body could not be read.
	failure atomic.Pointer[clientError]
}

func newUpload(c *http1.Conn, r *http.Request) *upload {
	return &upload{conn: c, r: r, done: make(chan struct{})}
}

// start starts to send the body, if that has not started.
func (u *upload) start() {
	u.once.Do(func() {
		u.started.Store(true)
		go u.run()
	})
}

// startAfter starts to send the body after d.
func (u *upload) startAfter(d time.Duration) { u.timer = time.AfterFunc(d, u.start) }

// unread reports whether the client has not sent all of the body yet.
func (u *upload) unread() bool { return !u.read.Load() }

// failed returns why the body could not be read, or nil.
func (u *upload) failed() error {
	if err := u.failure.Load(); err != nil {
		return err
	}
	return nil
}

// uploadGrace is how long an upload may take to notice that it is complete, if
// the backend seems to have received everything.
const uploadGrace = 10 * time.Millisecond

// end stops the upload, and reports whether the whole body was sent. If not,
// the connection is closed. Under HTTP/1 a goroutine that waits for the client
// keeps waiting, until the client sends something or its request ends, but does
// nothing else: a read of net/http cannot be stopped without harm to what the
// server does afterwards.
func (u *upload) end(w http.ResponseWriter) bool {
	if u.timer != nil {
		u.timer.Stop()
	}
	never := false
	u.once.Do(func() { never = true })
	if never {
		return false
	}
	if u.read.Load() {
		select {
		case <-u.done:
		case <-time.After(uploadGrace):
		}
	}
	u.stopped.Store(true)
	if u.written.Load() {
		<-u.done
		return true
	}
	u.conn.Abort()
	switch {
	case u.read.Load():
		<-u.done
	case u.r.ProtoMajor != 1:
		if http.NewResponseController(w).SetReadDeadline(time.Now()) == nil {
			<-u.done
		}
	}
	return false
}

var uploadBuffers = sync.Pool{New: func() any {
	b := make([]byte, copyBufferSize)
	return &b
}}

func (u *upload) run() {
	defer close(u.done)
	box := uploadBuffers.Get().(*[]byte)
	defer uploadBuffers.Put(box)
	var err error
	if u.r.ContentLength >= 0 {
		err = u.sendFixed(*box)
	} else {
		err = u.sendChunked(*box)
	}
	if err == nil {
		u.written.Store(true)
		return
	}
	var client *clientError
	if errors.As(err, &client) {
		u.failure.Store(client)
		// The backend must not treat a partial body as complete.
		u.conn.Abort()
	}
	// Otherwise the backend does not want the rest, and may have said why.
}

var errStopped = errors.New("the exchange has ended")

// sendFixed sends a body of known length.
func (u *upload) sendFixed(buf []byte) error {
	for left := u.r.ContentLength; left > 0; {
		n, err := u.r.Body.Read(buf[:min(left, int64(len(buf)))])
		if u.stopped.Load() {
			return errStopped
		}
		if left -= int64(n); left == 0 {
			u.read.Store(true)
			err = nil
		}
		if n > 0 {
			if _, err := u.conn.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return &clientError{err}
		}
	}
	return nil
}

// chunkHead is the room for a chunk's size and line end.
const chunkHead = 10

// sendChunked sends a body of unknown length: each read of it becomes a chunk.
// Trailers follow.
func (u *upload) sendChunked(buf []byte) error {
	room := buf[chunkHead : len(buf)-2]
	for {
		n, err := u.r.Body.Read(room)
		if u.stopped.Load() {
			return errStopped
		}
		if err != nil && err != io.EOF {
			return &clientError{err}
		}
		if err == io.EOF {
			u.read.Store(true)
		}
		if n > 0 {
			var size [chunkHead]byte
			line := append(strconv.AppendUint(size[:0], uint64(n), 16), '\r', '\n')
			start := chunkHead - len(line)
			copy(buf[start:], line)
			end := chunkHead + n + copy(buf[chunkHead+n:], "\r\n")
			if _, err := u.conn.Write(buf[start:end]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			_, err := u.conn.Write(appendTrailer(append(buf[:0], "0\r\n"...), u.r.Trailer))
			return err
		}
	}
}

// appendTrailer appends the fields that a trailer may have, and the line that
// ends it.
func appendTrailer(out []byte, trailer http.Header) []byte {
	for _, key := range slices.Sorted(maps.Keys(trailer)) {
		if hopByHop(key) || indispensable(key) || !grammar.IsToken(key) {
			continue
		}
		for _, value := range trailer[key] {
			if !isHeaderValue(value) {
				continue
			}
			out = append(out, key...)
			out = append(out, ": "...)
			out = append(out, value...)
			out = append(out, "\r\n"...)
		}
	}
	return append(out, "\r\n"...)
}
