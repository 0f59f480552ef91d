// Package forward sends a request to its backend: with timeouts, with retries,
// with a body that can be sent again, and with copies to mirrors. The main types
// are Attempts, the tries of one exchange; Retry, a compiled spec.Retry; and
// Background, the work after a response.
package forward

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/pace"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// Attempts are the tries of one exchange.
type Attempts struct {
	Owner Exchange
	// In is the request as it was received, and Request is what the backend
	// gets.
	In, Request *http.Request
	Backend     http.Handler
	Out         http.ResponseWriter
	Policy      *Retry
	Random      func() uint64
	// RoutedAnew means that there is a surrounding chi router: each try after the
	// first gets its own routing state.
	RoutedAnew bool
	// TellsAttempts means that a retry has Envoy's headers that count attempts.
	TellsAttempts bool
	body          *replayBody
	// Previous is what the next try must know about the earlier tries.
	Previous PreviousHosts
	// Timed means that a try may have to be abandoned. Its backend then runs in
	// its own goroutine.
	Timed bool

	// Timeout limits all tries together from the end of the request, and Stream
	// from its beginning.
	Timeout, Stream time.Duration
	// arrived is closed when the whole request has arrived; nil from then on.
	arrived <-chan struct{}
	// complete is the time when the whole request had arrived.
	complete         time.Time
	over, streamOver *time.Timer
	// expired means that one of the two timers has fired.
	expired bool
	// repeats counts the tries that Owner.Repeats has allowed. atOnce means that the next
	// try need not wait.
	repeats int
	atOnce  bool
}

// An Exchange is the exchange to which the tries belong.
type Exchange interface {
	// Fail answers when a destination gave no response.
	Fail(w http.ResponseWriter, f upstream.Failure)
	// GRPCTimedOut answers a gRPC client whose own timeout has passed.
	GRPCTimedOut(w http.ResponseWriter)
	// Repeats reports whether a request is sent once more, although the policy
	// does not retry the failure.
	Repeats(f *upstream.Failure) bool
	// Returned takes down that a request that was sent once more got a response.
	Returned()
	// Repeated takes down a try that another one follows.
	Repeated(t observe.Try)
	// Again takes down that the next try begins.
	Again()
	// Exhausted takes down that the policy retries the last response, and no
	// try is left.
	Exhausted()
}

// Serve makes tries until one answers or no more are allowed.
func (a *Attempts) Serve() {
	a.body = NewReplayBody(a.Request, a.Timed)
	defer a.end()
	if a.body != nil {
		a.arrived = a.body.arrived
	} else {
		a.begin()
	}
	if a.Stream > 0 {
		a.streamOver = time.NewTimer(a.Stream)
	}
	a.run()
}

// begin starts the clock of the route's timeout.
func (a *Attempts) begin() {
	a.complete = time.Now()
	if a.Timeout > 0 {
		a.over = time.NewTimer(a.Timeout)
	}
}

func (a *Attempts) end() {
	a.Previous.End()
	a.body.Finish()
	stop(a.over)
	stop(a.streamOver)
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// signal returns the channel of t, or nil if t is nil.
func signal(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// timedOut is the failure of a backend that was too slow.
var timedOut = upstream.Failure{
	Flag: upstream.FlagTimeout, Status: http.StatusGatewayTimeout, Body: TimeoutBody, RequestSent: true, Err: upstream.ErrTimeout,
}

func (a *Attempts) run() {
	for n := 1; ; n++ {
		t, r := a.next(n)
		end := a.await(t, r)
		if n > 1 {
			a.Previous.Release()
		}
		retry := n <= a.Policy.Attempts && a.body.Replayable()
		switch {
		case end == tryAnswered:
			for range a.repeats {
				a.Owner.Returned()
			}
			return
		case end == tryExpired:
			a.expire()
			return
		case end == tryTimedOut && !(retry && a.Policy.onTimeout() && a.Previous.Acquire()):
			a.fail(timedOut)
			return
		case end == tryFailed && !(retry && a.retries(n, &t.failure) && a.Previous.Acquire()):
			a.fail(t.failure)
			return
		}
		a.repeated(t, end)
		a.pause(n)
		a.atOnce = false
		switch {
		case a.expired:
			a.expire()
			return
		case a.In.Context().Err() != nil:
			a.fail(ClientGone(a.In))
			return
		}
		a.body.Again()
		a.Owner.Again()
	}
}

// retries reports whether another try follows the failure of the n-th one.
func (a *Attempts) retries(n int, f *upstream.Failure) bool {
	if a.Policy.OnFailure(f) {
		a.atOnce = a.Previous.Avoids() && a.Policy.AtOnce(n, f)
		return true
	}
	if !a.Owner.Repeats(f) {
		return false
	}
	a.repeats++
	a.atOnce = true
	return true
}

// repeated takes down a try that another one follows.
func (a *Attempts) repeated(t *try, end tryEnd) {
	tried := observe.Try{Status: t.status}
	if h := t.host.Load(); h != nil {
		a.Previous.Add(*h)
		tried.Endpoint = h.Address
	}
	switch end {
	case tryFailed:
		tried.Flag = t.failure.Flag
	case tryTimedOut:
		tried.Flag = upstream.FlagTimeout
	}
	a.Owner.Repeated(tried)
}

// pause waits before the n-th retry, as long as that is useful.
func (a *Attempts) pause(n int) {
	if a.expired || a.atOnce {
		return
	}
	timer := time.NewTimer(a.Policy.Backoff(n, a.Random))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-signal(a.over):
		a.expired = true
	case <-signal(a.streamOver):
		a.expired = true
	case <-a.In.Context().Done():
	}
}

// next returns the n-th try and its request. If another try may follow, the
// request is a copy: a handler may change its request, even after it was
// abandoned.
func (a *Attempts) next(n int) (*try, *http.Request) {
	parent := a.Request.Context()
	if n > 1 && a.RoutedAnew {
		parent = chiroute.Anew(a.In.Context())
	}
	if n > 1 {
		parent = a.Previous.Context(parent)
	}
	ctx, cancel := context.WithCancelCause(parent)
	t := &try{
		out: a.Out, header: a.Out.Header().Clone(), settled: make(chan struct{}),
		cancel: cancel, alone: !a.Timed, unread: a.unread,
	}
	r := a.Request.WithContext(ctx)
	if n <= a.Policy.Attempts {
		t.retriesConnect = a.Policy.RetriesConnect() && a.Previous.Avoids()
		t.again = func(status int, h http.Header) bool {
			t.status = status
			return a.Policy.onResponse(status, h) && a.body.Replayable() && a.Previous.Acquire()
		}
		r = a.Request.Clone(ctx)
		r.Trailer = a.Request.Trailer // which is filled when the body has been read
	}
	if n > 1 && n > a.Policy.Attempts {
		t.last = func(status int, h http.Header) {
			if a.Policy.onResponse(status, h) {
				a.Owner.Exhausted()
			}
		}
	}
	if a.body != nil {
		r.Body = a.body.Reader
	}
	if n > 1 && a.TellsAttempts {
		r.Header[edge.AttemptCountHeader] = []string{strconv.Itoa(n)}
		if left := a.expected(); left > 0 {
			r.Header[edge.ExpectedTimeoutHeader] = []string{strconv.FormatInt(left.Milliseconds(), 10)}
		}
	}
	return t, r
}

// expected returns the maximum time of a try.
func (a *Attempts) expected() time.Duration {
	d := a.Policy.PerTry
	if a.Timeout > 0 {
		left := a.Timeout
		if !a.complete.IsZero() {
			left = max(left-time.Since(a.complete), time.Millisecond)
		}
		if d == 0 || left < d {
			d = left
		}
	}
	return d
}

// unread reports whether the response must end the client's connection, because
// the server would read the rest of the request as another request.
func (a *Attempts) unread() bool {
	return a.Timed && a.In.ProtoMajor == 1 && a.body.unread()
}

// await serves a try and waits until it is settled or abandoned.
func (a *Attempts) await(t *try, r *http.Request) tryEnd {
	defer t.cancel(nil)
	backend := a.Backend
	if t.alone {
		t.serve(backend, r)
		return t.end()
	}
	go t.serve(backend, r)
	var each *time.Timer
	defer func() { stop(each) }()
	for {
		if a.arrived == nil && each == nil && a.Policy.PerTry > 0 {
			each = time.NewTimer(a.Policy.PerTry)
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

// expire answers for an exchange that exceeded its timeout.
func (a *Attempts) expire() {
	if a.Stream > 0 { // it is never longer than the timeout, and began before that
		a.closeUnread()
		a.Owner.GRPCTimedOut(a.Out)
		return
	}
	a.fail(timedOut)
}

func (a *Attempts) fail(f upstream.Failure) {
	a.closeUnread()
	a.Owner.Fail(a.Out, f)
}

func (a *Attempts) closeUnread() {
	if a.unread() {
		a.Out.Header()["Connection"] = []string{"close"}
	}
}

// ClientGone returns the failure of an exchange whose request in was canceled.
func ClientGone(in *http.Request) upstream.Failure {
	if in.Context().Err() == context.DeadlineExceeded {
		return timedOut
	}
	cause := context.Cause(in.Context())
	var idle *pace.StreamTimeout
	if errors.As(cause, &idle) {
		return upstream.Failure{Flag: upstream.FlagStreamIdle, Status: idle.Status, Body: pace.StreamTimeoutBody, Err: cause}
	}
	return upstream.Failure{Flag: upstream.FlagDownstream, Status: upstream.StatusClientClosed, Err: cause}
}
