package spec

import (
	"time"
)

// A RateLimitPolicy attaches rate limits to the routes of VirtualServices or
// servers of Gateways (our RateLimitConfig). All that it is attached to share
// its counters.
//
// Where several policies could apply to a route, those of the most specific
// level do: a named route, its VirtualService, the Gateway's server, the
// Gateway, the policy's namespace. Policies of one level all apply.
type RateLimitPolicy struct {
	Name, Namespace string
	// Targets says what is limited. Empty is every gateway of the namespace;
	// in the root namespace, every gateway.
	Targets []TargetRef
	// Limits must all allow a request.
	Limits []RateLimit
	// Created orders policies of one level.
	Created time.Time

	Origin Origin
}

// A TargetRef names what a RateLimitPolicy limits, in its own namespace.
type TargetRef struct {
	// Kind is "VirtualService" or "Gateway".
	Kind string
	Name string
	// SectionName is a route's name or a server's port name. Empty is all.
	SectionName string
}

// A RateLimit allows Requests per Unit for each value of its key: a token
// bucket that holds Requests tokens, starts full, and refills evenly. A request
// over the limit gets 429 and a Retry-After with the seconds until the next
// permitted one.
type RateLimit struct {
	// Requests per Unit, at least 1.
	Requests int
	// Unit is one second, minute, hour, day, and so on. It must be positive.
	Unit time.Duration
	// Per is the key; each combination of values has a bucket of its own.
	// Empty is one bucket for all requests. A request that lacks a header of
	// the key, or whose client has no IP address, is not limited.
	Per []LimitKey
	// When restricts the limit to some requests. Only its header, query,
	// method, scheme, authority and URI conditions count.
	When *Match
	// Provider names the Limiter (Builder.Limiter) that counts, shared with
	// other replicas. Empty counts in this process.
	Provider string
	// OnStoreFailure says what happens when the provider cannot answer.
	OnStoreFailure StoreFailure
	// MaxKeys bounds the number of buckets that are not full. Clients beyond
	// it share buckets. Zero is 262,144.
	MaxKeys int
}

// A LimitKey is one part of a rate limit's key.
type LimitKey struct {
	// RemoteAddress is the client's address; an IPv6 address counts by its /64.
	RemoteAddress bool
	// Header is the value of a request header.
	Header string
}

// A StoreFailure says what becomes of a request when a shared limiter fails.
type StoreFailure uint8

// The treatments of a failing limiter.
const (
	// FailLocal limits in this process instead. It is the default.
	StoreFailureLocal StoreFailure = iota
	// FailAllow lets the request through.
	StoreFailureAllow
	// FailDeny refuses the request with 500.
	StoreFailureDeny
)
