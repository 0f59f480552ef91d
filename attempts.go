package gateway

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// needsAttempts reports whether the exchange needs more than one plain call of
// the backend: because it may have to be called again, or left alone.
func (rt *routeProgram) needsAttempts(x *exchange) bool {
	switch {
	case rt.timeout > 0 || rt.retry.perTry > 0:
		return true
	case x.program.bare:
		return false
	case rt.retry.attempts > 0 && (rt.retry.declared || x.dest.remote):
		return true
	}
	return isGRPC(x.in) && (rt.retry.attempts > 0 || x.grpcTimeout() > 0)
}

// isGRPC reports whether a request speaks gRPC, be it as gRPC-Web.
func isGRPC(r *http.Request) bool {
	return strings.HasPrefix(firstValue(r.Header, "Content-Type"), "application/grpc")
}

// attempt calls the destination's backend as often as the route's retry policy
// has it, and for as long as its timeouts do.
func (x *exchange) attempt(w http.ResponseWriter) {
	rt := x.clause.route
	stream := x.grpcTimeout()
	timed := rt.timeout > 0 || stream > 0 || rt.retry.perTry > 0
	if !timed && x.retriesOnlyFailures() {
		x.proxy(w)
		return
	}
	x.attempts(w, timed, stream)
}

// attempts is attempt where responses are judged, or time is limited.
func (x *exchange) attempts(w http.ResponseWriter, timed bool, stream time.Duration) {
	rt := x.clause.route
	a := &attempts{x: x, out: w, policy: rt.retry, previous: x.previousHosts(), timed: timed, timeout: rt.timeout, stream: stream}
	a.body = newReplayBody(x.req, a.timed)
	defer a.end()
	if a.body != nil {
		a.arrived = a.body.arrived
	} else {
		a.begin()
	}
	if stream > 0 {
		a.streamOver = time.NewTimer(stream)
	}
	a.run()
}

// retriesOnlyFailures reports whether all that may be retried are failures before
// a response, with nothing that would have to be sent again.
func (x *exchange) retriesOnlyFailures() bool {
	p := x.clause.route.retry
	if !x.dest.remote || p.judgesStatus || len(p.grpc) > 0 && isGRPC(x.in) {
		return false
	}
	return x.req.Body == nil || x.req.Body == http.NoBody || !p.anyReset && !p.resetBeforeRequest
}

// proxy is attempt where only failures are retried, of a destination outside of
// this process: the response goes straight to the client.
func (x *exchange) proxy(w http.ResponseWriter) {
	var body *touchedBody
	if x.req.Body != nil && x.req.Body != http.NoBody {
		body = &touchedBody{ReadCloser: x.req.Body}
		x.req.Body = body
	}
	x.w.catches = true
	if x.dest.budget != nil {
		x.dest.budget.earn(x.w.start)
	}
	x.dest.backend.ServeHTTP(w, x.req)
	if x.w.caught {
		x.retry(w, body)
	}
}

// retry goes on from the failure of the first try. It stands apart from proxy, whose
// stack is that of most requests.
func (x *exchange) retry(w http.ResponseWriter, body *touchedBody) {
	policy := x.clause.route.retry
	previous := x.previousHosts()
	defer previous.end()
	for n := 1; ; n++ {
		x.w.caught = false
		f := x.w.failure
		repeated := false
		switch {
		case n > policy.attempts || body != nil && body.touched.Load():
			x.fail(w, f)
			return
		case policy.onFailure(&f):
		default:
			repeated = x.repeats(&f)
			if !repeated {
				x.fail(w, f)
				return
			}
		}
		if !previous.acquire() {
			x.fail(w, f)
			return
		}
		previous.add(f.Host)
		wait := policy.backoff(n, x.program.random)
		if repeated {
			wait = 0
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-x.in.Context().Done():
			timer.Stop()
			x.fail(w, x.clientGone())
			return
		}
		if x.program.semantics.sendsEnvoyHeaders() {
			x.req.Header[headerAttemptCount] = []string{strconv.Itoa(n + 1)}
		}
		x.dest.backend.ServeHTTP(w, x.req.WithContext(previous.context(x.req.Context())))
		previous.release()
		if !x.w.caught {
			return
		}
	}
}

// A touchedBody knows whether any of it was asked for. Closing it leaves it to
// the next try.
type touchedBody struct {
	io.ReadCloser
	touched atomic.Bool
}

func (b *touchedBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	return b.ReadCloser.Read(p)
}

func (b *touchedBody) Close() error { return nil }

// attempts are the tries of one exchange.
type attempts struct {
	x      *exchange
	out    http.ResponseWriter
	policy *retryProgram
	body   *replayBody
	// previous is what the tries before owe to the next.
	previous previousHosts
	// timed says that a try may have to be given up. Its backend runs in a
	// goroutine of its own then.
	timed bool

	// timeout bounds all tries together from the end of the request, stream from
	// its beginning.
	timeout, stream time.Duration
	// arrived is closed when the whole request has arrived; nil from then on.
	arrived <-chan struct{}
	// complete is when that was.
	complete         time.Time
	over, streamOver *time.Timer
	// expired says that one of these has fired.
	expired bool
}

// begin starts the clock of the route's timeout.
func (a *attempts) begin() {
	a.complete = time.Now()
	if a.timeout > 0 {
		a.over = time.NewTimer(a.timeout)
	}
}

func (a *attempts) end() {
	a.previous.end()
	a.body.finish()
	stop(a.over)
	stop(a.streamOver)
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// signal returns the channel of a timer that there may be.
func signal(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// timedOut is the failure of a backend that took too long.
var timedOut = upstream.Failure{
	Flag: upstream.FlagTimeout, Status: http.StatusGatewayTimeout, Body: timeoutBody, RequestSent: true, Err: upstream.ErrTimeout,
}

func (a *attempts) run() {
	for n := 1; ; n++ {
		t, r := a.next(n)
		end := a.await(t, r)
		if n > 1 {
			a.previous.release()
		}
		retry := n <= a.policy.attempts && a.body.replayable()
		switch {
		case end == tryAnswered:
			return
		case end == tryExpired:
			a.expire()
			return
		case end == tryTimedOut && !(retry && a.policy.onTimeout() && a.previous.acquire()):
			a.fail(timedOut)
			return
		case end == tryFailed && !(retry && (a.policy.onFailure(&t.failure) || a.x.repeats(&t.failure)) && a.previous.acquire()):
			a.fail(t.failure)
			return
		}
		if h := t.host.Load(); h != nil {
			a.previous.add(*h)
		}
		a.pause(n)
		switch {
		case a.expired:
			a.expire()
			return
		case a.x.in.Context().Err() != nil:
			a.fail(a.x.clientGone())
			return
		}
		a.body.again()
	}
}

// pause waits before the n-th retry, as long as that makes sense.
func (a *attempts) pause(n int) {
	if a.expired {
		return
	}
	timer := time.NewTimer(a.policy.backoff(n, a.x.program.random))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-signal(a.over):
		a.expired = true
	case <-signal(a.streamOver):
		a.expired = true
	case <-a.x.in.Context().Done():
	}
}

// next returns the n-th try, and the request that it gets. As long as another
// one may follow, that is a copy: a handler may change what it gets, and go on
// doing so after it was given up.
func (a *attempts) next(n int) (*try, *http.Request) {
	x := a.x
	parent := x.req.Context()
	if n > 1 && x.v.chi != nil {
		parent = routedAnew(x.in.Context())
	}
	if n > 1 {
		parent = a.previous.context(parent)
	}
	ctx, cancel := context.WithCancelCause(parent)
	t := &try{
		out: a.out, header: a.out.Header().Clone(), settled: make(chan struct{}),
		cancel: cancel, alone: !a.timed, unread: a.unread,
	}
	r := x.req.WithContext(ctx)
	if n <= a.policy.attempts {
		t.again = func(status int, h http.Header) bool {
			return a.policy.onResponse(status, h) && a.body.replayable() && a.previous.acquire()
		}
		r = x.req.Clone(ctx)
		r.Trailer = x.req.Trailer // which is filled when the body has been read
	}
	if a.body != nil {
		r.Body = a.body.reader
	}
	if n > 1 && x.program.semantics.sendsEnvoyHeaders() {
		r.Header[headerAttemptCount] = []string{strconv.Itoa(n)}
		if left := a.expected(); left > 0 {
			r.Header[headerExpected] = []string{strconv.FormatInt(left.Milliseconds(), 10)}
		}
	}
	return t, r
}

// expected is how long a try has, at most.
func (a *attempts) expected() time.Duration {
	d := a.policy.perTry
	if a.timeout > 0 {
		left := a.timeout
		if !a.complete.IsZero() {
			left = max(left-time.Since(a.complete), time.Millisecond)
		}
		if d == 0 || left < d {
			d = left
		}
	}
	return d
}

// unread reports whether the response has to end the client's connection,
// because the rest of the request would be taken for another one.
func (a *attempts) unread() bool {
	return a.timed && a.x.in.ProtoMajor == 1 && a.body.unread()
}

// await has a try served and waits until it is settled or given up.
func (a *attempts) await(t *try, r *http.Request) tryEnd {
	defer t.cancel(nil)
	backend := a.x.dest.backend
	if t.alone {
		t.serve(backend, r)
		return t.end()
	}
	go t.serve(backend, r)
	var each *time.Timer
	defer func() { stop(each) }()
	for {
		if a.arrived == nil && each == nil && a.policy.perTry > 0 {
			each = time.NewTimer(a.policy.perTry)
		}
		late := false
		select {
		case <-a.arrived:
			a.arrived = nil
			a.begin()
			continue
		case <-t.settled:
		case <-signal(each):
			late = true
		case <-signal(a.over):
			a.expired = true
		case <-signal(a.streamOver):
			a.expired = true
		}
		select {
		case <-t.settled:
			return t.end()
		default:
		}
		switch {
		case t.abandon(upstream.ErrTimeout):
			if late {
				return tryTimedOut
			}
			return tryExpired
		case late || t.state.Load() == tryUpgraded:
			// The response has begun: a try's own time ends with that, and all
			// time with an upgrade.
		case t.state.Load() == tryCommitted:
			t.cut()
			panic(http.ErrAbortHandler)
		}
	}
}

// expire answers for an exchange whose time is up.
func (a *attempts) expire() {
	if a.stream > 0 { // it is never longer than the timeout, and began before that
		a.closeUnread()
		a.x.grpcTimedOut(a.out)
		return
	}
	a.fail(timedOut)
}

func (a *attempts) fail(f upstream.Failure) {
	a.closeUnread()
	a.x.fail(a.out, f)
}

func (a *attempts) closeUnread() {
	if a.unread() {
		a.out.Header()["Connection"] = []string{"close"}
	}
}

// fail answers for a destination that gave no response.
func (x *exchange) fail(w http.ResponseWriter, f upstream.Failure) {
	if x.w != nil {
		x.w.catches = false
	}
	if recorder, ok := w.(upstream.FailureRecorder); ok {
		recorder.UpstreamFailed(f)
		return
	}
	if f.Flag == upstream.FlagDownstream {
		panic(http.ErrAbortHandler)
	}
	x.program.localReply(w, x.in, f.Status, f.Body)
}

// clientGone is the failure of an exchange whose request has been cancelled.
func (x *exchange) clientGone() upstream.Failure {
	if x.in.Context().Err() == context.DeadlineExceeded {
		return timedOut
	}
	return upstream.Failure{Flag: upstream.FlagDownstream, Status: upstream.StatusClientClosed, Err: context.Cause(x.in.Context())}
}
