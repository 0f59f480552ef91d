package upstream

import (
	"context"
	"errors"
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

	"github.com/lateengo/gateway/upstream/internal/limits"
)

// A netHTTP is a client that stands on net/http's Transport.
type netHTTP struct {
	transport http.Transport
	scheme    string
	// bySNI says that the host of a request names the server it is sent to.
	bySNI bool
	// breaker is nil if there are no limits.
	breaker *limits.Breaker
}

// continueTimeout is how long a client that expects a 100 is made to wait for
// it when the backend sends none.
const continueTimeout = time.Second

func newNetHTTP(c *Config, h *host, b *limits.Breaker) *netHTTP {
	n := &netHTTP{scheme: "http", bySNI: c.TLS != nil && c.TLS.ServerName == "", breaker: b}
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
		DisableKeepAlives:      c.MaxIdle < 0 || c.MaxRequestsPerConnection == 1,
		MaxIdleConnsPerHost:    max(c.MaxIdle, 0),
		IdleConnTimeout:        max(c.IdleTimeout, 0),
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: int64(c.MaxHeaderBytes),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.dial(ctx, h)
		},
	}
	if c.TLS != nil {
		n.scheme = "https"
		n.transport.DialTLSContext = func(ctx context.Context, _, authority string) (net.Conn, error) {
			return c.dialTLS(ctx, h, authority)
		}
	}
	return n
}

func (n *netHTTP) closeIdle() { n.transport.CloseIdleConnections() }

func (n *netHTTP) serve(x exchange) (sent bool, err error) {
	err = n.exchange(&x)
	return x.sent, err
}

func (n *netHTTP) exchange(x *exchange) error {
	if n.breaker != nil {
		if !n.breaker.Requests.Acquire() {
			return errOverflow
		}
		defer n.breaker.Requests.Release()
	}
	body := n.body(x.r)
	request, trace := n.request(x, body)
	if body != nil {
		defer body.Close()
	}
	x.sent = true
	response, err := n.transport.RoundTrip(request)
	trace.end()
	if err != nil {
		if body != nil {
			if failed := body.failure.Load(); failed != nil {
				return *failed
			}
		}
		if _, failed := errors.AsType[*dialError](err); !failed && !trace.connected.Load() && x.r.Context().Err() == nil {
			return &requestError{err}
		}
		return err
	}
	defer response.Body.Close()
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
	x.respond(response, body != nil && !body.read.Load())
	return nil
}

// respond sends response to the client, who has not sent all of the request's
// body if unread.
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
		// The body may take its time. A short one of known length comes with its
		// head as a rule, and to send them apart costs more than it gains.
		x.flush()
	}
	x.relay(response.Body, response.ContentLength, nil)
	x.addTrailers(response.Trailer, func(key string) bool {
		_, ok := announced[key]
		return ok
	})
}

// request returns what net/http's Transport is to send.
func (n *netHTTP) request(x *exchange, body *requestBody) (*http.Request, *informer) {
	r := x.r
	authority := "upstream"
	if n.bySNI {
		authority = r.Host
	}
	target := &url.URL{Scheme: n.scheme, Host: authority, RawQuery: x.query, ForceQuery: r.URL.ForceQuery}
	// Opaque is sent as it is, but cannot begin with two slashes.
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

	trace := &informer{exchange: x}
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: trace.gotConn, Got1xxResponse: trace.got})
	request := (&http.Request{
		Method: r.Method, URL: target, Host: r.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if body != nil {
		request.Body, request.ContentLength = body, r.ContentLength
		if r.ContentLength < 0 {
			// The map is filled when the body has been read.
			request.Trailer = body.trailer
		}
	}
	return request, trace
}

// An informer forwards responses with a status of 1xx while RoundTrip runs, and
// notes that it has a connection.
type informer struct {
	exchange  *exchange
	connected atomic.Bool
	mu        sync.Mutex
	ended     bool
}

func (i *informer) gotConn(httptrace.GotConnInfo) {
	i.connected.Store(true)
	i.exchange.host.monitor.Connected()
}

func (i *informer) got(status int, h textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return nil
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

// A requestBody is the body of a client's request as net/http's Transport reads
// it. Closing it does not close the client's.
type requestBody struct {
	r       *http.Request
	trailer http.Header
	closed  atomic.Bool
	// read says that the client has sent all of the body; count is how much it
	// has.
	read  atomic.Bool
	count int64
	// failure is set if the body could not be read.
	failure atomic.Pointer[error]
}

// body returns the body of r, or nil.
func (n *netHTTP) body(r *http.Request) *requestBody {
	if !hasBody(r) {
		return nil
	}
	b := &requestBody{r: r, trailer: make(http.Header, len(r.Trailer))}
	for key := range r.Trailer {
		b.trailer[key] = nil
	}
	return b
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.r.Body.Read(p)
	b.count += int64(n)
	if err == io.EOF && b.count < b.r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF || b.count == b.r.ContentLength {
		b.read.Store(true)
	}
	switch {
	case err == io.EOF:
		maps.Copy(b.trailer, b.r.Trailer)
	case err != nil:
		err = &clientError{err}
		b.failure.Store(&err)
	}
	return n, err
}

func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}
