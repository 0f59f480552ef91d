package gateway

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/upstream"
)

// timeoutBody is what Envoy's router says when the time is up.
const timeoutBody = "upstream request timeout"

// needsAttempts reports whether the exchange needs more than one plain call of
// the backend: because it may have to be called again, or left alone.
func (rt *routeProgram) needsAttempts(x *exchange) bool {
	if rt.timeout > 0 || rt.retry.perTry > 0 {
		return true
	}
	return rt.retry.attempts > 0 && (rt.retry.declared || x.dest.remote || localreply.IsGRPC(x.in))
}

// attempt calls the destination's backend as often as the route's retry policy
// has it, and for as long as its timeouts do.
func (x *exchange) attempt(w http.ResponseWriter) {
	rt := x.clause.route
	body := newReplayBody(x.req.Body, rt.timeout > 0)
	if body != nil {
		x.req.Body = body
		defer body.finish(w)
	}
	ctx, cancel := context.WithCancelCause(x.req.Context())
	defer cancel(nil)
	x.req = *x.req.WithContext(ctx)

	over := make(chan struct{})
	var expired <-chan struct{}
	if rt.timeout > 0 {
		expired = over
		clock := newClock(rt.timeout, func() { close(over) })
		defer clock.stop()
		body.whenArrived(clock.start)
	}
	for n := 1; ; n++ {
		t := &try{x: x, out: w, header: make(http.Header), done: make(chan struct{})}
		if n <= rt.retry.attempts {
			t.retries = func(status int, h http.Header) bool {
				return rt.retry.onResponse(status, h) && body.replayable()
			}
		}
		switch t.run(ctx, rt.retry.perTry, expired) {
		case tryAnswered:
			return
		case tryExpired:
			cancel(upstream.ErrTimeout)
			t.answer(upstream.Failure{Status: http.StatusGatewayTimeout, Flag: "UT", Body: timeoutBody})
			return
		case tryTimedOut:
			f := upstream.Failure{Status: http.StatusGatewayTimeout, Flag: "UT", Body: timeoutBody, RequestSent: true}
			t.failure = &f
		}
		if t.failure != nil && (n > rt.retry.attempts || !rt.retry.onFailure(t.failure, t.timedOut) || !body.replayable()) {
			t.answer(*t.failure)
			return
		}
		if !x.pause(rt.retry.backoff(n, x.program.random), expired) {
			select {
			case <-over:
				t.answer(upstream.Failure{Status: http.StatusGatewayTimeout, Flag: "UT", Body: timeoutBody})
			default:
			}
			return
		}
		body.rewind()
		x.countAttempt(n + 1)
	}
}

// pause waits before a retry. It returns false if the client is gone or the
// route's time is up.
func (x *exchange) pause(d time.Duration, expired <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-expired:
		return false
	case <-x.in.Context().Done():
		return false
	}
}

// A tryResult says how a try ended.
type tryResult uint8

const (
	// tryAnswered: the client has its response, or is gone.
	tryAnswered tryResult = iota
	// tryRetry: there is a response or a failure that the policy may retry.
	tryRetry
	// tryTimedOut: the time of this try is up before a response.
	tryTimedOut
	// tryExpired: the time of the route is up before a response.
	tryExpired
)

// A try is one call of a backend. It is the response writer that the backend
// sees: nothing reaches the client before it is known that this is the answer,
// and nothing afterwards once the backend was given up.
type try struct {
	x   *exchange
	out http.ResponseWriter
	// retries reports whether a response is to be tried again. Nil in the last
	// try.
	retries func(status int, h http.Header) bool
	done    chan struct{}
	// timedOut says that the try's own time was up.
	timedOut bool

	// mu is held while the backend writes, so that giving it up cuts between
	// two writes.
	mu        sync.Mutex
	header    http.Header
	state     tryState
	hijacked  bool
	failure   *upstream.Failure
	recovered any
}

type tryState uint8

const (
	tryOpen tryState = iota
	// tryCommitted: the header went out.
	tryCommitted
	// tryAbandoned: what the backend does no longer counts.
	tryAbandoned
)

// run calls the backend. Without anything that could end it early it does so
// itself.
func (t *try) run(ctx context.Context, perTry time.Duration, expired <-chan struct{}) tryResult {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := t.x.requestWithin(ctx)
	if perTry <= 0 && expired == nil {
		t.serve(r, cancel)
		return t.result()
	}
	go t.serve(r, cancel)
	var late <-chan time.Time
	if perTry > 0 {
		timer := time.NewTimer(perTry)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-t.done:
			return t.result()
		case <-late:
			late = nil
			if t.abandon() {
				t.timedOut = true
				cancel(upstream.ErrTimeout)
				return tryTimedOut
			}
			// The response has begun: the time of a try ends with its header.
		case <-expired:
			if t.abandon() {
				return tryExpired
			}
			if t.wasHijacked() {
				expired = nil
				continue
			}
			// The response is cut: it must not look whole.
			cancel(upstream.ErrTimeout)
			_ = http.NewResponseController(t.out).SetWriteDeadline(time.Now())
			t.mu.Lock()
			t.state = tryAbandoned
			t.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
	}
}

func (t *try) serve(r *http.Request, cancel context.CancelCauseFunc) {
	defer close(t.done)
	defer func() {
		if err := recover(); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			// Of an abandoned backend nobody wants to know.
			if t.state != tryAbandoned {
				t.recovered = err
			}
		}
	}()
	t.x.dest.backend.ServeHTTP(t.writer(cancel), r)
}

// result is how a try went whose backend has returned.
func (t *try) result() tryResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.recovered != nil {
		panic(t.recovered)
	}
	if t.failure != nil || t.state == tryAbandoned {
		return tryRetry
	}
	if t.state == tryOpen && !t.hijacked {
		if t.commit(http.StatusOK) {
			return tryRetry
		}
		// Nothing was written: the writer below sends the header when its
		// handler returns.
	}
	if t.state == tryCommitted {
		copyTrailers(t.out.Header(), t.header)
	}
	return tryAnswered
}

// abandon gives the backend up, unless its response has begun.
func (t *try) abandon() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == tryCommitted || t.hijacked {
		return false
	}
	t.state = tryAbandoned
	return true
}

func (t *try) wasHijacked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hijacked
}

// commit puts the header in place of the client's, or gives the try up if it is
// to be repeated. The caller holds mu.
func (t *try) commit(status int) (repeat bool) {
	if t.retries != nil && t.retries(status, t.header) {
		t.state = tryAbandoned
		return true
	}
	h := t.out.Header()
	for key, lines := range t.header {
		h[key] = lines
	}
	t.state = tryCommitted
	return false
}

// answer answers for a backend that gave no response.
func (t *try) answer(f upstream.Failure) {
	if w, ok := t.out.(upstream.FailureRecorder); ok {
		w.UpstreamFailed(f)
		return
	}
	t.x.program.localReply(t.out, t.x.in, f.Status, f.Body)
}

// A tryWriter is the try as its backend sees it.
type tryWriter struct {
	*try
	cancel context.CancelCauseFunc
}

// A hijackableTry is a tryWriter over a connection that can be taken.
type hijackableTry struct{ *tryWriter }

func (t *try) writer(cancel context.CancelCauseFunc) http.ResponseWriter {
	w := &tryWriter{t, cancel}
	if _, ok := t.out.(http.Hijacker); ok {
		return hijackableTry{w}
	}
	return w
}

func (w hijackableTry) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == tryAbandoned {
		return nil, nil, errAbandoned
	}
	c, rw, err := w.out.(http.Hijacker).Hijack()
	w.hijacked = err == nil
	return c, rw, err
}

// errAbandoned is what a backend gets that writes after it was given up.
var errAbandoned = http.ErrHandlerTimeout

func (w *tryWriter) Header() http.Header { return w.header }

func (w *tryWriter) Unwrap() http.ResponseWriter { return w.out }

func (w *tryWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *tryWriter) writeHeader(status int) {
	if w.state != tryOpen {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		h := w.out.Header()
		for key, lines := range w.header {
			h[key] = lines
		}
		w.out.WriteHeader(status)
		for key := range w.header {
			delete(h, key)
		}
		return
	}
	if w.commit(status) {
		w.cancel(errAbandoned)
		return
	}
	w.out.WriteHeader(status)
}

func (w *tryWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == tryOpen {
		w.writeHeader(http.StatusOK)
	}
	if w.state == tryAbandoned {
		return 0, errAbandoned
	}
	return w.out.Write(p)
}

func (w *tryWriter) Flush() { _ = w.FlushError() }

func (w *tryWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == tryOpen {
		w.writeHeader(http.StatusOK)
	}
	if w.state == tryAbandoned {
		return errAbandoned
	}
	return http.NewResponseController(w.out).Flush()
}

// UpstreamFailed notes that the backend gave no response.
func (w *tryWriter) UpstreamFailed(f upstream.Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == tryOpen {
		w.failure = &f
	}
}

// copyTrailers hands on the trailers that the backend put in its header after
// that was sent: announced ones, and those marked with http.TrailerPrefix.
func copyTrailers(to, from http.Header) {
	for key, lines := range from {
		if strings.HasPrefix(key, http.TrailerPrefix) || hasToken(from["Trailer"], key) {
			to[key] = lines
		}
	}
}

// A clock runs once from its start.
type clock struct {
	d     time.Duration
	f     func()
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func newClock(d time.Duration, f func()) *clock { return &clock{d: d, f: f} }

func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil && !c.ended {
		c.timer = time.AfterFunc(c.d, c.f)
	}
}

func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.timer != nil {
		c.timer.Stop()
	}
}
