package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/pace"
)

// The response flags of a Failure: Envoy's %RESPONSE_FLAGS%.
const (
	FlagNoHealthyUpstream = "UH"  // no endpoint to send to
	FlagOverflow          = "UO"  // a limit of the destination was reached
	FlagConnectFailure    = "UF"  // no connection could be made
	FlagTermination       = "UC"  // the backend closed the connection
	FlagReset             = "UR"  // the backend reset the HTTP/2 stream
	FlagProtocolError     = "UPE" // the backend does not speak HTTP
	FlagTimeout           = "UT"  // the request ran out of time
	FlagDownstream        = "DC"  // the client disconnected
	FlagDNSFailure        = "DF"  // the requested name has no address
	FlagStreamIdle        = "SI"  // nothing of the request moved for too long
)

// ErrTimeout is a cause for canceling a request's context when its time is up.
// Like context.DeadlineExceeded, it makes the client's answer a 504.
var ErrTimeout = errors.New("upstream request timeout")

// StatusClientClosed is the Status of a Failure with FlagDownstream. No client
// is left to read it.
const StatusClientClosed = 499

// A Failure is an exchange that ended before the head of a response was read.
type Failure struct {
	// Flag is Envoy's response flag, such as FlagConnectFailure. It is empty if
	// the request's body was longer than an http.MaxBytesReader in it allows, or too slow.
	Flag string
	// Status and Body are Envoy's answer.
	Status int
	Body   string
	// Overloaded means that a limit of the destination was reached, so that
	// Envoy adds "x-envoy-overloaded: true". Such a failure must not be
	// retried.
	Overloaded bool
	// Refused means that the backend refused the HTTP/2 stream, which
	// guarantees that it did nothing (REFUSED_STREAM).
	Refused bool
	// Host is where the request was sent, or should have been. It is zero if none
	// was chosen.
	Host Host
	// Err is the cause. It may name addresses of backends.
	Err error
	// RequestSent is false only if no byte of the request was sent.
	RequestSent bool
}

// FailureRecorder is implemented by response writers that answer or retry
// failures themselves. UpstreamFailed is called at most once in a ServeHTTP, in
// its goroutine, and nothing is written then.
type FailureRecorder interface{ UpstreamFailed(Failure) }

// fail passes f to w, or answers r as Envoy does.
func fail(w http.ResponseWriter, r *http.Request, f Failure) {
	if recorder, ok := w.(FailureRecorder); ok {
		recorder.UpstreamFailed(f)
		return
	}
	if f.Flag == FlagDownstream {
		// A return would answer 200 with an empty body.
		panic(http.ErrAbortHandler)
	}
	if f.Overloaded {
		w.Header()["X-Envoy-Overloaded"] = []string{"true"}
	}
	localreply.Write(w, r, f.Status, f.Body)
}

// resetPrefix begins the body of an answer to a failed exchange.
const resetPrefix = "upstream connect error or disconnect/reset before headers. reset reason: "

// The failure of an exchange can be one of these kinds. Any other error is a
// protocol violation.
type (
	// A dialError is a connection that could not be made.
	dialError struct{ err error }
	// A clientError is a failure to read the client's request body.
	clientError struct{ err error }
	// A brokenError is a connection that ended or broke.
	brokenError struct{ err error }
	// A requestError is a request that cannot be sent.
	requestError struct{ err error }
)

func (e *dialError) Error() string   { return e.err.Error() }
func (e *dialError) Unwrap() error   { return e.err }
func (e *clientError) Error() string { return "reading the request: " + e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }
func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// errNoEndpoint is the cause of FlagNoHealthyUpstream.
var errNoEndpoint = errors.New("no healthy upstream")

// classify returns the Failure for err in a request with ctx.
func classify(ctx context.Context, err error, sent bool) Failure {
	f := Failure{Err: err, Status: http.StatusServiceUnavailable, RequestSent: sent}
	var (
		dial   *dialError
		client *clientError
		broken *brokenError
		refuse *refusal
		limit  *http.MaxBytesError
		idle   *pace.StreamTimeout
	)
	switch cause := context.Cause(ctx); {
	case cause != nil && (errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, ErrTimeout)):
		f.Flag, f.Status, f.Body = FlagTimeout, http.StatusGatewayTimeout, "upstream request timeout"
	case errors.As(cause, &idle):
		f.Flag, f.Status, f.Body = FlagStreamIdle, idle.Status, pace.StreamTimeoutBody
	case errors.Is(err, pace.ErrSlowBody):
		f.Status, f.Body = http.StatusRequestTimeout, "request timeout"
	case cause != nil:
		f.Flag, f.Status = FlagDownstream, StatusClientClosed
	case errors.As(err, &limit):
		f.Status, f.Body = http.StatusRequestEntityTooLarge, "Payload Too Large"
	case errors.As(err, &client):
		f.Flag, f.Status = FlagDownstream, StatusClientClosed
	case errors.Is(err, errNoEndpoint):
		f.Flag, f.Body = FlagNoHealthyUpstream, "no healthy upstream"
	case errors.As(err, &refuse):
		f.Flag, f.Body = refuse.flag, refuse.body
	case errors.Is(err, errOverflow):
		f.Flag, f.Body, f.Overloaded = FlagOverflow, resetPrefix+"overflow", true
	case errors.As(err, &dial):
		f.Flag, f.Body, f.RequestSent = FlagConnectFailure, resetPrefix+dialReason(dial.err), false
	case errors.As(err, &broken):
		f.Flag, f.Body = FlagTermination, resetPrefix+"connection termination"
	case isReset(err):
		f.Flag, f.Body, f.Refused = FlagReset, resetPrefix+"remote reset", isRefused(err)
		if f.Refused {
			f.Body = resetPrefix + "remote refused stream reset"
		}
	case isBroken(err):
		f.Flag, f.Body = FlagTermination, resetPrefix+"connection termination"
	default:
		f.Flag, f.Status, f.Body = FlagProtocolError, http.StatusBadGateway, resetPrefix+"protocol error"
	}
	return f
}

// dialReason returns Envoy's text for err. It contains no address.
func dialReason(err error) string {
	const failure = "remote connection failure"
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
		alert  tls.AlertError
		own    *handshakeError
		errno  syscall.Errno
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "connection timeout"
	case errors.As(err, &verify):
		return failure + ", transport failure reason: TLS_error:|CERTIFICATE_VERIFY_FAILED:TLS_error_end"
	case errors.As(err, &header):
		return failure + ", transport failure reason: TLS_error:|WRONG_VERSION_NUMBER:TLS_error_end"
	case errors.As(err, &alert), errors.As(err, &own):
		return failure + ", transport failure reason: TLS_error:|HANDSHAKE_FAILURE:TLS_error_end"
	case errors.As(err, &errno):
		if text := errno.Error(); text != "" {
			return failure + ", transport failure reason: delayed connect error: " + strings.ToUpper(text[:1]) + text[1:]
		}
	}
	return failure
}

// isBroken reports whether err means that the backend's connection ended.
func isBroken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, &op) ||
		strings.Contains(err.Error(), "server closed idle connection") ||
		// The error continues with "conn not usable", "connection lost" and so
		// on.
		strings.Contains(err.Error(), "http2: client conn") ||
		strings.Contains(err.Error(), "sent GOAWAY and closed the connection")
}

// isReset reports whether err means that the backend reset an HTTP/2 stream.
// net/http does not export the type.
func isReset(err error) bool {
	return isRefused(err) || strings.Contains(err.Error(), "stream error:") && !strings.Contains(err.Error(), "PROTOCOL_ERROR")
}

// isRefused reports whether a reset means that nothing was done, as a GOAWAY
// means for the streams beyond its last one.
func isRefused(err error) bool {
	text := err.Error()
	return strings.Contains(text, "stream error:") && strings.Contains(text, "REFUSED_STREAM") ||
		strings.Contains(text, "http2: Transport received") && strings.Contains(text, "GOAWAY")
}
