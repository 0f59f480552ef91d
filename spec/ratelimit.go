package spec

import (
	"time"
)

// A RateLimitPolicy attaches rate limits to routes of VirtualServices or to
// servers of Gateways (Lateen's RateLimitConfig). All its targets share its
// counters.
//
// If several policies could apply to a route, only those of the most specific
// level apply. The levels are: a named route, its VirtualService, the server of
// the Gateway, the Gateway, the namespace of the policy. All policies of that
// level apply.
type RateLimitPolicy struct {
	Name, Namespace string
	// Targets selects what to limit. Empty means every gateway in the namespace
	// of the policy. In the root namespace, empty means every gateway.
	Targets []TargetRef
	// Limits are the limits. A request passes only if all of them allow it.
	Limits []RateLimit
	// Response is the answer of those limits that have no Response of their own.
	// Nil is Envoy's answer.
	Response *LimitResponse
	// Mode applies to all limits.
	Mode LimitMode
	// Created orders policies of one level.
	Created time.Time

	Origin Origin
}

// A TargetRef names a target of a RateLimitPolicy, in the namespace of the
// policy.
type TargetRef struct {
	// Kind is "VirtualService" or "Gateway".
	Kind string
	Name string
	// SectionName is the name of a route, or the port name of a server. Empty
	// means all.
	SectionName string
}

// A RateLimit allows a number of Requests per Unit for each value of its key.
// It is a token bucket for Burst tokens, which starts full and refills evenly. A
// request over the limit gets 429. Its Retry-After header has the
// seconds until the next allowed request.
type RateLimit struct {
	// Requests is the number of requests allowed per Unit, at least 1.
	Requests int
	// Unit is one second, minute, hour, day or any other positive duration.
	Unit time.Duration
	// Burst is the number of requests allowed at once after a pause: the size of
	// the bucket. It does not change how fast the bucket refills. Zero means
	// Requests.
	Burst int
	// Per is the key. Each combination of values has its own bucket. Empty
	// means one bucket for all requests. A request lacks a part of the key if it
	// does not have the header, or if the client has no IP address: OnMissingKey.
	Per []LimitKey
	// When applies the limit only to matching requests. Only its header, query,
	// method, scheme, authority and URI conditions are used.
	When *Match
	// OnMissingKey selects what happens to a request that lacks a part of the key.
	OnMissingKey MissingKey
	// Response is the answer to a refused request. Nil is that of the policy, or
	// Envoy's.
	Response *LimitResponse
	// Mode selects whether the limit refuses requests.
	Mode LimitMode
	// Provider names the Limiter (Builder.Limiter) that counts the requests of
	// several replicas together. If it is empty, this process counts alone. With
	// DefaultProvider this process counts alone until a Limiter has that name: all
	// limits in YAML have it.
	Provider string
	// OnStoreFailure selects what happens if the provider cannot answer.
	OnStoreFailure StoreFailure
	// MaxKeys is the maximum number of buckets that are kept, rounded up to a
	// multiple of 252. Full buckets need not be kept. If there are more keys, a
	// new key replaces one whose bucket is nearly full, and that key starts again
	// with a full bucket. Keys over the limit are replaced last.
	//
	// Zero means 16,515,072, which takes up to 257 MiB. Each limit has its own
	// maximum, and memory is used only while there are keys: 16 bytes for each
	// bucket, and up to 36 with what is unused between them.
	MaxKeys int
}

// DefaultProvider is the Provider of limits in YAML.
const DefaultProvider = "default"

// A LimitKey is one part of the key of a rate limit.
type LimitKey struct {
	// RemoteAddress uses the client's address, and of an IPv6 address its /64.
	RemoteAddress bool
	// Header uses the value of the request header with this name.
	Header string
}

// A StoreFailure selects how to handle a request if a shared limiter fails.
type StoreFailure uint8

// The values of StoreFailure.
const (
	// StoreFailureLocal counts in this process instead, this gateway's share of the
	// limit (Builder.Replicas). It is the default.
	StoreFailureLocal StoreFailure = iota
	// StoreFailureAllow allows the request.
	StoreFailureAllow
	// StoreFailureDeny refuses the request with 500.
	StoreFailureDeny
)
