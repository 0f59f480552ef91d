package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// retryConditions are the words of Retry.On, besides status codes.
var retryConditions = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "cancelled", "deadline-exceeded", "internal",
	"resource-exhausted", "unavailable", "http3-post-connect-failure",
}

// defaultRetryOn is what Istio retries on where a route does not say.
var defaultRetryOn = []string{"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"}

// grpcRetries are the conditions on the gRPC status of a response's header.
var grpcRetries = map[string]string{
	"cancelled": "1", "deadline-exceeded": "4", "resource-exhausted": "8", "internal": "13", "unavailable": "14",
}

// A retryProgram is a Retry, compiled.
type retryProgram struct {
	// declared says that the route has a policy of its own.
	declared bool
	attempts int
	perTry   time.Duration
	base     time.Duration
	on       []string
	// sameHosts lets a retry go to a host that was tried.
	sameHosts bool
	// hostsDeclared says that the policy says so, one way or the other.
	hostsDeclared bool
	// remoteLocalities lets retries leave the localities that were tried.
	remoteLocalities bool
	// repeats lets a request that changes nothing be sent again when its
	// connection broke before a response.
	repeats bool

	anyReset, resetBeforeRequest, connectFailure, refusedStream bool
	serverErrors, gatewayErrors, conflict, rateLimited          bool
	// judgesStatus says that the status of a response may call for a retry.
	judgesStatus bool

	codes []int
	grpc  []string
}

// compileRetry compiles a policy; nil is Istio's default.
func compileRetry(r *spec.Retry) retryProgram {
	if r == nil {
		r = &spec.Retry{Attempts: 2}
		p := compileRetry(r)
		p.declared = false
		return p
	}
	p := retryProgram{declared: true, attempts: r.Attempts, perTry: r.PerTryTimeout, base: r.Backoff, on: r.On}
	if p.base <= 0 {
		p.base = 25 * time.Millisecond
	}
	if len(p.on) == 0 {
		p.on = defaultRetryOn
	}
	p.sameHosts, p.hostsDeclared = r.SameHosts != nil && *r.SameHosts, r.SameHosts != nil
	p.remoteLocalities = r.RemoteLocalities
	for _, word := range p.on {
		switch word {
		case "5xx":
			p.serverErrors, p.anyReset, p.connectFailure, p.refusedStream = true, true, true, true
		case "gateway-error":
			p.gatewayErrors, p.anyReset, p.connectFailure, p.refusedStream = true, true, true, true
		case "reset":
			p.anyReset, p.connectFailure, p.refusedStream = true, true, true
		case "reset-before-request":
			p.resetBeforeRequest, p.connectFailure = true, true
		case "connect-failure":
			p.connectFailure = true
		case "refused-stream":
			p.refusedStream = true
		case "retriable-4xx":
			p.conflict = true
		case "envoy-ratelimited":
			p.rateLimited = true
		default:
			if code, ok := grpcRetries[word]; ok {
				p.grpc = append(p.grpc, code)
			} else if code, err := strconv.Atoi(word); err == nil {
				p.codes = append(p.codes, code)
			}
		}
	}
	p.judgesStatus = p.serverErrors || p.gatewayErrors || p.conflict || p.rateLimited || len(p.codes) > 0
	return p
}

// conditions returns what the policy retries on besides status codes. Codes
// bring their condition with them, as in Istio.
func (p *retryProgram) conditions() []string {
	var out []string
	for _, word := range p.on {
		if _, err := strconv.Atoi(word); err != nil {
			out = append(out, word)
		}
	}
	if len(p.codes) > 0 && !slices.Contains(out, "retriable-status-codes") {
		out = append(out, "retriable-status-codes")
	}
	return out
}

// onResponse reports whether a response is worth another try.
func (p *retryProgram) onResponse(status int, h http.Header) bool {
	if len(h["X-Envoy-Ratelimited"]) > 0 {
		return p.rateLimited
	}
	switch {
	case p.serverErrors && status >= 500 && status <= 599,
		p.gatewayErrors && (status == 502 || status == 503 || status == 504),
		p.conflict && status == http.StatusConflict,
		slices.Contains(p.codes, status):
		return true
	}
	return len(p.grpc) > 0 && slices.Contains(p.grpc, firstValue(h, "Grpc-Status"))
}

// onFailure reports whether a destination that gave no response is worth
// another try.
func (p *retryProgram) onFailure(f *upstream.Failure) bool {
	if f.Overloaded {
		return false
	}
	switch f.Flag {
	case upstream.FlagConnectFailure:
		return p.connectFailure
	case upstream.FlagTermination, upstream.FlagReset, upstream.FlagProtocolError:
		return p.anyReset || p.resetBeforeRequest && !f.RequestSent ||
			p.refusedStream && f.Refused
	}
	// There was no endpoint, or no time, or there is no client any more.
	return false
}

// onTimeout reports whether a try whose own time was up is worth another.
func (p *retryProgram) onTimeout() bool { return p.anyReset }

// backoff returns the wait before the n-th retry: a random time below
// base·2^(n-1), and below 10·base.
func (p *retryProgram) backoff(n int, random func() uint64) time.Duration {
	limit := 10 * p.base
	if n <= 4 {
		limit = min(limit, p.base<<(n-1))
	}
	return time.Duration(random() % uint64(limit))
}

// String returns the policy as the printed program shows it.
func (p *retryProgram) String() string {
	text := strconv.Itoa(p.attempts) + " on " + strings.Join(p.on, ",")
	if p.perTry > 0 {
		text += ", each within " + p.perTry.String()
	}
	return text
}
