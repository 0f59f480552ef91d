package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// attempts are the tries of one exchange.
type attempts struct {
	exchange attempted
	// in is the request as it came, and request what the backend gets.
	in, request *http.Request
	backend     http.Handler
	out         http.ResponseWriter
	policy      *retryProgram
	random      func() uint64
	// routedAnew says that a chi router is around: each try after the first gets a
	// routing state of its own.
	routedAnew bool
	// tellsAttempts says that a retry carries Envoy's headers that count it.
	tellsAttempts bool
	body          *replayBody
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

// An attempted is the exchange that the tries belong to.
type attempted interface {
	// fail answers for a destination that gave no response.
	fail(w http.ResponseWriter, f upstream.Failure)
	// grpcTimedOut answers a gRPC client whose own time is up.
	grpcTimedOut(w http.ResponseWriter)
	// repeats reports whether a request is sent once more, although the policy
	// does not retry the failure.
	repeats(f *upstream.Failure) bool
}

// serve makes the tries, until one answers or there is no other.
func (a *attempts) serve() {
	a.body = newReplayBody(a.request, a.timed)
	defer a.end()
	if a.body != nil {
		a.arrived = a.body.arrived
	} else {
		a.begin()
	}
	if a.stream > 0 {
		a.streamOver = time.NewTimer(a.stream)
	}
	a.run()
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
		case end == tryFailed && !(retry && (a.policy.onFailure(&t.failure) || a.exchange.repeats(&t.failure)) && a.previous.acquire()):
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
		case a.in.Context().Err() != nil:
			a.fail(clientGone(a.in))
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
	timer := time.NewTimer(a.policy.backoff(n, a.random))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-signal(a.over):
		a.expired = true
	case <-signal(a.streamOver):
		a.expired = true
	case <-a.in.Context().Done():
	}
}

// next returns the n-th try, and the request that it gets. As long as another
// one may follow, that is a copy: a handler may change what it gets, and go on
// doing so after it was given up.
func (a *attempts) next(n int) (*try, *http.Request) {
	parent := a.request.Context()
	if n > 1 && a.routedAnew {
		parent = routedAnew(a.in.Context())
	}
	if n > 1 {
		parent = a.previous.context(parent)
	}
	ctx, cancel := context.WithCancelCause(parent)
	t := &try{
		out: a.out, header: a.out.Header().Clone(), settled: make(chan struct{}),
		cancel: cancel, alone: !a.timed, unread: a.unread,
	}
	r := a.request.WithContext(ctx)
	if n <= a.policy.attempts {
		t.again = func(status int, h http.Header) bool {
			return a.policy.onResponse(status, h) && a.body.replayable() && a.previous.acquire()
		}
		r = a.request.Clone(ctx)
		r.Trailer = a.request.Trailer // which is filled when the body has been read
	}
	if a.body != nil {
		r.Body = a.body.reader
	}
	if n > 1 && a.tellsAttempts {
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
	return a.timed && a.in.ProtoMajor == 1 && a.body.unread()
}

// await has a try served and waits until it is settled or given up.
func (a *attempts) await(t *try, r *http.Request) tryEnd {
	defer t.cancel(nil)
	backend := a.backend
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
		a.exchange.grpcTimedOut(a.out)
		return
	}
	a.fail(timedOut)
}

func (a *attempts) fail(f upstream.Failure) {
	a.closeUnread()
	a.exchange.fail(a.out, f)
}

func (a *attempts) closeUnread() {
	if a.unread() {
		a.out.Header()["Connection"] = []string{"close"}
	}
}

// clientGone is the failure of an exchange whose request in has been cancelled.
func clientGone(in *http.Request) upstream.Failure {
	if in.Context().Err() == context.DeadlineExceeded {
		return timedOut
	}
	return upstream.Failure{Flag: upstream.FlagDownstream, Status: upstream.StatusClientClosed, Err: context.Cause(in.Context())}
}
