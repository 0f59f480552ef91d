// Package outlier ejects failing hosts from balancing for a while: Envoy's
// outlier detection by consecutive errors, as Istio configures it. Istio
// disables detection by success rate and failure percentage, so it is not
// implemented.
package outlier

import "time"

// Defaults of a Config.
const (
	// DefaultConsecutive5xx is the value if outlier detection is configured
	// without this number.
	DefaultConsecutive5xx = 5
	// DefaultConsecutiveLocalOrigin is the default of ConsecutiveLocalOrigin.
	DefaultConsecutiveLocalOrigin = 5
	// DefaultInterval is the default of Interval.
	DefaultInterval = 10 * time.Second
	// DefaultBaseEjectionTime is the default of BaseEjectionTime.
	DefaultBaseEjectionTime = 30 * time.Second
	// DefaultMaxEjectionPercent is the default of MaxEjectionPercent.
	DefaultMaxEjectionPercent = 10
	// DefaultMaxEjectionTime limits ejections, unless a base ejection time is
	// longer.
	DefaultMaxEjectionTime = 300 * time.Second
)

// A Config defines when a host is ejected and for how long (Istio's
// OutlierDetection). The balancer handles how many hosts must be healthy
// (minHealthPercent).
type Config struct {
	// Consecutive5xx is how many consecutive responses with a status of 500 to
	// 599 eject a host. Zero disables this; DefaultConsecutive5xx is the value
	// if nothing is configured.
	Consecutive5xx uint32
	// ConsecutiveGatewayErrors is how many consecutive responses with status
	// 502, 503 or 504 eject a host. Zero disables this.
	ConsecutiveGatewayErrors uint32
	// SplitLocalOrigin counts failures that are not responses separately.
	// Otherwise a failure counts as a 503, and a timeout as a 504.
	SplitLocalOrigin bool
	// ConsecutiveLocalOrigin is how many consecutive such failures eject a host
	// if they are counted separately. Zero is DefaultConsecutiveLocalOrigin.
	ConsecutiveLocalOrigin uint32
	// Interval is the time between the ticks at which hosts return. Zero is
	// DefaultInterval.
	Interval time.Duration
	// BaseEjectionTime is how long the first ejection of a host lasts. Zero is
	// DefaultBaseEjectionTime.
	BaseEjectionTime time.Duration
	// MaxEjectionPercent is how many percent of the hosts may be ejected at a
	// time. Zero is DefaultMaxEjectionPercent; with that, fewer than ten hosts
	// are never ejected.
	MaxEjectionPercent uint32
}

func (c *Config) setDefaults() {
	if c.ConsecutiveLocalOrigin == 0 {
		c.ConsecutiveLocalOrigin = DefaultConsecutiveLocalOrigin
	}
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.BaseEjectionTime <= 0 {
		c.BaseEjectionTime = DefaultBaseEjectionTime
	}
	if c.MaxEjectionPercent == 0 {
		c.MaxEjectionPercent = DefaultMaxEjectionPercent
	}
	c.MaxEjectionPercent = min(c.MaxEjectionPercent, 100)
}
