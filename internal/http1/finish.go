package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"time"

	"github.com/lateengo/gateway/internal/pace"
)

// finish completes the response after the handler has returned. It reports whether the
// connection may carry another request.
func (w *response) finish() bool {
	x, c := w.x, w.x.conn
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	w.done = true
	if b := x.body; b != nil && !b.ended.Load() {
		if b.mu.TryLock() {
			b.mu.Unlock()
		} else {
			// A goroutine that the handler left behind waits for the client.
			b.stop()
			w.closing = true
		}
	}
	_ = w.sendPending()
	if w.chunking && x.request.Method != http.MethodHead {
		w.out.text("0\r\n")
		w.appendTrailers()
		w.out.text("\r\n")
	}
	_ = w.out.flush(c)
	x.ctx.release()
	w.endBody()
	x.ctx.cancel()
	if w.timed {
		_ = c.rwc.SetWriteDeadline(time.Time{})
	}
	if x.request.MultipartForm != nil {
		_ = x.request.MultipartForm.RemoveAll()
	}
	return w.reusable()
}

// endBody ends the use of the request's body.
func (w *response) endBody() {
	b := w.x.body
	if b == nil {
		return
	}
	b.stop()
	if b.ended.Load() {
		return
	}
	if !w.closing && b.failure == nil && w.out.failure == nil {
		b.mu.Lock()
		_ = w.x.conn.in.deadline.Want(time.Now().Add(restTime))
		ended := b.discard(longestRest + 1)
		b.mu.Unlock()
		if ended {
			return
		}
	}
	w.closing, w.lingering = true, true
}

// reusable reports whether the client knows where the next response begins.
func (w *response) reusable() bool {
	if w.closing || w.out.failure != nil {
		return false
	}
	short := w.contentLength >= 0 && w.contentLength != w.written
	return !short || w.x.request.Method == http.MethodHead || !hasBody(w.status)
}

// limitedBody is the type of what http.MaxBytesReader returns.
var limitedBody = reflect.TypeOf(http.MaxBytesReader(nil, http.NoBody, 0))

// tooLarge reports whether the handler has limited the request's body by
// http.MaxBytesReader, and the body was longer. The connection then ends, as with
// net/http's server, which is told so in a way that is only open to itself.
func (w *response) tooLarge() bool {
	limited := w.x.request.Body
	if reflect.TypeOf(limited) != limitedBody {
		return false
	}
	// A read of nothing returns the error of the read before.
	_, err := limited.Read(nil)
	var over *http.MaxBytesError
	return errors.As(err, &over)
}

// lingerTime is how long the server waits for a client to take note of the end of its
// connection, and lingerBytes how much it still reads meanwhile. A connection that is
// closed while there is something to read is reset, and the client may lose the
// response.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 20
)

// linger ends the sending side of the connection, and reads until the client does.
func (c *conn) linger() {
	if half, ok := c.rwc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	if c.in.failed != nil {
		return
	}
	_ = c.in.deadline.Want(time.Now().Add(lingerTime))
	c.in.drop()
	box := boxFor(32 << 10)
	defer put(box)
	for n := 0; n < lingerBytes; {
		m, err := c.in.deadline.Read(*box)
		if n += m; err != nil {
			return
		}
	}
}

// bottom returns the connection that carries conn. Closing it does not wait for the
// peer.
func bottom(conn net.Conn) net.Conn {
	for {
		above, ok := conn.(interface{ NetConn() net.Conn })
		_, paced := conn.(*pace.Conn) // which counts that it is closed
		if !ok || paced {
			return conn
		}
		conn = above.NetConn()
	}
}

var _ io.ReaderFrom = (*response)(nil)
