package gateway

import (
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
	a := &attempts{
		exchange: x, in: x.in, request: x.req, backend: x.dest.backend, out: w,
		policy: rt.retry, previous: x.previousHosts(), random: x.program.random,
		timed: timed, timeout: rt.timeout, stream: stream,
		routedAnew: x.v.chi != nil, tellsAttempts: x.program.semantics.sendsEnvoyHeaders(),
	}
	a.serve()
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
			x.fail(w, clientGone(x.in))
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

// previousHosts returns those of the exchange, of which none was tried yet.
func (x *exchange) previousHosts() previousHosts {
	rt := x.clause.route
	return newPreviousHosts(x.dest.backend, x.dest.remote && rt.avoids(x.dest), rt.retry.remoteLocalities)
}

// avoids reports whether retries keep away from hosts that were tried. That is
// so unless the policy says otherwise, or the only destination is chosen by a
// hash, which would be in vain.
func (rt *routeProgram) avoids(d *destination) bool {
	if p := rt.retry; p.hostsDeclared {
		return !p.sameHosts
	}
	return rt.split.total > 0 || d.policy == nil || d.policy.hash == nil
}

// repeats reports whether a request is sent once more, although the route's
// policy does not retry the failure: its connection broke before a response,
// and it changes nothing.
func (x *exchange) repeats(f *upstream.Failure) bool {
	return x.clause.route.retry.repeats && x.dest.budget != nil && changesNothing(x.req) &&
		(f.Flag == upstream.FlagTermination || f.Flag == upstream.FlagReset) && x.dest.budget.spend()
}

// expectTimeout tells the destination how long it has.
func (rt *routeProgram) expectTimeout(x *exchange) {
	d := rt.timeout
	if each := rt.retry.perTry; each > 0 && (d <= 0 || each < d) {
		d = each
	}
	if d > 0 {
		x.req.Header[headerExpected] = x.one(strconv.FormatInt(d.Milliseconds(), 10))
	}
}
