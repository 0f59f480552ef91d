package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// A Mirror gets a copy of some of a route's requests, after headers and rewrite
// (Istio's HTTPMirrorPolicy). Nothing that it does reaches the client.
type Mirror struct {
	// Destination is what gets the copies. Weight and Headers are not used.
	Destination Destination
	// Percent of the requests, 0 to 100, in steps of 0.0001. Nil is all of them.
	Percent *float64
}

// mirrorLag is how far a mirror may fall behind the request's body, in bytes. A
// slower one loses the copy.
const mirrorLag = 1 << 20

// maxMirrors is how many copies may be on their way at once. Further ones are
// not sent.
const maxMirrors = 1024

// A mirrorProgram is a Mirror, compiled.
type mirrorProgram struct {
	destination destination
	share       share
}

// mirror sends copies of the prepared request on their way. One random number
// serves all mirrors, as in Envoy: two of 50 % get the same half.
func (x *exchange) mirror() {
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
		if body := x.req.Body; body != nil && body != http.NoBody {
			if tee == nil {
				tee = &teeBody{source: body}
			}
			copied := newCopiedBody()
			tee.copies = append(tee.copies, copied)
			r.Body = copied
		}
		go func() {
			defer done()
			m.call(r, x.clause.route)
		}()
	}
	if tee != nil {
		x.req.Body = tee
	}
}

// call sends one copy and drops the answer.
func (m *mirrorProgram) call(r *http.Request, route *routeProgram) {
	if route.timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), route.timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	// Whatever a mirror does, and be it a panic, is nobody's concern.
	defer func() { _ = recover() }()
	m.destination.backend.ServeHTTP(&discardWriter{header: make(http.Header)}, r)
}

// A teeBody hands a request's body to its destination, and copies to mirrors.
type teeBody struct {
	source io.ReadCloser
	copies []*copiedBody
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	for _, c := range b.copies {
		c.write(p[:n], err)
	}
	return n, err
}

func (b *teeBody) Close() error {
	for _, c := range b.copies {
		c.write(nil, errCutBody)
	}
	return b.source.Close()
}

var (
	errCutBody  = errors.New("gateway: the mirrored request's body was not read to its end")
	errSlowCopy = errors.New("gateway: the mirror fell too far behind")
)

// A copiedBody is a mirror's copy of a body.
type copiedBody struct {
	mu   sync.Mutex
	more sync.Cond
	data []byte
	err  error
}

func newCopiedBody() *copiedBody {
	c := new(copiedBody)
	c.more.L = &c.mu
	return c
}

func (c *copiedBody) write(p []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if len(c.data)+len(p) > mirrorLag {
		p, err = nil, errSlowCopy
	}
	c.data, c.err = append(c.data, p...), err
	c.more.Broadcast()
}

func (c *copiedBody) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.data) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.more.Wait()
	}
	n := copy(p, c.data)
	c.data = append(c.data[:0], c.data[n:]...)
	return n, nil
}

// Close makes further copying pointless.
func (c *copiedBody) Close() error {
	c.write(nil, errCutBody)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data = nil
	return nil
}

// A discardWriter drops a response.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) WriteHeader(int)             {}
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) Flush()                      {}

// background is the work that goes on when a response is out: mirrors. It ends
// with the Gateway's Close.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc
	count  atomic.Int64
	mu     sync.Mutex
	ended  bool
	wait   sync.WaitGroup
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
