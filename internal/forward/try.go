package forward

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// TimeoutBody is the response body of Envoy's router after a timeout.
const TimeoutBody = "upstream request timeout"

// A try is one call of a backend. No part of its response reaches the client
// before it is certain that this response is the answer, and no part after the
// backend was abandoned.
type try struct {
	out http.ResponseWriter
	// again reports whether a response must be retried. It is nil in the last
	// try.
	again func(status int, h http.Header) bool
	// retriesConnect means that a failure to connect is tried again, if again is set.
	retriesConnect bool
	// last sees the response of the last of several tries. It is nil in others.
	last func(status int, h http.Header)
	// status is that of a response that again has seen.
	status int
	// unread reports whether a response must end the client's connection.
	unread func() bool
	cancel context.CancelCauseFunc
	// alone means that the backend runs in the goroutine that waits for it, so it
	// cannot be abandoned.
	alone bool

	state atomic.Uint32
	// header is what the backend sees as the response's header.
	header http.Header
	// writing is held while the backend uses out.
	writing sync.Mutex

	// host is where the backend has sent the request, if that is outside this
	// process.
	host atomic.Pointer[upstream.Host]

	settle sync.Once
	// settled is closed when the result of the try is known. The fields below may
	// be read only then.
	settled   chan struct{}
	repeat    bool
	failed    bool
	failure   upstream.Failure
	recovered any
}

// The states of a try. The code that moves it out of tryOpen decides what happens
// to it.
const (
	tryOpen uint32 = iota
	// tryCommitted: the response's header is on its way to the client.
	tryCommitted
	// tryUpgraded: the connection belongs to the backend, and timeouts no
	// longer apply.
	tryUpgraded
	// tryAbandoned: the backend's output is ignored.
	tryAbandoned
)

// A tryEnd is the way a try ended.
type tryEnd uint8

const (
	// tryAnswered: the client has its response.
	tryAnswered tryEnd = iota
	// tryRepeat: there was a response, and the policy retries it.
	tryRepeat
	// tryFailed: there was no response.
	tryFailed
	// tryTimedOut: this try exceeded its timeout before a response.
	tryTimedOut
	// tryExpired: the whole exchange exceeded its timeout before a response.
	tryExpired
)

// serve calls the backend.
func (t *try) serve(backend http.Handler, r *http.Request) {
	defer t.settle.Do(func() { close(t.settled) })
	defer func() {
		if t.alone && t.state.Load() != tryAbandoned {
			return // the panic continues where it began
		}
		// Nobody needs the result of an abandoned backend.
		if err := recover(); err != nil && t.state.Load() != tryAbandoned {
			t.recovered = err
		}
	}()
	backend.ServeHTTP(t.writer(), r)
}

// end returns how a settled try ended. A panic of the backend continues in the
// goroutine of the exchange.
func (t *try) end() tryEnd {
	switch {
	case t.recovered != nil:
		panic(t.recovered)
	case t.repeat:
		return tryRepeat
	case t.failed:
		return tryFailed
	}
	if t.state.Load() == tryOpen && !t.commit(http.StatusOK) {
		return tryRepeat
	}
	// If nothing was written, the writer below sends the header.
	copyTrailers(t.out.Header(), t.header)
	return tryAnswered
}

// abandon abandons the backend, unless its response has begun.
func (t *try) abandon(cause error) bool {
	if !t.state.CompareAndSwap(tryOpen, tryAbandoned) {
		return false
	}
	t.cancel(cause)
	// An informational response may be on its way.
	t.writing.Lock()
	defer t.writing.Unlock()
	return true
}

// cut ends a response that has begun. The caller must make sure that it does not
// look complete.
func (t *try) cut() {
	t.cancel(upstream.ErrTimeout)
	if !t.writing.TryLock() {
		// The backend waits for a client that does not read.
		_ = http.NewResponseController(t.out).SetWriteDeadline(time.Now())
		t.writing.Lock()
	}
	t.state.Store(tryAbandoned)
	t.writing.Unlock()
}

// commit replaces the client's header with the backend's, or abandons the try if
// it must be repeated.
func (t *try) commit(status int) bool {
	if t.again != nil && t.again(status, t.header) {
		if t.state.CompareAndSwap(tryOpen, tryAbandoned) {
			t.repeat = true
			t.cancel(errAbandoned)
			t.settle.Do(func() { close(t.settled) })
		}
		return false
	}
	next := tryCommitted
	if status == http.StatusSwitchingProtocols {
		next = tryUpgraded
	}
	if !t.state.CompareAndSwap(tryOpen, next) {
		return false
	}
	if t.last != nil {
		t.last(status, t.header)
	}
	replaceHeader(t.out.Header(), t.header)
	if recorder, ok := t.out.(upstream.HostRecorder); ok {
		if h := t.host.Load(); h != nil {
			recorder.UpstreamHost(*h)
		}
	}
	if next == tryCommitted && t.unread() {
		t.out.Header()["Connection"] = []string{"close"}
	}
	return true
}

// replaceHeader makes h equal to from.
func replaceHeader(h, from http.Header) {
	clear(h)
	maps.Copy(h, from)
}

// copyTrailers copies the trailers that the backend put in its header after the
// header was sent: announced ones, and those marked with http.TrailerPrefix.
func copyTrailers(to, from http.Header) {
	for key, lines := range from {
		if isTrailer(from, key) {
			to[key] = lines
		}
	}
}
