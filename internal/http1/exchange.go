package http1

import (
	"net/http"
	"net/url"
	"sync"
)

// An exchange is one request and its response: all the memory that both need, but for
// the text of the head and the body.
//
// Handlers may keep any part of it after they have returned. So it is used again only
// if the handler has said that nothing refers to it: see RequestForgotten.
type exchange struct {
	conn    *conn
	request http.Request
	url     url.URL
	framing
	ctx      requestContext
	response response
	body     *body
	// header, values and answer are the memory of the headers.
	header http.Header
	values []string
	answer http.Header
	// forgotten means that the exchange can be used again.
	forgotten bool
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// newExchange returns an exchange for the next request of c.
func newExchange(c *conn) *exchange {
	x := exchanges.Get().(*exchange)
	x.conn = c
	x.response.x, x.response.contentLength = x, -1
	x.ctx.c = c
	return x
}

// end makes the memory of x available, if nothing refers to it.
func (x *exchange) end() {
	if !x.forgotten || x.body != nil || x.ctx.asked.Load() {
		return
	}
	if len(x.values) > maxKeptLines || len(x.answer) > maxKeptLines {
		return
	}
	clear(x.header)
	clear(x.values)
	clear(x.answer)
	*x = exchange{header: x.header, values: x.values[:0], answer: x.answer}
	exchanges.Put(x)
}

// maxKeptLines is the largest number of header lines whose memory is used again.
const maxKeptLines = 64

// room returns an empty header, and values for n lines.
func (x *exchange) room(n int) (http.Header, []string) {
	if x.header == nil {
		x.header = make(http.Header, n)
	}
	if cap(x.values) < n {
		x.values = make([]string, n)
	}
	x.values = x.values[:n]
	return x.header, x.values
}

// bind completes the request with what belongs to the connection.
func (x *exchange) bind() {
	c, r := x.conn, &x.request
	r.RemoteAddr, r.TLS = c.remote, c.tls
	r.Body = http.NoBody
	if x.chunked || x.length > 0 {
		x.body = newBody(x)
		r.Body = x.body
		x.response.awaited.Store(x.expects && r.ProtoMinor > 0)
	}
	x.ctx.bodyRead = x.body == nil
	*r = *r.WithContext(&x.ctx)
}
