// Package record takes down what becomes of a request while it is handled, and hands
// it to observers at the end. The main types are Observers and Record. A Record is
// nil if nobody observes; its methods then do nothing.
package record

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/pace"
	"github.com/lateengo/gateway/observe"
)

// Observers are those of a program. Nil has none.
type Observers struct {
	list []observe.Observer
	// request and response are the headers that some observer reads.
	request, response []string
	// contexts means that some observer gets the contexts of requests.
	contexts bool
}

// New returns the observers of a list, or nil for an empty list.
func New(list []observe.Observer) *Observers {
	if len(list) == 0 {
		return nil
	}
	o := &Observers{list: list}
	for _, each := range list {
		if _, ok := each.(observe.ContextObserver); ok {
			o.contexts = true
		}
		if reader, ok := each.(observe.HeaderReader); ok {
			request, response := reader.Headers()
			o.request, o.response = union(o.request, request), union(o.response, response)
		}
	}
	return o
}

func union(list, more []string) []string {
	for _, name := range more {
		if key := http.CanonicalHeaderKey(name); !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

// A Record is what is known of a request so far.
type Record struct {
	observe.Outcome
	observers *Observers
	writer    writer
	body      countedBody
	// received counts the bytes of the request's body. A read may still be waiting
	// for the client when the request is over.
	received atomic.Int64
	// slow means that the body came too slowly. The client gets 408 then.
	slow atomic.Bool
	// fromConn and toConn count the bytes of an upgraded connection.
	fromConn, toConn atomic.Int64
	// flags are those of Outcome.Flags, apart from the last failure.
	flags []string
	// failure is the flag of the last try, if that got no response.
	failure string
	// Exhausted means that the last try would have been repeated.
	Exhausted bool
	// reusable means that nothing refers to the Record when the request is over.
	reusable bool
}

// records are used Records, reset to the state of new ones. After a panic a Record is
// not put back.
var records = sync.Pool{New: func() any { return new(Record) }}

// Forgotten takes down that nothing will refer to the Record's writer and body when the
// request is over: no handler of the program has seen them. So its memory is reused.
func (r *Record) Forgotten() {
	if r != nil {
		r.reusable = true
	}
}

// Begin begins the record of a request, and returns the writer and the request that
// are to be used instead.
func (o *Observers) Begin(w http.ResponseWriter, r *http.Request, scheme, client string) (*Record, http.ResponseWriter, *http.Request) {
	rec := records.Get().(*Record)
	rec.observers = o
	rec.Outcome = observe.Outcome{
		Start: time.Now(), Method: r.Method, Scheme: scheme, Authority: r.Host, Path: target(r), Protocol: protocol(r),
		PeerAddress: r.RemoteAddr, ClientAddress: client, LocalAddress: localAddress(r.Context()),
	}
	if r.TLS != nil {
		rec.TLS, rec.ServerName, rec.TLSState = true, r.TLS.ServerName, r.TLS
	}
	rec.RequestHeaders(r.Header)
	rec.writer = writer{ResponseWriter: w, rec: rec}
	if r.Body != nil && r.Body != http.NoBody {
		rec.body = countedBody{ReadCloser: r.Body, rec: rec}
		copied := *r
		copied.Body = &rec.body
		r = &copied
	}
	if hijack.Can(w) {
		return rec, hijackable{&rec.writer}, r
	}
	return rec, &rec.writer, r
}

// Mirror begins the record of a copy for a mirror.
func (o *Observers) Mirror(r *http.Request, to *observe.Destination) *Record {
	if o == nil {
		return nil
	}
	return &Record{observers: o, Outcome: observe.Outcome{
		Start: time.Now(), Mirror: true, Method: r.Method, Authority: r.Host, Path: r.RequestURI, Protocol: protocol(r), Destination: to,
	}}
}

func target(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

func protocol(r *http.Request) string {
	if r.ProtoMajor >= 2 {
		return "HTTP/2"
	}
	return r.Proto
}

func localAddress(ctx context.Context) string {
	if a, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr); ok && a != nil {
		return a.String()
	}
	return ""
}

// RequestHeaders takes down the headers of the request that observers read.
func (r *Record) RequestHeaders(h http.Header) {
	if r != nil && len(r.observers.request) > 0 {
		r.RequestHeader = chosen(h, r.observers.request)
	}
}

func chosen(h http.Header, names []string) http.Header {
	var out http.Header
	for _, name := range names {
		if lines, ok := h[name]; ok {
			if out == nil {
				out = make(http.Header, len(names))
			}
			out[name] = slices.Clone(lines)
		}
	}
	return out
}

// Ended takes down that the gateway answers by itself, with Envoy's flag, or "", and
// its details.
func (r *Record) Ended(flag, details string) {
	if r == nil {
		return
	}
	r.Flag(flag)
	r.Details = details
}

// Flag adds a response flag.
func (r *Record) Flag(flag string) {
	if r != nil && flag != "" && !slices.Contains(r.flags, flag) {
		r.flags = append(r.flags, flag)
	}
}

// Sent takes down where the request is sent.
func (r *Record) Sent(to *observe.Destination) {
	if r != nil {
		r.Destination, r.Outcome.Sent = to, time.Since(r.Start)
	}
}

// At takes down the endpoint of the present try, and its protocol.
func (r *Record) At(endpoint, protocol string) {
	if r != nil {
		r.Endpoint, r.UpstreamProtocol = endpoint, protocol
	}
}

// Failed takes down that the last try got no response.
func (r *Record) Failed(flag, endpoint, details string) {
	if r == nil {
		return
	}
	r.failure, r.Details, r.UpstreamProtocol = flag, details, ""
	if endpoint != "" {
		r.Endpoint = endpoint
	}
}

// Repeated takes down that another try follows the present one.
func (r *Record) Repeated(t observe.Try) {
	if r != nil {
		t.Began, t.Duration = r.Outcome.Sent, time.Since(r.Start)-r.Outcome.Sent
		r.Tries = append(r.Tries, t)
	}
}

// Again takes down that the next try begins.
func (r *Record) Again() {
	if r != nil {
		r.Outcome.Sent = time.Since(r.Start)
	}
}

// End hands the outcome to the observers. recovered is the panic that ends the
// request, or nil.
func (r *Record) End(ctx context.Context, recovered any) {
	o := &r.Outcome
	o.RequestBytes += r.received.Load() + r.fromConn.Load()
	o.ResponseBytes += r.toConn.Load()
	beyond := o.Status == 0 || o.Status >= 400 || recovered != nil || r.writer.failed
	if o.Status == 0 && recovered == nil && !o.Mirror && !o.Upgraded && r.failure != observe.FlagDownstream {
		r.head(http.StatusOK) // the server sends it
	}
	o.Duration = time.Since(o.Start)
	// To ask the context costs something.
	gone := (recovered != nil || r.writer.failed) && ctx.Err() != nil
	switch {
	case recovered == nil && !(gone && r.writer.failed):
	case recovered != nil && recovered != http.ErrAbortHandler:
		o.Details = observe.DetailsPanic
		r.Flag(observe.FlagLocalReset)
	case gone || r.failure == observe.FlagDownstream:
		o.Details = observe.DetailsClientGone
		r.failure = observe.FlagDownstream
	default:
		o.Details = observe.DetailsCut
		r.failure = observe.FlagTermination
	}
	if beyond && !o.Mirror {
		r.endBeyond(ctx, recovered)
	}
	r.Flag(r.failure)
	if len(o.Tries) > 0 && (r.failure != "" && r.failure != observe.FlagDownstream || r.Exhausted) {
		r.Flag(observe.FlagRetryLimitExceeded)
	}
	if o.Details == "" && o.Destination != nil {
		o.Details = observe.DetailsUpstream
	}
	if len(r.flags) == 1 {
		o.Flags = r.flags[0]
	} else if len(r.flags) > 1 {
		o.Flags = strings.Join(r.flags, ",")
	}
	if r.writer.ResponseWriter != nil && o.GRPCStatus == "" && r.writer.grpc {
		o.GRPCStatus = first(r.writer.Header(), "Grpc-Status", http.TrailerPrefix+"Grpc-Status")
	}
	r.observers.Tell(ctx, o)
	if r.reusable && recovered == nil && !o.Upgraded && r.body.rec == nil {
		*r = Record{}
		records.Put(r)
	}
}

// endBeyond corrects the outcome of a request that the server has ended for the handler.
func (r *Record) endBeyond(ctx context.Context, recovered any) {
	status, flag, details := 0, "", ""
	if t := pace.StreamTimeoutOf(ctx); t != nil {
		flag, details = observe.FlagStreamIdle, observe.DetailsStreamIdle
		if !t.Began {
			status = t.Status
		}
	} else if r.slow.Load() {
		status, details = http.StatusRequestTimeout, observe.DetailsSlowBody
	} else {
		return
	}
	if status > 0 && r.GRPCStatus == "" {
		r.Status = status
	}
	if recovered == nil || recovered == http.ErrAbortHandler {
		r.failure, r.Details = flag, details
	}
}

// Tell hands an outcome to the observers. o may be nil.
func (o *Observers) Tell(ctx context.Context, outcome *observe.Outcome) {
	if o == nil {
		return
	}
	for _, each := range o.list {
		if with, ok := each.(observe.ContextObserver); ok {
			with.ObserveContext(ctx, outcome)
		} else {
			each.Observe(outcome)
		}
	}
}

func first(h http.Header, keys ...string) string {
	for _, key := range keys {
		if lines := h[key]; len(lines) > 0 {
			return lines[0]
		}
	}
	return ""
}

// head takes down the head of the final response.
func (r *Record) head(status int) {
	r.Status, r.FirstByte = status, time.Since(r.Start)
	if r.writer.ResponseWriter == nil {
		return
	}
	h := r.writer.Header()
	if len(r.observers.response) > 0 {
		r.ResponseHeader = chosen(h, r.observers.response)
	}
	if strings.HasPrefix(first(h, "Content-Type"), "application/grpc") {
		r.writer.grpc = true
		r.GRPCStatus = first(h, "Grpc-Status")
	}
}

// A writer counts what is written of a response.
type writer struct {
	http.ResponseWriter
	rec *Record
	// sent means that the head of the final response was written, failed that
	// some write failed, and grpc that the response is one of gRPC.
	sent, failed, grpc bool
}

// RequestForgotten tells the server that it can use the memory of the request again,
// unless an observer may keep the context.
func (w *writer) RequestForgotten() {
	if f, ok := w.ResponseWriter.(interface{ RequestForgotten() }); ok && !w.rec.observers.contexts {
		f.RequestForgotten()
	}
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if !w.sent && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.sent = true
		w.rec.head(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) begin() {
	if !w.sent {
		w.sent = true
		w.rec.head(http.StatusOK)
	}
}

func (w *writer) count(n int64, err error) {
	w.rec.ResponseBytes += n
	if err != nil {
		w.failed = true
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.count(int64(n), err)
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	w.begin()
	n, err := io.WriteString(w.ResponseWriter, s)
	w.count(int64(n), err)
	return n, err
}

// ReadFrom lets the writer below copy without a buffer if it can.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	var n int64
	var err error
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(r)
	} else {
		n, err = io.Copy(writerOnly{w.ResponseWriter}, r)
	}
	// An error may be the reader's: then the response is cut, not the client gone.
	w.count(n, nil)
	return n, err
}

// writerOnly hides every method but Write.
type writerOnly struct{ io.Writer }

func (w *writer) Flush() { _ = w.FlushError() }

func (w *writer) FlushError() error {
	w.begin()
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.count(0, err)
	return err
}

// A hijackable is a writer over a connection that can be hijacked.
type hijackable struct{ *writer }

func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return c, rw, err
	}
	w.sent = true
	rec := w.rec
	rec.Upgraded = true
	if rec.Status == 0 {
		rec.head(http.StatusSwitchingProtocols)
	}
	counted := &countedConn{Conn: c, rec: rec}
	return counted, counted.buffered(rw), nil
}

// A countedBody counts what is read of a request's body.
type countedBody struct {
	io.ReadCloser
	rec *Record
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.rec.received.Add(int64(n))
	if err != nil && errors.Is(err, pace.ErrSlowBody) {
		b.rec.slow.Store(true)
	}
	return n, err
}

// A countedConn counts the bytes of an upgraded connection.
type countedConn struct {
	net.Conn
	rec *Record
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.rec.fromConn.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.rec.toConn.Add(int64(n))
	return n, err
}

// ReadFrom lets the connection below copy without a buffer if it can.
func (c *countedConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.Conn, r)
	c.rec.toConn.Add(n)
	return n, err
}

// WriteTo lets the connection below copy without a buffer if it can.
func (c *countedConn) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, c.Conn)
	c.rec.fromConn.Add(n)
	return n, err
}

// buffered returns buffers over the counted connection, with what the server has read
// already.
func (c *countedConn) buffered(rw *bufio.ReadWriter) *bufio.ReadWriter {
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	c.rec.fromConn.Add(int64(len(early)))
	in := bufio.NewReader(&prefixed{slices.Clone(early), c})
	_, _ = in.Peek(len(early)) // so that in has them buffered, as rw had
	return bufio.NewReadWriter(in, bufio.NewWriter(c))
}

// prefixed reads a prefix before a connection.
type prefixed struct {
	prefix []byte
	conn   *countedConn
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) > 0 {
		n := copy(b, p.prefix)
		p.prefix = p.prefix[n:]
		return n, nil
	}
	return p.conn.Read(b)
}
