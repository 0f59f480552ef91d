package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// mirrorLag is how far a mirror may fall behind the request's body, in bytes. A
// slower one loses the copy.
const mirrorLag = 1 << 20

// mirrorsLag is how far all mirrors together may fall behind, in bytes.
const mirrorsLag = 64 << 20

// maxMirrors is how many copies may be on their way at once. Further ones are
// not sent.
const maxMirrors = 1024

// A mirrorProgram is a Mirror, compiled.
type mirrorProgram struct {
	destination destination
	share       share
}

// mirror sends copies of the prepared request on their way. One random number
// serves all mirrors, as in Envoy: two of 50 % get the same half. The body that is
// returned, which may be nil, ends the copies' when the exchange is over.
func (x *exchange) mirror() *teeBody {
	p := x.program
	drawn := p.random()
	var tee *teeBody
	for i := range x.clause.route.mirrors {
		m := &x.clause.route.mirrors[i]
		if m.destination.backend == nil || !m.share.covers(drawn) {
			continue
		}
		ctx, done, ok := p.background.begin(context.WithoutCancel(routedAnew(x.in.Context())))
		if !ok {
			continue
		}
		r := x.req.Clone(ctx)
		if m.destination.remote {
			// To a destination with useClientProtocol Envoy is the client of a mirror.
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
		}
		if body := x.req.Body; body != nil && body != http.NoBody {
			if tee == nil {
				tee = &teeBody{ReadCloser: body, trailer: x.req.Trailer}
			}
			copied := newCopiedBody(r.Trailer, &p.background.lag)
			tee.copies = append(tee.copies, copied)
			r.Body = copied
		}
		timeout := x.clause.route.timeout
		go func() {
			defer done()
			m.call(r, timeout, p.log)
		}()
	}
	if tee != nil {
		x.req.Body = tee
	}
	return tee
}

// call sends one copy and drops the answer.
func (m *mirrorProgram) call(r *http.Request, timeout time.Duration, log *slog.Logger) {
	if timeout > 0 {
		ctx, cancel := context.WithTimeoutCause(r.Context(), timeout, upstream.ErrTimeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	defer func() {
		if err := recover(); err != nil && err != http.ErrAbortHandler {
			log.LogAttrs(r.Context(), slog.LevelError, "mirror panicked",
				slog.String("destination", m.destination.host), slog.Any("panic", err), slog.String("stack", string(debug.Stack())))
		}
	}()
	m.destination.backend.ServeHTTP(&discardWriter{header: make(http.Header)}, r)
}

// A teeBody hands a request's body to its destination, and copies to mirrors.
type teeBody struct {
	io.ReadCloser
	// trailer is filled at the end of the body.
	trailer http.Header
	copies  []*copiedBody
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var trailer http.Header
	if err == io.EOF {
		trailer = b.trailer.Clone()
	}
	for _, c := range b.copies {
		c.write(p[:n], err, trailer)
	}
	return n, err
}

// end ends the copies where the destination has not read the whole body. Bodies
// that belong to net/http's server are not closed by handlers.
func (b *teeBody) end() {
	if b == nil {
		return
	}
	for _, c := range b.copies {
		c.write(nil, errCutBody, nil)
	}
}

var (
	errCutBody  = errors.New("gateway: the mirrored request's body was not read to its end")
	errSlowCopy = errors.New("gateway: the mirror fell too far behind")
)

// A copiedBody is a mirror's copy of a body.
type copiedBody struct {
	// lag is what all copies hold that was not read.
	lag *atomic.Int64

	mu   sync.Mutex
	more sync.Cond
	data bytes.Buffer
	// err is what ends the copy, after data.
	err error
	// arrived goes into trailer when the mirror has read the body.
	arrived, trailer http.Header
}

func newCopiedBody(trailer http.Header, lag *atomic.Int64) *copiedBody {
	c := &copiedBody{lag: lag, trailer: trailer}
	c.more.L = &c.mu
	return c
}

// write appends to the copy. A mirror that is too slow loses what it has not read
// yet.
func (c *copiedBody) write(p []byte, err error, trailer http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.lag.Add(int64(len(p))) > mirrorsLag || c.data.Len()+len(p) > mirrorLag {
		c.lag.Add(-int64(len(p)))
		c.drop()
		p, err = nil, errSlowCopy
	}
	c.data.Write(p)
	c.err, c.arrived = err, trailer
	c.more.Broadcast()
}

func (c *copiedBody) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.data.Len() == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		if c.err == nil {
			c.more.Wait()
			continue
		}
		for key, lines := range c.arrived {
			c.trailer[key] = lines
		}
		return 0, c.err
	}
	n, err := c.data.Read(p)
	c.lag.Add(-int64(n))
	return n, err
}

// drop gives up what was not read.
func (c *copiedBody) drop() {
	c.lag.Add(-int64(c.data.Len()))
	c.data = bytes.Buffer{}
}

// Close makes further copying pointless.
func (c *copiedBody) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = errCutBody
	}
	c.drop()
	c.more.Broadcast()
	return nil
}

// A discardWriter drops a response.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header { return w.header }

func (w *discardWriter) WriteHeader(int) {}

func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }

func (w *discardWriter) Flush() {}

// background is the work that goes on when a response is out: mirrors. It ends
// with the Gateway's Close.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc
	count  atomic.Int64
	// lag is how many bytes of bodies the copies hold.
	lag atomic.Int64

	mu    sync.Mutex
	ended bool
	wait  sync.WaitGroup
}

func newBackground() *background {
	b := new(background)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// begin admits one piece of work under parent. done must be called at its end.
func (b *background) begin(parent context.Context) (ctx context.Context, done func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.count.Load() >= maxMirrors {
		return nil, nil, false
	}
	b.count.Add(1)
	b.wait.Add(1)
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		b.count.Add(-1)
		b.wait.Done()
	}, true
}

// end cancels all work and waits for it.
func (b *background) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.cancel()
	b.wait.Wait()
}
