package spec

import (
	"time"
)

// A Retry is a retry policy (Istio's HTTPRetry). The zero Retry never retries.
type Retry struct {
	// Attempts is the number of retries after the first try.
	Attempts int
	// PerTryTimeout limits each try. Zero means no limit.
	PerTryTimeout time.Duration
	// On lists Envoy's retry conditions and HTTP status codes. Empty means the
	// default: connect-failure, refused-stream, unavailable, cancelled,
	// retriable-status-codes.
	On []string
	// RemoteLocalities allows retries in other localities.
	RemoteLocalities bool
	// SameHosts allows retries on hosts that were already tried (Istio's
	// retryIgnorePreviousHosts: false). Nil allows them only with consistent
	// hashing.
	SameHosts *bool
	// Backoff is the base of the waiting times between tries. Zero means 25 ms.
	Backoff time.Duration
}
