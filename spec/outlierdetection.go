package spec

import (
	"time"
)

// OutlierDetection ejects endpoints that fail repeatedly (Istio's
// OutlierDetection). The zero value is Istio's outlierDetection: {}.
type OutlierDetection struct {
	// Consecutive5xxErrors is the number of errors in a row that eject an
	// endpoint: status 500 and above, failed connections, and timeouts. Nil means
	// 5; 0 turns it off.
	Consecutive5xxErrors *int
	// ConsecutiveGatewayErrors is the same, but only for 502, 503 and 504. Nil
	// and 0 turn it off.
	ConsecutiveGatewayErrors *int
	// SplitExternalLocalOriginErrors counts failed connections and timeouts
	// separately, with ConsecutiveLocalOriginFailures.
	SplitExternalLocalOriginErrors bool
	// ConsecutiveLocalOriginFailures is the number of failed connections and
	// timeouts in a row that eject an endpoint. Zero means 5.
	ConsecutiveLocalOriginFailures int
	// Interval is the time between two checks whether ejected endpoints may
	// return. Zero means 10s.
	Interval time.Duration
	// BaseEjectionTime is how long an endpoint is ejected, multiplied by the
	// number of its ejections. Zero means 30s.
	BaseEjectionTime time.Duration
	// MaxEjectionPercent is the maximum share of ejected endpoints. Zero means
	// 10: with fewer than 10 endpoints, none is ejected.
	MaxEjectionPercent int
	// MinHealthPercent is the share of healthy endpoints below which ejections
	// are ignored. Zero never ignores them: if all endpoints are ejected,
	// requests get 503.
	MinHealthPercent int
}
