package upstream

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream/internal/limits"
)

// A netHTTP is a client that uses net/http's connections. It chooses among them
// itself, so that limits apply as they do for a direct.
type netHTTP struct {
	config *Config
	host   *host
	// transport makes a connection from what dial returns. It keeps none.
	transport http.Transport
	scheme    string
	pool      *streamPool
	gate      *gate[*streamConn]
}

// continueTimeout is how long a client that expects a 100 waits for it if the
// backend sends none.
const continueTimeout = time.Second

func newNetHTTP(c *Config, h *host, b *limits.Breaker) *netHTTP {
	n := &netHTTP{config: c, host: h, scheme: "http", pool: newStreamPool(c)}
	if b == nil {
		b = new(limits.Breaker)
	}
	n.gate = newGate[*streamConn](b, n.pool, n.pool.streams)
	protocols := new(http.Protocols)
	switch {
	case c.Protocol == HTTP1:
		protocols.SetHTTP1(true)
	case c.TLS != nil:
		protocols.SetHTTP2(true)
	default:
		protocols.SetUnencryptedHTTP2(true)
	}
	n.transport = http.Transport{
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: c.PingInterval, PingTimeout: c.PingTimeout},
		DisableCompression:     true,
		DisableKeepAlives:      c.MaxIdle < 0,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: int64(c.MaxHeaderBytes),
		DialContext:            dialed,
	}
	if c.TLS != nil {
		n.scheme = "https"
		n.transport.DialTLSContext = dialed
	}
	return n
}

func (n *netHTTP) closeIdle() { n.pool.closeIdle() }

// dialedKey is the key of the connection that a transport is to use.
type dialedKey struct{}

// dialed gives the transport a connection that exists already.
func dialed(ctx context.Context, _, _ string) (net.Conn, error) {
	return ctx.Value(dialedKey{}).(net.Conn), nil
}

// connect returns a connection for a purpose that can carry another request,
// which has begun then, or a new one. name is the purpose's name.
func (n *netHTTP) connect(x *exchange, p *purpose, name string, fresh bool) (c *streamConn, reused bool, err error) {
	ctx := x.r.Context()
	if c, err = n.gate.enter(ctx, name, fresh); c != nil || err != nil {
		return c, true, err
	}
	if c, err = n.dial(x, p, name); err != nil {
		n.gate.failed(ctx, name, err)
		return nil, false, err
	}
	n.pool.Add(c)
	c, err = n.gate.opened(name, c)
	return c, false, err
}

// dial makes a connection.
func (n *netHTTP) dial(x *exchange, p *purpose, name string) (*streamConn, error) {
	ctx := x.r.Context()
	conn, err := n.config.connect(ctx, n.host, p, x.connectTimeout(n.config))
	if err != nil {
		return nil, err
	}
	if n.config.Protocol == HTTP1 {
		conn = newPatientConn(conn)
	}
	// The address is not used.
	made, err := n.transport.NewClientConn(context.WithValue(ctx, dialedKey{}, conn), n.scheme, "upstream:0")
	if err != nil {
		conn.Close()
		return nil, &dialError{err}
	}
	c := &streamConn{ClientConn: made, name: name, made: time.Now(), closed: n.gate.closed}
	if n.pool.http2 {
		// The backend may raise its limit, and streams end shortly after
		// exchanges.
		made.SetStateHook(func(*http.ClientConn) { n.gate.freed(name) })
	}
	return c, nil
}

func (n *netHTTP) serve(x exchange) (sent bool, err error) {
	p := n.config.purposeOf(x.r)
	name := p.name()
	for fresh := false; ; fresh = true {
		c, reused, err := n.connect(&x, &p, name, fresh)
		if err != nil {
			return x.sent, err
		}
		again, err := n.exchange(&x, c)
		if !again || !reused {
			return x.sent, err
		}
	}
}

// exchange makes the exchange on c. again means that it failed because a used c
// had ended, and that the request may be sent again, as with a direct.
func (n *netHTTP) exchange(x *exchange, c *streamConn) (again bool, err error) {
	x.host.monitor.Connected()
	defer func() {
		n.gate.end()
		n.gate.give(c.name, c)
	}()
	body := newRequestBody(x.r)
	if body != nil {
		defer body.Close()
	}
	request, trace := n.request(x, body)
	response, err := c.RoundTrip(request)
	trace.end()
	if err != nil {
		return n.failed(x, c, body, trace, err)
	}
	x.sent = true
	unread := body != nil && !body.read.Load()
	if unread && response.StatusCode >= 300 && n.config.Protocol == HTTP1 {
		// net/http would keep the connection if the rest of the body were sent in
		// time. But a backend that refuses a body often closes the connection,
		// and the next request would meet that.
		defer c.ClientConn.Close()
	}
	defer response.Body.Close()
	return false, x.answer(response, unread)
}

// failed returns why there is no response.
func (n *netHTTP) failed(x *exchange, c *streamConn, body *requestBody, trace *informer, err error) (again bool, cause error) {
	if isUnused(err) {
		return true, &brokenError{err}
	}
	x.sent = true
	if body != nil {
		if failed := body.failure.Load(); failed != nil {
			return false, *failed
		}
	}
	switch {
	case x.r.Context().Err() != nil:
		return false, err
	case !trace.written.Load() && c.Err() == nil:
		x.sent = false
		return false, &requestError{err}
	}
	return n.config.Protocol == HTTP1 && !trace.answered.Load() && body == nil && isBroken(err) && repeatable(x.r), err
}

// isUnused reports whether an HTTP/2 connection had ended before anything of a
// request was sent. net/http does not export the error.
func isUnused(err error) bool { return strings.Contains(err.Error(), "http2: client conn not usable") }

// answer sends response to the client. unread means that the client has not sent
// all of the request's body.
func (x *exchange) answer(response *http.Response, unread bool) error {
	status := response.StatusCode
	if status == http.StatusSwitchingProtocols {
		backend, ok := response.Body.(io.ReadWriteCloser)
		if !ok || x.upgrade == "" || !strings.EqualFold(response.Header.Get("Upgrade"), x.upgrade) {
			return errUnasked
		}
		x.reportHead(status, response.Header.Get)
		x.tunnel(response.Header, backend, nil)
		return nil
	}
	if status < 200 || status > 599 {
		return fmt.Errorf("response with status %d", status)
	}
	x.reportHead(status, response.Header.Get)
	x.respond(response, unread)
	x.reportEnd()
	return nil
}

// respond sends response to the client. unread means that the client has not
// sent all of the request's body.
func (x *exchange) respond(response *http.Response, unread bool) {
	header := x.w.Header()
	addEndToEnd(header, response.Header)
	x.addCookie(header)
	if unread && x.r.ProtoMajor == 1 {
		// The client may never send the rest.
		header["Connection"] = []string{"close"}
	}
	announced := maps.Clone(response.Trailer)
	announce(header, announced)
	if bodiless(x.r.Method, response.StatusCode) {
		x.w.WriteHeader(response.StatusCode)
		return
	}
	noSniff(header)
	x.w.WriteHeader(response.StatusCode)
	if response.ContentLength < 0 || response.ContentLength > copyBufferSize {
		// The body may arrive late. A short one of known length usually comes
		// with its head, and sending them separately costs more than it gains.
		x.flush()
	}
	x.relay(response.Body, response.ContentLength, nil)
	x.addTrailers(response.Trailer, func(key string) bool {
		_, ok := announced[key]
		return ok
	})
}

// request returns the request that net/http sends.
func (n *netHTTP) request(x *exchange, body *requestBody) (*http.Request, *informer) {
	r := x.r
	// The connection exists already, so the host does not matter.
	target := &url.URL{Scheme: n.scheme, Host: "upstream", RawQuery: x.query, ForceQuery: r.URL.ForceQuery}
	// Opaque is sent unchanged, but cannot begin with two slashes.
	if strings.HasPrefix(x.path, "//") {
		target.Path, target.RawPath = x.path, x.path
		if path, err := url.PathUnescape(x.path); err == nil {
			target.Path = path
		}
	} else {
		target.Opaque = x.path
	}

	header := make(http.Header, len(r.Header)+1)
	names := nominated(r.Header)
	for key, values := range r.Header {
		if names.forwarded(key) {
			header[key] = values
		}
	}
	if acceptsTrailers(r.Header) {
		header["Te"] = []string{"trailers"}
	}
	if x.upgrade != "" {
		header["Connection"] = []string{"Upgrade"}
		header["Upgrade"] = []string{x.upgrade}
	}
	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = nil
	}

	trace := &informer{exchange: x, body: body}
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaders:         func() { trace.written.Store(true) },
		GotFirstResponseByte: func() { trace.answered.Store(true) },
		Got1xxResponse:       trace.got,
	})
	request := (&http.Request{
		Method: r.Method, URL: target, Host: r.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if body != nil {
		if n.config.Protocol == HTTP1 && x.upgrade == "" && expectsContinue(r) {
			// On a connection that is to be kept, net/http sends the body even to
			// a backend that has refused it, and so asks the client for it. To
			// choose a framing it would even read before it asks the backend.
			request.Close = true
			if r.ContentLength < 0 {
				request.TransferEncoding = []string{"chunked"}
			}
		}
		request.Body, request.ContentLength = body, r.ContentLength
		if r.ContentLength < 0 {
			// The map is filled when the body has been read.
			request.Trailer = body.trailer
		}
	}
	return request, trace
}

// An informer forwards responses with a status of 1xx while RoundTrip runs, and
// records the progress of the exchange.
type informer struct {
	exchange *exchange
	body     *requestBody
	// written means that the request's head was written, and answered that a
	// byte of the response was read.
	written, answered atomic.Bool
	mu                sync.Mutex
	ended             bool
}

func (i *informer) got(status int, h textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return nil
	}
	if body := i.body; body != nil && status == http.StatusContinue {
		body.continuing.Lock()
		defer body.continuing.Unlock()
		if body.begun {
			return nil
		}
	}
	if !i.exchange.inform(status, http.Header(h)) {
		return errTooManyInformational
	}
	return nil
}

func (i *informer) end() {
	i.mu.Lock()
	i.ended = true
	i.mu.Unlock()
}
