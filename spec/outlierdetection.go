package spec

import (
	"time"
)

// OutlierDetection ejects endpoints that fail again and again (Istio's
// OutlierDetection). The zero value is Istio's outlierDetection: {}.
type OutlierDetection struct {
	// Consecutive5xxErrors in a row eject an endpoint: answers of 500 and above,
	// connections that fail and requests that time out. Nil is 5; 0 is off.
	Consecutive5xxErrors *int
	// ConsecutiveGatewayErrors is the same for 502, 503 and 504 alone. Nil and 0
	// are off.
	ConsecutiveGatewayErrors *int
	// SplitExternalLocalOriginErrors counts failed connections and timeouts on
	// their own, by ConsecutiveLocalOriginFailures.
	SplitExternalLocalOriginErrors bool
	// ConsecutiveLocalOriginFailures in a row eject an endpoint. Zero is 5.
	ConsecutiveLocalOriginFailures int
	// Interval is the time between two looks at who may come back. Zero is 10s.
	Interval time.Duration
	// BaseEjectionTime times the number of its ejections is how long an endpoint
	// is out. Zero is 30s.
	BaseEjectionTime time.Duration
	// MaxEjectionPercent of the endpoints may be out. Zero is 10, with which
	// nothing is ejected of fewer than 10 endpoints.
	MaxEjectionPercent int
	// MinHealthPercent is the share of endpoints below which ejections are
	// overlooked. Zero never overlooks them: where all are out, requests get 503.
	MinHealthPercent int
}
