package program

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/record"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// A Mirror is a compiled spec.Mirror.
type Mirror struct {
	Destination Destination
	Share       share
}

// mirror sends copies of the prepared request. All mirrors use one random
// number, as in Envoy: two mirrors of 50 % get the same half. mirror returns
// the request's body, or nil. When the exchange is over, the body ends the
// bodies of the copies.
func (x *exchange) mirror() *forward.TeeBody {
	p := x.program
	drawn := p.Random()
	var tee *forward.TeeBody
	for i := range x.clause.Route.Mirrors {
		m := &x.clause.Route.Mirrors[i]
		if m.Destination.Backend == nil || !m.Share.covers(drawn) {
			continue
		}
		ctx, done, ok := p.Background.Begin(context.WithoutCancel(chiroute.Anew(x.in.Context())))
		if !ok {
			continue
		}
		if x.v.Routing != nil && m.Destination.Observed.InProcess {
			ctx = withRouting(ctx, x.v.Routing, &m.Destination)
		}
		r := x.Req.Clone(ctx)
		if m.Destination.Remote {
			// For a destination with useClientProtocol, Envoy itself is the
			// mirror's client.
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
		}
		if body := x.Req.Body; body != nil && body != http.NoBody {
			if tee == nil {
				tee = &forward.TeeBody{ReadCloser: body, Trailer: x.Req.Trailer}
			}
			copied := forward.NewCopiedBody(r.Trailer, &p.Background.Lag)
			tee.Copies = append(tee.Copies, copied)
			r.Body = copied
		}
		timeout := x.clause.Route.Timeout
		go func() {
			defer done()
			m.call(r, timeout, p)
		}()
	}
	if tee != nil {
		x.Req.Body = tee
	}
	return tee
}

// call sends one copy and drops the answer.
func (m *Mirror) call(r *http.Request, timeout time.Duration, p *Program) {
	w := &discardWriter{header: make(http.Header), record: p.Observers.Mirror(r, m.Destination.Observed)}
	if w.record != nil {
		defer func() { w.record.End(r.Context(), nil) }()
	}
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
			w.record.Ended(observe.FlagLocalReset, observe.DetailsPanic)
			p.Log.LogAttrs(r.Context(), slog.LevelError, "mirror panicked",
				slog.String("destination", m.Destination.Host), slog.Any("panic", err), slog.String("stack", string(debug.Stack())))
		}
	}()
	m.Destination.Backend.ServeHTTP(w, r)
}

// A discardWriter drops a response.
type discardWriter struct {
	header http.Header
	// record is nil if nobody observes.
	record *record.Record
}

func (w *discardWriter) Header() http.Header { return w.header }

func (w *discardWriter) WriteHeader(status int) {
	if w.record != nil && w.record.Status == 0 && status >= 200 {
		w.record.Status = status
	}
}

func (w *discardWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.record != nil {
		w.record.ResponseBytes += int64(len(p))
	}
	return len(p), nil
}

// UpstreamHost takes down the endpoint.
func (w *discardWriter) UpstreamHost(h upstream.Host) { w.record.At(h.Address, h.Protocol) }

// UpstreamFailed takes down that there is no response.
func (w *discardWriter) UpstreamFailed(f upstream.Failure) { noteFailure(w.record, &f) }

func (w *discardWriter) Flush() {}

// Hijack fails, but only after a copy of a request for an upgrade was sent.
func (w *discardWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}
