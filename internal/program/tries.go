package program

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// needsAttempts reports whether the exchange needs more than one plain call of
// the backend, because the call may have to be repeated or abandoned.
func (rt *Route) needsAttempts(x *exchange) bool {
	switch {
	case rt.Timeout > 0 || rt.Retry.PerTry > 0:
		return true
	case x.program.Bare:
		return false
	case rt.Retry.Attempts > 0 && (rt.Retry.Declared || x.dest.Remote):
		return true
	}
	return isGRPC(x.in) && (rt.Retry.Attempts > 0 || x.grpcTimeout() > 0)
}

// isGRPC reports whether a request uses gRPC or gRPC-Web.
func isGRPC(r *http.Request) bool {
	return strings.HasPrefix(field.First(r.Header, "Content-Type"), "application/grpc")
}

// attempt calls the destination's backend as often as the route's retry policy
// allows, within its timeouts.
func (x *exchange) attempt(w http.ResponseWriter) {
	rt := x.clause.Route
	stream := x.grpcTimeout()
	timed := rt.Timeout > 0 || stream > 0 || rt.Retry.PerTry > 0
	if !timed && x.retriesOnlyFailures() {
		x.proxy(w)
		return
	}
	x.attempts(w, timed, stream)
}

// attempts is attempt for exchanges that judge responses or have a time limit.
func (x *exchange) attempts(w http.ResponseWriter, timed bool, stream time.Duration) {
	rt := x.clause.Route
	a := &forward.Attempts{
		Owner: x, In: x.in, Request: x.Req, Backend: x.dest.Backend, Out: w,
		Policy: rt.Retry, Previous: x.previousHosts(), Random: x.program.Random,
		Timed: timed, Timeout: rt.Timeout, Stream: stream,
		RoutedAnew: x.v.Chi != nil, TellsAttempts: x.program.Semantics.SendsEnvoyHeaders(),
	}
	a.Serve()
}

// retriesOnlyFailures reports whether only failures before a response may be
// retried, and no body would have to be sent again.
func (x *exchange) retriesOnlyFailures() bool {
	p := x.clause.Route.Retry
	if !x.dest.Remote || p.JudgesStatus || len(p.GRPC) > 0 && isGRPC(x.in) {
		return false
	}
	return x.Req.Body == nil || x.Req.Body == http.NoBody || !p.AnyReset && !p.ResetBeforeRequest
}

// proxy is attempt for exchanges that retry only failures, with a destination
// outside this process: the response goes directly to the client.
func (x *exchange) proxy(w http.ResponseWriter) {
	policy := x.clause.Route.Retry
	var body *touchedBody
	if x.Req.Body != nil && x.Req.Body != http.NoBody {
		body = &touchedBody{ReadCloser: x.Req.Body}
		x.Req.Body = body
	}
	x.w.catches, x.w.retriesConnect = true, policy.Attempts > 0 && policy.RetriesConnect() && x.clause.Route.Avoids(x.dest)
	if x.dest.Budget != nil {
		x.dest.Budget.Earn(x.w.start)
	}
	x.dest.Backend.ServeHTTP(w, x.Req)
	if x.w.caught {
		x.retry(w, body)
	}
}

// retry continues after the failure of the first try. It is separate from proxy
// to keep that function's stack small for most requests.
func (x *exchange) retry(w http.ResponseWriter, body *touchedBody) {
	policy := x.clause.Route.Retry
	previous := x.previousHosts()
	defer previous.End()
	repeats := 0
	for n := 1; ; n++ {
		x.w.caught = false
		x.w.retriesConnect = x.w.retriesConnect && n < policy.Attempts
		f := x.w.failure
		atOnce := false
		switch {
		case n > policy.Attempts || body != nil && body.touched.Load():
			x.Fail(w, f)
			return
		case policy.OnFailure(&f):
			atOnce = previous.Avoids() && policy.AtOnce(n, &f)
		default:
			if !x.Repeats(&f) {
				x.Fail(w, f)
				return
			}
			repeats++
			atOnce = true
		}
		if !previous.Acquire() {
			x.Fail(w, f)
			return
		}
		previous.Add(f.Host)
		x.v.Record.Repeated(observe.Try{Endpoint: f.Host.Address, Flag: f.Flag})
		wait := policy.Backoff(n, x.program.Random)
		if atOnce {
			wait = 0
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-x.in.Context().Done():
			timer.Stop()
			x.Fail(w, forward.ClientGone(x.in))
			return
		}
		if x.program.Semantics.SendsEnvoyHeaders() {
			x.Req.Header[edge.AttemptCountHeader] = []string{strconv.Itoa(n + 1)}
		}
		x.v.Record.Again()
		x.dest.Backend.ServeHTTP(w, x.Req.WithContext(previous.Context(x.Req.Context())))
		previous.Release()
		if !x.w.caught {
			for range repeats {
				x.Returned()
			}
			return
		}
	}
}

// A touchedBody records whether any of it was read. Closing it leaves it for
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

// Fail answers for a destination that gave no response.
func (x *exchange) Fail(w http.ResponseWriter, f upstream.Failure) {
	if x.w != nil {
		x.w.catches = false
	}
	if recorder, ok := w.(upstream.FailureRecorder); ok {
		recorder.UpstreamFailed(f)
		return
	}
	noteFailure(x.v.Record, &f)
	x.program.Failures.Report(x.dest, &f)
	if f.Flag == upstream.FlagDownstream {
		panic(http.ErrAbortHandler)
	}
	x.program.localReply(w, x.in, f.Status, f.Body)
}

// previousHosts returns the PreviousHosts of the exchange, without tried hosts.
func (x *exchange) previousHosts() forward.PreviousHosts {
	rt := x.clause.Route
	return forward.NewPreviousHosts(x.dest.Backend, x.dest.Remote && rt.Avoids(x.dest), rt.Retry.RemoteLocalities)
}

// Avoids reports whether retries avoid hosts that were tried. They do unless
// the policy declares otherwise, or a hash chooses the host of the only
// destination, so that avoiding has no effect.
func (rt *Route) Avoids(d *Destination) bool {
	if p := rt.Retry; p.HostsDeclared {
		return !p.SameHosts
	}
	return rt.Split.Total > 0 || d.Policy == nil || d.Policy.Hash == nil
}

// Repeated takes down a try that another one follows.
func (x *exchange) Repeated(t observe.Try) { x.v.Record.Repeated(t) }

// Again takes down that the next try begins.
func (x *exchange) Again() { x.v.Record.Again() }

// Exhausted takes down that the response of the last try would have been retried.
func (x *exchange) Exhausted() {
	if rec := x.v.Record; rec != nil {
		rec.Exhausted = true
	}
}

// Repeats reports whether a request is sent once more although the route's
// policy does not retry the failure: its connection broke before a response,
// and it changes nothing.
func (x *exchange) Repeats(f *upstream.Failure) bool {
	return x.clause.Route.Retry.Repeats && x.dest.Budget != nil && forward.ChangesNothing(x.Req) &&
		(f.Flag == upstream.FlagTermination || f.Flag == upstream.FlagReset) && x.dest.Budget.Spend()
}

// Returned takes down that a request that was sent once more got a response.
func (x *exchange) Returned() { x.dest.Budget.Return() }

// expectTimeout tells the destination how much time it has.
func (rt *Route) expectTimeout(x *exchange) {
	d := rt.Timeout
	if each := rt.Retry.PerTry; each > 0 && (d <= 0 || each < d) {
		d = each
	}
	if d > 0 {
		x.Req.Header[edge.ExpectedTimeoutHeader] = x.One(strconv.FormatInt(d.Milliseconds(), 10))
	}
}
