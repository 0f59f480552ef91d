package spec

import (
	"time"
)

// A Fault delays or aborts some requests before they are forwarded (Istio's
// HTTPFaultInjection). Delay comes first; both are drawn independently.
type Fault struct {
	Delay *FaultDelay
	Abort *FaultAbort
}

// A FaultDelay holds requests back.
type FaultDelay struct {
	// Fixed is how long, at least 1 ms.
	Fixed time.Duration
	// Percent of the requests, 0 to 100, in steps of 0.0001. The zero value is none.
	Percent float64
}

// A FaultAbort answers instead of the destination.
type FaultAbort struct {
	// HTTPStatus is 200 to 599. Zero if GRPCStatus is set.
	HTTPStatus int
	// GRPCStatus is the name of a gRPC code, such as UNAVAILABLE.
	GRPCStatus string
	// Percent of the requests, 0 to 100, in steps of 0.0001. The zero value is none.
	Percent float64
}
