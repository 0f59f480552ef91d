package spec

import "time"

// A LocalRateLimit limits the requests that each process allows, with token buckets
// (Envoy's local rate limit filter).
//
// A descriptor of a request takes from the bucket of the LocalDescriptor that has the
// same entries: one with all values first, then the first one with a key without value.
// The bucket that refills slowest is asked first. What is taken is not given back if
// another bucket refuses the request.
type LocalRateLimit struct {
	// Bucket is for all requests. Nil means that only descriptors limit.
	Bucket *TokenBucket
	// Descriptors are the buckets for descriptors of requests.
	Descriptors []LocalDescriptor
	// BucketUnmatchedOnly takes from Bucket only for requests without a bucket among
	// the Descriptors (alwaysConsumeDefaultTokenBucket: false).
	BucketUnmatchedOnly bool
	// MaxKeys is the maximum number of buckets of each of the Descriptors that has a
	// key without value (maxDynamicDescriptors), as RateLimit.MaxKeys. Zero means the
	// same as there. In Envoy it means 20.
	MaxKeys int
	// PerConnection gives each connection buckets of its own
	// (perDownstreamConnection).
	PerConnection bool
}

// A LocalDescriptor is a bucket for descriptors with the same keys in the same order.
type LocalDescriptor struct {
	// Entries are compared with those of a descriptor. An empty value is any value,
	// and each one has a bucket of its own.
	Entries []DescriptorEntry
	Bucket  TokenBucket
}

// A DescriptorEntry is one entry of a descriptor.
type DescriptorEntry struct{ Key, Value string }

// A TokenBucket starts full with MaxTokens, and refills evenly with TokensPerFill in
// each FillInterval.
type TokenBucket struct {
	// MaxTokens is at least 1.
	MaxTokens int
	// TokensPerFill is at least 1. Zero means 1.
	TokensPerFill int
	// FillInterval is at least 50 ms.
	FillInterval time.Duration
}
