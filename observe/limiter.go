package observe

import "time"

// A Limiter is a ratelimit.Limiter of a Gateway with its present figures.
type Limiter struct {
	// Provider is the name under which it is registered.
	Provider string
	// Asked counts how many times it was asked, and Failures how many of these failed:
	// with an error, a panic, or no answer in time.
	Asked, Failures uint64
	// Missed counts the requests that it was not asked about, because it had failed a
	// moment ago. What happened to them, and to those that failed, the settings of their
	// limits say.
	Missed uint64
	// Failing means that the latest question failed, and FailingSince when that began.
	Failing      bool
	FailingSince time.Time
}
