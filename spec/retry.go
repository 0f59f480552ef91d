package spec

import (
	"time"
)

// A Retry is a retry policy (Istio's HTTPRetry). The zero Retry never retries.
type Retry struct {
	// Attempts is how many retries follow the first try.
	Attempts int
	// PerTryTimeout bounds each try. Zero is none.
	PerTryTimeout time.Duration
	// On lists Envoy's retry conditions and HTTP status codes. Empty is the
	// default: connect-failure, refused-stream, unavailable, cancelled,
	// retriable-status-codes.
	On []string
	// RemoteLocalities lets retries go to other localities.
	RemoteLocalities bool
	// SameHosts lets retries go to hosts that were tried before (Istio's
	// retryIgnorePreviousHosts: false). Nil is the default: only with
	// consistent hashing.
	SameHosts *bool
	// Backoff is the base of the waits between tries. Zero is 25 ms.
	Backoff time.Duration
}
