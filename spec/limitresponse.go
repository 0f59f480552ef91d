package spec

// A LimitResponse is the answer to a request over a limit. The zero value is Envoy's:
// 429 with the body "local_rate_limited", or without a body if a Limiter counts.
type LimitResponse struct {
	// Status is the status, 400 to 599. Zero means 429.
	Status int
	// Body is the body. Empty means Envoy's. ContentType is its type. Empty means
	// "text/plain".
	Body, ContentType string
	// Headers are set in the answer. AddHeaders are added to it.
	Headers, AddHeaders map[string]string
	// RateLimitHeaders adds headers with the state of the limit to all responses,
	// allowed and refused.
	RateLimitHeaders RateLimitHeaders
	// ResourceExhausted answers gRPC clients with the status RESOURCE_EXHAUSTED
	// instead of UNAVAILABLE (Envoy's rate_limited_as_resource_exhausted).
	ResourceExhausted bool
}

// RateLimitHeaders selects headers with the state of a limit.
type RateLimitHeaders uint8

// The values of RateLimitHeaders.
const (
	// RateLimitHeadersOff adds none. It is the default.
	RateLimitHeadersOff RateLimitHeaders = iota
	// RateLimitHeadersDraft03 adds x-ratelimit-limit, x-ratelimit-remaining and
	// x-ratelimit-reset, as Envoy does (enable_x_ratelimit_headers:
	// DRAFT_VERSION_03).
	RateLimitHeadersDraft03
	// RateLimitHeadersIETF adds RateLimit and RateLimit-Policy
	// (draft-ietf-httpapi-ratelimit-headers). Envoy has no such headers.
	RateLimitHeadersIETF
)

// A MissingKey selects what happens to a request that lacks a part of a limit's key.
type MissingKey uint8

// The values of MissingKey.
const (
	// MissingKeyUnset does not limit the request, as Envoy does. There is a warning
	// if the missing part is a header, because a client can leave that out.
	MissingKeyUnset MissingKey = iota
	// MissingKeyAllow does not limit the request, without a warning.
	MissingKeyAllow
	// MissingKeyShare counts all such requests together: the missing part of the
	// key is empty.
	MissingKeyShare
	// MissingKeyDeny refuses the request, as if the limit were used up.
	MissingKeyDeny
)

// A LimitMode selects whether a limit refuses requests.
type LimitMode uint8

// The values of LimitMode.
const (
	// LimitEnforce refuses requests over the limit. It is the default.
	LimitEnforce LimitMode = iota
	// LimitShadow counts requests and refuses none. Its RateLimitHeaders are sent.
	LimitShadow
	// LimitDisabled does nothing.
	LimitDisabled
)
