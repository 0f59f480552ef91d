package ratelimit

import (
	"context"
	"time"
)

// A Limiter counts requests for several replicas: Redis, Envoy's rate limit
// service, or whatever keeps the counts. It is registered with Builder.Limiter
// under the name that RateLimit.Provider gives. All methods are called
// concurrently.
type Limiter interface {
	// Limit counts a request against all descriptors, even where one is over,
	// and says how it fared. It should return by the context's deadline, 20 ms
	// by default: nobody waits any longer. Whatever else it returns with an
	// error, that is a failure, and treated as RateLimit.OnStoreFailure says;
	// so is a panic. After a failure the Limiter is not asked for 100 ms, and
	// for up to a second if failures go on.
	Limit(ctx context.Context, request Request) (Response, error)
}

// A Request is one question to a Limiter (Envoy's RateLimitRequest).
type Request struct {
	// Domain keeps the descriptors of different policies apart:
	// "namespace/name" of the RateLimitPolicy, or "route namespace/name/route"
	// for the limits of a route.
	Domain string
	// Descriptors are what to count, at least one.
	Descriptors []Descriptor
	// Hits is what the request costs, usually 1.
	Hits int
}

// A Descriptor is one thing to count (Envoy's RateLimitDescriptor), with the
// limit on it.
//
// Its entries are, in this order: "condition", if the limit has one, with the
// condition as text; and for each part of the key "remote_address" with an IPv4
// address or the /64 of an IPv6 address, or the header's name in lower case with
// its value. If there are none of these, it is "generic_key" with the domain.
type Descriptor struct {
	Entries  []Entry
	Requests int
	Unit     time.Duration
}

// A Entry is a part of a Descriptor.
type Entry struct{ Key, Value string }

// A Response is a Limiter's answer.
type Response struct {
	// Over says that at least one descriptor is over its limit.
	Over bool
	// Statuses are those of the descriptors, in order.
	Statuses []Status
}

// A Status says how one descriptor fared.
type Status struct {
	Over bool
	// Remaining is how many requests are left.
	Remaining int
	// RetryAfter is how long until another request is allowed, if over.
	RetryAfter time.Duration
}
