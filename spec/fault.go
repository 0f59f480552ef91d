package spec

import (
	"time"
)

// A Fault delays or aborts some requests before they are forwarded (Istio's
// HTTPFaultInjection). The delay comes first. Delay and abort are random,
// independent of each other.
type Fault struct {
	Delay *FaultDelay
	Abort *FaultAbort
}

// A FaultDelay delays requests.
type FaultDelay struct {
	// Fixed is the delay, at least 1 ms.
	Fixed time.Duration
	// Percent is the share of requests that are delayed, 0 to 100, in steps of
	// 0.0001. The zero value delays none.
	Percent float64
}

// A FaultAbort answers requests in place of the destination.
type FaultAbort struct {
	// HTTPStatus is 200 to 599. It is zero if GRPCStatus is set.
	HTTPStatus int
	// GRPCStatus is the name of a gRPC code, such as UNAVAILABLE.
	GRPCStatus string
	// Percent is the share of requests that are aborted, 0 to 100, in steps of
	// 0.0001. The zero value aborts none.
	Percent float64
}
