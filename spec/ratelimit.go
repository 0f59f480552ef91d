package spec

import (
	"time"
)

// A RateLimitPolicy attaches rate limits to routes of VirtualServices, to servers of
// Gateways or to virtual hosts (Lateen's RateLimitConfig). All its targets share its
// counters.
//
// Limits is the short form. The full form is that of Envoy: Descriptors say what to
// count, and Local and Global how much is allowed. A policy may have both.
//
// The policies of a route have levels, the most specific first: a named route, its
// VirtualService, the virtual host, the server of the Gateway, the Gateway, the
// namespace of the policy (with or without a Selector), the root namespace. The most
// specific level that has something to count for a request applies, and all policies
// of that level do, the oldest first. Inheritance changes this.
type RateLimitPolicy struct {
	Name, Namespace string
	// Targets selects what to limit. If Targets, VirtualHosts and Selector are
	// empty, the policy applies to every gateway in its namespace. In the root
	// namespace, it then applies to every gateway. The namespace of a gateway is that
	// of the workload (Builder.Workload with labels), or otherwise that of the Gateway.
	Targets []TargetRef
	// VirtualHosts selects virtual hosts in addition, by their names in Envoy: a host
	// of a VirtualService, a colon and the port of a server, such as
	// "shop.example.com:443".
	VirtualHosts []string
	// Selector selects gateways by labels, which all must be labels of the gateway:
	// those of the workload (Builder.Workload), or without these the Selector of the
	// Server. With Targets or VirtualHosts, it limits these to the selected gateways;
	// only an EnvoyFilter has both. In the root namespace it selects among all
	// gateways, and otherwise among those in the namespace of the policy.
	Selector map[string]string
	// Limits are the limits in the short form. A request passes only if all of them
	// allow it.
	Limits []RateLimit
	// Descriptors are what Local and Global count (rateLimits). Each one makes at
	// most one descriptor of a request.
	Descriptors []RateLimitDescriptor
	// Local limits what each process allows (Envoy's local rate limit filter).
	Local *LocalRateLimit
	// Global limits what all replicas allow together (Envoy's rate limit filter).
	Global *GlobalRateLimit
	// Response is the answer of those limits that have no Response of their own.
	// Nil is Envoy's answer.
	Response *LimitResponse
	// Mode applies to all limits.
	Mode LimitMode
	// Inheritance selects whether less specific policies apply too.
	Inheritance LimitInheritance
	// Created orders policies of one level. Those of one age are ordered by name, then
	// by namespace.
	Created time.Time

	Origin Origin
}

// A LimitInheritance selects whether less specific policies apply to a request that
// meets a policy. The policies of one level apply together, so the least strict of
// their settings counts: INCLUDE, then OVERRIDE.
type LimitInheritance uint8

// The values of LimitInheritance.
const (
	// InheritOverride applies less specific policies only to requests for which no
	// policy of this level has something to count. It is the default.
	InheritOverride LimitInheritance = iota
	// InheritInclude applies less specific policies too. A request passes only if all
	// allow it.
	InheritInclude
	// InheritIgnore never applies less specific policies.
	InheritIgnore
)

// A TargetRef names a target of a RateLimitPolicy, in the namespace of the
// policy.
type TargetRef struct {
	// Kind is "VirtualService" or "Gateway".
	Kind string
	// Name can be empty for a VirtualService: then the target is the routes of any
	// VirtualService, in any namespace, at the gateways of the policy. An EnvoyFilter
	// selects routes in this way.
	Name string
	// SectionName is the name of a route, or the port name of a server. Empty
	// means all.
	SectionName string
	// VirtualHost, if not empty, limits a target without Name to the routes in the
	// virtual host with this name in Envoy, such as "shop.example.com:443".
	VirtualHost string
}

// A RateLimit allows a number of Requests per Unit for each value of its key.
// It is a token bucket for Burst tokens, which starts full and refills evenly, unless
// Algorithm says otherwise. A request over the limit gets 429. Its Retry-After header has the
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
	// Algorithm is how requests are counted.
	Algorithm LimitAlgorithm
	// OnStoreFailure selects what happens if the provider cannot answer.
	OnStoreFailure StoreFailure
	// MaxKeys is the maximum number of buckets that are kept, rounded up to a
	// multiple of 252. Full buckets need not be kept. If there are more keys, a
	// new key replaces one whose bucket is nearly full, and that key starts again
	// with a full bucket. Keys over the limit are replaced last.
	//
	// Zero means no maximum but that of all limits of the gateway together: their
	// buckets take at most 256 MiB. A bucket takes 16 bytes, and up to 36 with what is
	// unused between them. A flood of keys of one limit leaves the others their share.
	MaxKeys int
}

// A LimitAlgorithm is how requests are counted.
type LimitAlgorithm uint8

// The values of LimitAlgorithm.
const (
	// LimitGCRA refills evenly, like a token bucket (the generic cell rate
	// algorithm). It is the default.
	LimitGCRA LimitAlgorithm = iota
	// LimitFixedWindow counts from zero at the start of each unit of Unix time, as
	// envoyproxy/ratelimit does, and in Redis under the same keys. Around the end of
	// a unit, up to twice the requests are allowed. There is no burst.
	LimitFixedWindow
)

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
