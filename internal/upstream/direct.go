package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/lateengo/gateway/internal/http1/grammar"
	"github.com/lateengo/gateway/internal/upstream/internal/http1"
	"github.com/lateengo/gateway/internal/upstream/internal/limits"
)

// A direct is a client that owns its connections: a request's goroutine writes
// the request and reads the response. Only the request's body has its own
// goroutine, because the response may arrive while the body is sent.
type direct struct {
	config *Config
	host   *host
	limits http1.Limits
	pool   http1.Pool
	// gate is nil if there are no limits.
	gate *gate[*http1.Conn]
}

func newDirect(c *Config, h *host, b *limits.Breaker) *direct {
	d := &direct{
		config: c, host: h,
		limits: http1.Limits{Bytes: c.MaxHeaderBytes, Fields: c.MaxHeaders},
		pool:   http1.Pool{Max: max(c.MaxIdle, 0), IdleTimeout: c.IdleTimeout, MaxAge: c.MaxConnectionDuration},
	}
	if b != nil {
		d.gate = newGate[*http1.Conn](b, &d.pool, 1)
	}
	return d
}

func (d *direct) closeIdle() { d.pool.Close() }

// A directExchange is the memory that one exchange needs.
type directExchange struct {
	exchange
	conn *http1.Conn
	head http1.Head
	body http1.Body
	out  []byte
	// upload is nil if the request has no body.
	upload *upload
	// unflushed means that w may hold unsent data.
	unflushed bool
	// answered is set when the head of the final response has been read.
	answered bool
}

var directExchanges = sync.Pool{New: func() any { return &directExchange{out: make([]byte, 0, 2<<10)} }}

// maxKeptOut is the largest request head whose buffer is kept.
const maxKeptOut = 16 << 10

func (d *direct) serve(x exchange) (sent bool, err error) {
	e := directExchanges.Get().(*directExchange)
	e.exchange = x
	err = d.attempt(e)
	sent = e.sent
	e.reset()
	directExchanges.Put(e)
	return sent, err
}

// reset keeps the parts of e that another exchange can use.
func (e *directExchange) reset() {
	clear(e.head.Fields)
	clear(e.body.Trailer)
	if cap(e.out) > maxKeptOut {
		e.out = nil
	}
	e.exchange, e.conn, e.upload = exchange{}, nil, nil
	e.head.Reset()
	e.body = http1.Body{Trailer: e.body.Trailer}
	e.unflushed, e.answered = false, false
}

// attempt makes one exchange, on a used connection if there is one. If the
// backend closed that connection while it was idle, another one is used: always
// if nothing was written, and otherwise only if the request may be repeated, as
// in net/http.
func (d *direct) attempt(e *directExchange) error {
	var err error
	if e.out, err = e.appendHead(e.out[:0], d.config.MaxIdle < 0); err != nil {
		return &requestError{err}
	}
	p := d.config.purposeOf(e.r)
	name := p.name()
	for fresh := false; ; {
		c, err := d.connect(&e.exchange, &p, name, fresh)
		if err != nil {
			return err
		}
		e.host.monitor.Connected()
		reused, sent := c.Served() > 0, e.sent
		err = e.run(d, c)
		if err == nil {
			return nil
		}
		if !reused || e.answered || c.Received() || e.upload != nil || e.r.Context().Err() != nil {
			return err
		}
		if e.sent != sent && !repeatable(e.r) {
			return err
		}
		if !errors.Is(err, http1.ErrStale) {
			fresh = true
		}
	}
}

// repeatable reports whether a request without a body may be sent again although
// a backend may have received it.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !hasBody(r)
	}
	return !hasBody(r) && (r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil)
}

// connect returns an idle connection for a purpose, or a new one. name is the
// purpose's name. With a gate, the request has begun when connect returns.
func (d *direct) connect(x *exchange, p *purpose, name string, fresh bool) (*http1.Conn, error) {
	ctx := x.r.Context()
	if d.gate != nil {
		if c, err := d.gate.enter(ctx, name, fresh); c != nil || err != nil {
			return c, err
		}
	} else if !fresh {
		if c := d.pool.Get(name); c != nil {
			return c, nil
		}
	}
	conn, err := d.config.connect(ctx, d.host, p, x.connectTimeout(d.config))
	if err != nil {
		if d.gate != nil {
			d.gate.failed(ctx, name, err)
		}
		return nil, err
	}
	c := http1.NewConn(conn, &d.limits)
	c.Name = name
	if d.gate != nil {
		c.Closed = d.gate.closed
		return d.gate.opened(name, c)
	}
	return c, nil
}

// release ends the exchange on c. If c is reusable, others may use it then.
func (d *direct) release(c *http1.Conn, reusable bool) {
	if d.gate != nil {
		d.gate.end()
	}
	most := d.config.MaxRequestsPerConnection
	reusable = reusable && (most == 0 || c.Served()+1 < most)
	switch {
	case !c.End(reusable):
	case d.gate != nil:
		d.gate.give(c.Name, c)
	default:
		if dead := d.pool.Put(c); dead != nil {
			dead.Close()
		}
	}
}

// run makes the exchange on c. On an error, nothing was written to the client.
func (e *directExchange) run(d *direct, c *http1.Conn) error {
	e.conn = c
	reusable := false
	c.Begin(e.r.Context())
	defer func() {
		if e.upload != nil {
			reusable = e.upload.end(e.w) && reusable
		}
		d.release(c, reusable)
	}()
	if err := e.send(); err != nil {
		return e.cause(err)
	}
	if err := e.readHead(); err != nil {
		return e.cause(err)
	}
	e.answered = true
	if e.head.Status == http.StatusSwitchingProtocols {
		if e.upgrade == "" || e.upload != nil || !strings.EqualFold(e.head.Get("Upgrade"), e.upgrade) {
			return errUnasked
		}
		e.reportHead(e.head.Status, e.head.Get)
		e.switchProtocols()
		return nil
	}
	e.reportHead(e.head.Status, e.head.Get)
	e.respond()
	e.reportEnd()
	reusable = !e.head.Close && d.config.MaxIdle > 0
	return nil
}

// cause returns the reason for err: the failure to read the client's body, if
// that is what happened.
func (e *directExchange) cause(err error) error {
	if e.upload != nil {
		if failed := e.upload.failed(); failed != nil {
			return failed
		}
	}
	var malformed http1.ProtocolError
	if errors.As(err, &malformed) || errors.Is(err, http1.ErrStale) || errors.Is(err, errTooManyInformational) {
		return err
	}
	return &brokenError{err}
}

var (
	errUnasked              = errors.New("a switch of protocols that was not asked for")
	errTooManyInformational = errors.New("too many informational responses")
)

// longHead is the length from which sending a request's head may have to wait.
const longHead = 16 << 10

// send writes the request's head, and starts to send its body.
func (e *directExchange) send() error {
	if len(e.out) > longHead {
		e.conn.Watch()
	}
	if !hasBody(e.r) {
		n, err := e.conn.Send(e.out)
		e.sent = e.sent || n > 0
		return err
	}
	if err := e.conn.Check(); err != nil {
		return err
	}
	n, err := e.conn.Write(e.out)
	e.sent = e.sent || n > 0
	if err != nil {
		return err
	}
	e.upload = newUpload(e.conn, e.r)
	if expectsContinue(e.r) {
		e.upload.startAfter(continueTimeout)
	} else {
		e.upload.start()
	}
	return nil
}

// readHead reads the head of the final response, and forwards the informational
// ones before it.
func (e *directExchange) readHead() error {
	for {
		if err := e.conn.ReadHead(&e.head); err != nil {
			return err
		}
		status := e.head.Status
		if status >= 200 || status == http.StatusSwitchingProtocols {
			return nil
		}
		if err := e.forwardInformational(); err != nil {
			return err
		}
	}
}

// forwardInformational forwards a response with a status of 1xx.
func (e *directExchange) forwardInformational() error {
	if !e.inform(e.head.Status, e.header()) {
		return errTooManyInformational
	}
	if e.head.Status == http.StatusContinue && e.upload != nil {
		e.upload.start()
	}
	return nil
}

// header returns the header of the response.
func (e *directExchange) header() http.Header {
	h := make(http.Header, len(e.head.Fields))
	for _, f := range e.head.Fields {
		h[f.Key] = append(h[f.Key], f.Value)
	}
	return h
}

// respond sends the response to the client.
func (e *directExchange) respond() {
	header := e.w.Header()
	addFields(header, &e.head)
	e.addCookie(header)
	if e.upload != nil && e.upload.unread() && e.r.ProtoMajor == 1 {
		// The client may never send the rest.
		header["Connection"] = []string{"close"}
	}
	e.body.Reset(e.conn, &e.head, e.r.Method)
	if e.head.Bodiless(e.r.Method) {
		e.w.WriteHeader(e.head.Status)
		return
	}
	noSniff(header)
	var announced []string
	if e.head.Chunked {
		announced = announceFields(header, &e.head)
	}
	e.w.WriteHeader(e.head.Status)
	e.unflushed = true
	e.conn.SetWaiter(e)
	e.relayBody()
	e.conn.SetWaiter(nil)
	if len(e.body.Trailer) > 0 {
		e.sendTrailer(announced)
	}
}

// BeforeWait sends the available data to the client before a read that waits.
func (e *directExchange) BeforeWait() {
	if e.unflushed {
		e.unflushed = false
		e.flush()
	}
}

// spliceLength is the minimum length of a body that the kernel copies from one
// connection to the other, if it can. Below that a copy is faster and costs
// hardly more, because the data stays in the processor's caches.
const spliceLength = 2 << 20

// relayBody copies the body as it arrives.
func (e *directExchange) relayBody() {
	for {
		if left := e.body.Fixed(); left >= spliceLength && len(e.conn.Buffered()) == 0 && e.splice(left) {
			return
		}
		p, err := e.body.Next()
		if len(p) > 0 {
			if _, err := e.w.Write(p); err != nil {
				abort()
			}
			e.unflushed = true
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			// The client must get the data that arrived.
			e.BeforeWait()
			e.cut()
		}
	}
}

// splice copies the rest of the body in one call, if w supports that.
func (e *directExchange) splice(left int64) bool {
	backend, ok := e.conn.NetConn().(*net.TCPConn)
	if !ok || e.r.ProtoMajor != 1 || e.r.TLS != nil {
		return false
	}
	to, ok := e.w.(io.ReaderFrom)
	if !ok {
		return false
	}
	e.conn.Watch()
	e.BeforeWait()
	n, err := to.ReadFrom(&io.LimitedReader{R: backend, N: left})
	switch {
	case err != nil:
		abort() // nobody knows on which of the two connections
	case n != left:
		e.cut()
	}
	e.body.Skip(n)
	return true
}

// sendTrailer sends the trailer of the body that was read.
func (e *directExchange) sendTrailer(announced []string) {
	trailer := make(http.Header, len(e.body.Trailer))
	for _, f := range e.body.Trailer {
		trailer[f.Key] = append(trailer[f.Key], f.Value)
	}
	e.addTrailers(trailer, func(key string) bool {
		for _, name := range announced {
			if name == key {
				return true
			}
		}
		return false
	})
}

// addFields adds the end-to-end headers of a response to header.
func addFields(header http.Header, head *http1.Head) {
	var names nominations
	if head.Nominates {
		names = nominatedBy(head.Values("Connection"))
	}
	values := make([]string, len(head.Fields))
	for i := range head.Fields {
		f := &head.Fields[i]
		if hopByHop(f.Key) || names != nil && names.has(f.Key) && !indispensable(f.Key) {
			continue
		}
		values[i] = f.Value
		if before, ok := header[f.Key]; ok {
			header[f.Key] = append(before, f.Value)
		} else {
			header[f.Key] = values[i : i+1 : i+1]
		}
	}
}

// announceFields announces the trailers that a response's head announces.
func announceFields(header http.Header, head *http1.Head) []string {
	values := head.Values("Trailer")
	if values == nil {
		return nil
	}
	var names []string
	for name := range tokens(values) {
		if key := http.CanonicalHeaderKey(name); !hopByHop(key) && !indispensable(key) && grammar.IsToken(key) {
			names = append(names, key)
		}
	}
	if names != nil {
		header["Trailer"] = append(header["Trailer"], names...)
	}
	return names
}

// switchProtocols joins the client's connection with the backend's.
func (e *directExchange) switchProtocols() {
	h := e.header()
	// Reads have no deadline any more. Watch closes the connection when the
	// context ends.
	e.conn.Watch()
	e.tunnel(h, e.conn.NetConn(), e.conn.Buffered())
}
