// Package ratelimit defines the interface of a shared rate limiter, which counts
// requests for several replicas of a gateway. The main type is Limiter, which a
// program implements and registers with Builder.Limiter. The limits are declared
// with spec.RateLimit and spec.RateLimitPolicy.
package ratelimit

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Limiter counts requests for several replicas, for example in Redis or with
// Envoy's rate limit service. Register it with Builder.Limiter under the name in
// spec.RateLimit.Provider. All methods are called concurrently.
type Limiter interface {
	// Limit counts a request against all descriptors, even if one is over its
	// limit, and returns the result. It should return before the deadline of the
	// context, 20 ms by default: the gateway does not wait longer. An error is a
	// failure, whatever the Response is, and so is a panic or a late answer.
	// spec.RateLimit.OnStoreFailure selects how a failure is handled. After a
	// failure the Limiter is not called for 100 ms, and for up to a second if
	// failures continue.
	Limit(ctx context.Context, request Request) (Response, error)
}

// ErrInvalidRequest is what errors of InvalidRequest are, for errors.Is.
var ErrInvalidRequest = errors.New("invalid request")

// InvalidRequest returns an error with the text of err, about a Request that a Limiter can
// not count, such as a limit with an impossible Unit. The setting for failures applies to
// the request, but the Limiter goes on to be called for others.
func InvalidRequest(err error) error { return invalidRequest{err} }

type invalidRequest struct{ error }

func (e invalidRequest) Unwrap() []error { return []error{e.error, ErrInvalidRequest} }

// An OwnLimits is a Limiter that has limits of its own, as an existing rate limit service
// does. Only such a Limiter is asked about descriptors without a limit
// (Descriptor.Requests is 0): those of a spec.GlobalRateLimit without Descriptors.
type OwnLimits interface {
	Limiter
	// HasOwnLimits reports whether there are such limits.
	HasOwnLimits() bool
}

// A Request is one question to a Limiter (Envoy's RateLimitRequest).
type Request struct {
	// Domain separates the descriptors of different policies. It is
	// "namespace/name" of the RateLimitPolicy, or "route namespace/name/route"
	// for the limits of a route.
	Domain string
	// Descriptors are what to count. There is at least one.
	Descriptors []Descriptor
	// Hits is the cost of the request, usually 1.
	Hits int
}

// A Descriptor is one thing to count, with its limit (Envoy's
// RateLimitDescriptor).
//
// It has these entries, in this order: "condition" with the condition as text, if
// the limit has one; then one entry for each part of the key. That is
// "remote_address" with an IPv4 address or the /64 of an IPv6 address, or the
// name of a header in lower case with its value. If there are no such entries,
// the only entry is "generic_key" with the domain.
type Descriptor struct {
	Entries []Entry
	// Requests is the number of requests allowed per Unit, at least 1. Zero means that
	// the Limiter knows the limit; see OwnLimits.
	Requests int
	// Unit is a positive duration, or 0 without Requests.
	Unit time.Duration
	// Burst is the number of requests allowed at once after a pause. Zero means
	// Requests. FixedWindow does not use it.
	Burst int
	// Hits is the cost of the request for this descriptor. Zero means
	// Request.Hits.
	Hits int
	// Algorithm is how the requests are counted.
	Algorithm Algorithm
}

// An Algorithm is how a Limiter counts requests.
type Algorithm uint8

const (
	// AlgorithmGCRA refills evenly, like a token bucket (the generic cell rate
	// algorithm). In any period it allows Burst requests, and Requests per Unit.
	AlgorithmGCRA Algorithm = iota
	// AlgorithmFixedWindow counts from zero at the start of each Unit of Unix
	// time, as envoyproxy/ratelimit does. Around the end of a window it allows
	// up to twice the Requests.
	AlgorithmFixedWindow
)

// An Entry is a part of a Descriptor.
type Entry struct{ Key, Value string }

// A Response is the answer of a Limiter.
type Response struct {
	// Over means that at least one descriptor is over its limit.
	Over bool
	// Statuses are the results for the descriptors, in the same order.
	Statuses []Status
	// ResponseHeaders are added to the response, allowed or refused.
	// RequestHeaders are added to an allowed request before it is sent on. Headers
	// that the gateway writes itself, such as those of the connection, and headers
	// that are not valid are left out. The maps are not changed.
	ResponseHeaders, RequestHeaders http.Header
	// Body is the body of the answer to a refused request. Empty means none, or that
	// of spec.LimitResponse.
	Body string
}

// A Status is the result for one descriptor.
type Status struct {
	Over bool
	// Remaining is the number of requests left.
	Remaining int
	// RetryAfter is the time until another request is allowed, if Over is set.
	RetryAfter time.Duration
	// Reset is the time until the whole limit is available again, or until the
	// fixed window ends. Zero means now, or unknown.
	Reset time.Duration
}
