package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"time"
)

// Hijack gives the connection to the handler, with what the client has already sent.
// What the handler has written is sent first.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.done {
		panic("net/http: Hijack called after ServeHTTP finished")
	}
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	c := w.x.conn
	w.neverContinue()
	if w.wrote {
		w.completeHead(nil)
		_ = w.out.flush(c)
	}
	w.x.ctx.release()
	if w.x.body != nil {
		w.x.body.stop()
	}
	w.hijacked = true
	w.out.release()
	rest := bytes.Clone(c.in.unread())
	c.in.drop()
	_ = c.in.deadline.Want(time.Time{})
	c.in.deadline.Settle()
	_ = c.rwc.SetWriteDeadline(time.Time{})
	c.server.hijacked(c)
	in := bufio.NewReader(c.rwc)
	if len(rest) > 0 {
		in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(rest), c.rwc), max(len(rest), smallest))
		_, _ = in.Peek(len(rest))
	}
	return c.rwc, bufio.NewReadWriter(in, bufio.NewWriter(c.rwc)), nil
}

// Cut ends the connection at once, from any goroutine, while the handler runs.
func (w *response) Cut() { w.x.conn.kill() }
