// Package ratelimit defines the interface of a shared rate limiter, which counts
// requests for several replicas of a gateway. The main type is Limiter, which a
// program implements and registers with Builder.Limiter. The limits are declared
// with spec.RateLimit and spec.RateLimitPolicy.
package ratelimit

import (
	"context"
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
	Entries  []Entry
	Requests int
	Unit     time.Duration
}

// An Entry is a part of a Descriptor.
type Entry struct{ Key, Value string }

// A Response is the answer of a Limiter.
type Response struct {
	// Over means that at least one descriptor is over its limit.
	Over bool
	// Statuses are the results for the descriptors, in the same order.
	Statuses []Status
}

// A Status is the result for one descriptor.
type Status struct {
	Over bool
	// Remaining is the number of requests left.
	Remaining int
	// RetryAfter is the time until another request is allowed, if Over is set.
	RetryAfter time.Duration
}
