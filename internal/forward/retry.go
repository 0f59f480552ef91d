package forward

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/retryon"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A Retry is a compiled spec.Retry.
type Retry struct {
	// Declared means that the route has its own policy.
	Declared bool
	Attempts int
	PerTry   time.Duration
	base     time.Duration
	on       []string
	// SameHosts allows a retry on a host that was tried.
	SameHosts bool
	// HostsDeclared means that the policy sets SameHosts, to either value.
	HostsDeclared bool
	// RemoteLocalities allows retries outside the localities that were tried.
	RemoteLocalities bool
	// Repeats allows a request that changes nothing to be sent again if its
	// connection broke before a response.
	Repeats bool
	// ConnectsAtOnce means that the first retry of a failure to connect does not wait.
	ConnectsAtOnce bool

	AnyReset, ResetBeforeRequest, connectFailure, refusedStream bool
	serverErrors, gatewayErrors, conflict, rateLimited          bool
	// JudgesStatus means that the status of a response can cause a retry.
	JudgesStatus bool

	Codes []int
	GRPC  []string
}

// CompileRetry compiles a policy; nil is Istio's default.
func CompileRetry(r *spec.Retry) Retry {
	if r == nil {
		r = &spec.Retry{Attempts: 2}
		p := CompileRetry(r)
		p.Declared = false
		return p
	}
	p := Retry{Declared: true, Attempts: r.Attempts, PerTry: r.PerTryTimeout, base: r.Backoff, on: r.On}
	if p.base <= 0 {
		p.base = 25 * time.Millisecond
	}
	if len(p.on) == 0 {
		p.on = retryon.Default
	}
	p.SameHosts, p.HostsDeclared = r.SameHosts != nil && *r.SameHosts, r.SameHosts != nil
	p.RemoteLocalities = r.RemoteLocalities
	for _, word := range p.on {
		switch word {
		case "5xx":
			p.serverErrors, p.AnyReset, p.connectFailure, p.refusedStream = true, true, true, true
		case "gateway-error":
			p.gatewayErrors, p.AnyReset, p.connectFailure, p.refusedStream = true, true, true, true
		case "reset":
			p.AnyReset, p.connectFailure, p.refusedStream = true, true, true
		case "reset-before-request":
			p.ResetBeforeRequest, p.connectFailure = true, true
		case "connect-failure":
			p.connectFailure = true
		case "refused-stream":
			p.refusedStream = true
		case "retriable-4xx":
			p.conflict = true
		case "envoy-ratelimited":
			p.rateLimited = true
		default:
			if code, ok := retryon.GRPCStatuses[word]; ok {
				p.GRPC = append(p.GRPC, code)
			} else if code, err := strconv.Atoi(word); err == nil {
				p.Codes = append(p.Codes, code)
			}
		}
	}
	p.JudgesStatus = p.serverErrors || p.gatewayErrors || p.conflict || p.rateLimited || len(p.Codes) > 0
	return p
}

// Conditions returns the retry conditions of the policy without status codes.
// Codes add their own condition, as in Istio.
func (p *Retry) Conditions() []string {
	var out []string
	for _, word := range p.on {
		if _, err := strconv.Atoi(word); err != nil {
			out = append(out, word)
		}
	}
	if len(p.Codes) > 0 && !slices.Contains(out, "retriable-status-codes") {
		out = append(out, "retriable-status-codes")
	}
	return out
}

// onResponse reports whether a response should be retried.
func (p *Retry) onResponse(status int, h http.Header) bool {
	if len(h["X-Envoy-Ratelimited"]) > 0 {
		return p.rateLimited
	}
	switch {
	case p.serverErrors && status >= 500 && status <= 599,
		p.gatewayErrors && (status == 502 || status == 503 || status == 504),
		p.conflict && status == http.StatusConflict,
		slices.Contains(p.Codes, status):
		return true
	}
	return len(p.GRPC) > 0 && slices.Contains(p.GRPC, field.First(h, "Grpc-Status"))
}

// OnFailure reports whether a failure without a response should be retried.
func (p *Retry) OnFailure(f *upstream.Failure) bool {
	if f.Overloaded {
		return false
	}
	switch f.Flag {
	case upstream.FlagConnectFailure:
		return p.connectFailure
	case upstream.FlagTermination, upstream.FlagReset, upstream.FlagProtocolError:
		return p.AnyReset || p.ResetBeforeRequest && !f.RequestSent ||
			p.refusedStream && f.Refused
	}
	// There was no endpoint or no time, or the client is gone.
	return false
}

// RetriesConnect reports whether a failure to connect is retried.
func (p *Retry) RetriesConnect() bool { return p.connectFailure }

// AtOnce reports whether the n-th retry needs no wait after a failure. Nothing was sent to
// the host then, and hosts that were tried are avoided, so that the next one need not be
// spared.
func (p *Retry) AtOnce(n int, f *upstream.Failure) bool {
	return n == 1 && p.ConnectsAtOnce && f.Flag == upstream.FlagConnectFailure
}

// onTimeout reports whether a try that exceeded its own timeout should be
// retried.
func (p *Retry) onTimeout() bool { return p.AnyReset }

// Backoff returns the wait before the n-th retry: a random time below
// base·2^(n-1), and below 10·base.
func (p *Retry) Backoff(n int, random func() uint64) time.Duration {
	limit := 10 * p.base
	if n <= 4 {
		limit = min(limit, p.base<<(n-1))
	}
	return time.Duration(random() % uint64(limit))
}

// String returns the policy as the printed program shows it.
func (p *Retry) String() string {
	text := strconv.Itoa(p.Attempts) + " on " + strings.Join(p.on, ",")
	if p.PerTry > 0 {
		text += ", each within " + p.PerTry.String()
	}
	return text
}

// Meaning returns the policy as text: policies with the same text do the same. avoids
// means that retries avoid hosts that were tried.
func (p *Retry) Meaning(avoids bool) string {
	if p.Attempts == 0 {
		return "none"
	}
	var on []string
	for _, word := range p.on {
		// That word selects the codes, which are here anyway.
		if _, err := strconv.Atoi(word); err != nil && word != "retriable-status-codes" {
			on = append(on, word)
		}
	}
	for _, code := range p.Codes {
		on = append(on, strconv.Itoa(code))
	}
	slices.Sort(on)
	text := strconv.Itoa(p.Attempts) + " on " + strings.Join(slices.Compact(on), ",")
	if p.PerTry > 0 {
		text += ", each within " + p.PerTry.String()
	}
	if p.base != 25*time.Millisecond {
		text += ", backing off from " + p.base.String()
	}
	if !avoids {
		text += ", also on hosts that were tried"
	}
	if p.RemoteLocalities {
		text += ", also in other localities"
	}
	if p.Repeats {
		text += ", repeats broken reads"
	}
	return text
}
