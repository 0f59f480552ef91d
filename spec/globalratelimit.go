package spec

import "time"

// A GlobalRateLimit limits the requests that all replicas allow together (Envoy's rate
// limit filter, with the configuration of envoyproxy/ratelimit). All descriptors of a
// request are counted, even if one is over its limit.
type GlobalRateLimit struct {
	// Domain separates counters. Empty means "namespace/name" of the policy.
	// Policies with the same Domain share counters.
	Domain string
	// Descriptors are the limits. If there are none, they are those of the
	// RateLimitDomain with the same name. If that does not exist either, the Limiter
	// knows them.
	Descriptors []DescriptorLimit
	// Provider names the Limiter (Builder.Limiter). Empty means DefaultProvider. If
	// no Limiter is registered as DefaultProvider, this process counts alone.
	Provider string
	// Algorithm is how requests are counted.
	Algorithm LimitAlgorithm
	// OnStoreFailure selects what happens if the provider cannot answer
	// (failureModeDeny).
	OnStoreFailure StoreFailure
	// StatusOnError is the status for requests that StoreFailureDeny refuses. Zero
	// means 500.
	StatusOnError int
	// Timeout is how long a request waits for the provider. Zero means 20 ms.
	Timeout time.Duration
}

// A DescriptorLimit is a node in the tree of limits (a descriptor in the configuration
// of envoyproxy/ratelimit). It applies to an entry of a descriptor with its Key and
// Value. The limit of a descriptor is that of the node for its last entry.
//
// On each level, the node with the value of the entry is first, then the first one with
// a pattern that matches, then the one without a value. There is no way back: if the
// chosen node has nothing for the next entry, the descriptor has no limit.
type DescriptorLimit struct {
	Key string
	// Value is the value, or a pattern in which each "*" is any text. Empty means any
	// value, and each one is counted apart.
	Value string
	// Limit is nil if only longer descriptors have one.
	Limit *DescriptorRate
	// Shadow counts and never refuses (shadowMode).
	Shadow bool
	// ShareThreshold counts all values that match a pattern together.
	ShareThreshold bool
	// Weight selects among the limits that a request meets: only those with the
	// largest weight apply, and those with AlwaysApply (solo.io's RateLimitConfig).
	Weight      int
	AlwaysApply bool
	// Descriptors apply to the next entry.
	Descriptors []DescriptorLimit
}

// A DescriptorRate is the limit of a DescriptorLimit.
type DescriptorRate struct {
	// Requests is the number of requests allowed per Unit. Zero allows none.
	Requests int
	// Unit is a second, a minute, an hour, a day, a week, 30 days or 365 days.
	Unit time.Duration
	// Unlimited allows all requests, without counting. Requests and Unit are zero
	// then.
	Unlimited bool
	// Name identifies the limit in Replaces.
	Name string
	// Replaces are the names of limits that do not apply to a request that meets this
	// one.
	Replaces []string
}

// A RateLimitDomain is the configuration of one domain, as a file of
// envoyproxy/ratelimit has it. A GlobalRateLimit without Descriptors uses the one with
// its Domain.
type RateLimitDomain struct {
	Name        string
	Descriptors []DescriptorLimit

	Origin Origin
}
