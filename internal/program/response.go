package program

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/upstream"
)

// A responseWriter applies a route's response operations when the header of the
// final response is sent, in whatever way a handler does that. Informational
// responses pass unchanged.
type responseWriter struct {
	http.ResponseWriter
	x *exchange
	// sent means that the final header was sent.
	sent bool
	// start is when the gateway received the request.
	start time.Time
	// corsOrigin is the allowed origin, if the response needs CORS headers.
	corsOrigin string
	// host is the endpoint that answers, if it is outside this process.
	host upstream.Host
	// local means that the gateway itself answers. Response operations do not
	// apply then, but CORS headers do.
	local bool
	// catches means that a failure of the destination is stored in failure and
	// sets caught, instead of being answered.
	catches, caught bool
	failure         upstream.Failure
	// retriesConnect means that another try follows if no connection can be made.
	retriesConnect bool
}

// A hijackableWriter is a responseWriter over a connection that can be
// hijacked.
type hijackableWriter struct{ *responseWriter }

func (w hijackableWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	switch {
	case err == nil:
		w.sent = true // by the new owner of the connection
	case w.x.dest.Remote:
		w.x.logFailedUpgrade(err)
	}
	return c, rw, err
}

// hijackable returns w so that it can be hijacked if the writer below can.
func (w *responseWriter) hijackable() http.ResponseWriter {
	if hijack.Can(w.ResponseWriter) {
		return hijackableWriter{w}
	}
	return w
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) WriteHeader(status int) {
	if !w.sent && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.commit(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.sent {
		w.commit(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

func (w *responseWriter) WriteString(s string) (int, error) {
	if !w.sent {
		w.commit(http.StatusOK)
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets the writer below copy without a buffer if it can.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.sent {
		w.commit(http.StatusOK)
	}
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return rf.ReadFrom(r)
	}
	return io.Copy(writerOnly{w.ResponseWriter}, r)
}

// writerOnly hides every method but Write.
type writerOnly struct{ io.Writer }

func (w *responseWriter) Flush() { _ = w.FlushError() }

func (w *responseWriter) FlushError() error {
	if !w.sent {
		w.commit(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// UpstreamHost records which endpoint answers.
func (w *responseWriter) UpstreamHost(h upstream.Host) {
	w.host = h
	w.x.v.Record.At(h.Address, h.Protocol)
}

// RetriesConnect reports whether another try follows if no connection can be made.
func (w *responseWriter) RetriesConnect() bool { return w.retriesConnect }

// UpstreamFailed answers for a destination that gave no response. A client that
// is gone gets no answer.
func (w *responseWriter) UpstreamFailed(f upstream.Failure) {
	if w.catches {
		w.failure, w.caught = f, true
		return
	}
	noteFailure(w.x.v.Record, &f)
	w.x.program.Failures.Report(w.x.dest, &f)
	if f.Flag == upstream.FlagDownstream {
		panic(http.ErrAbortHandler)
	}
	w.local = true
	if errors.Is(f.Err, upstream.ErrNotHijackable) {
		w.x.logRefusedUpgrade(w.ResponseWriter)
	}
	if body := w.x.in.Body; w.x.in.ProtoMajor == 1 && body != nil && body != http.NoBody {
		// The destination may not have read the whole body, and net/http's
		// server might read the rest as another request.
		w.Header()["Connection"] = []string{"close"}
	}
	if f.Overloaded {
		w.Header()["X-Envoy-Overloaded"] = []string{"true"}
	}
	localreply.WriteEdited(w, w.x.in, f.Status, f.Body, w.x.program.LocalReply)
}

// finish sends the header of a handler that returned without doing so.
func (w *responseWriter) finish() {
	if !w.sent {
		w.commit(http.StatusOK)
	}
}

// commit prepares the header to be sent.
func (w *responseWriter) commit(status int) {
	w.sent = true
	x, h := w.x, w.Header()
	if x.dest != nil && !w.local {
		c := header.Context{X: x, Request: x.Req.Header, Rewritten: true, Response: h, Status: status}
		for _, ops := range x.dest.Response {
			if ops != nil {
				ops.Apply(h, &c, freshValue)
			}
		}
		if x.program.Semantics.SendsEnvoyHeaders() {
			h["X-Envoy-Upstream-Service-Time"] = []string{strconv.FormatInt(time.Since(w.start).Milliseconds(), 10)}
		}
	}
	if w.corsOrigin != "" {
		x.clause.Route.CORS.decorate(h, w.corsOrigin)
	}
	if x.program.Semantics.SendsEnvoyHeaders() {
		h["Server"] = serverName
	}
}

// serverName is shared by all responses and never changed: its capacity is its
// length.
var serverName = []string{"istio-envoy"}

func freshValue(s string) []string { return []string{s} }

// localReply answers r as Envoy's own replies do.
func (p *Program) localReply(w http.ResponseWriter, r *http.Request, status int, body string) {
	if p.Semantics.SendsEnvoyHeaders() {
		w.Header()["Server"] = serverName
	}
	localreply.WriteEdited(w, r, status, body, p.LocalReply)
}
