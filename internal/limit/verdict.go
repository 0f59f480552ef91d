package limit

import "time"

// A Verdict is what a bucket says to a request, as of the time of the request.
type Verdict struct {
	Allowed bool
	// used is how many steps the bucket needs to be full.
	used int64
	pace *pace
}

// Remaining returns how many more requests are allowed now.
func (v *Verdict) Remaining() int { return int(max(0, v.pace.burst-v.used) / v.pace.token) }

// RetryAfter returns how long it takes until another request is allowed.
func (v *Verdict) RetryAfter() time.Duration {
	return v.pace.duration(v.used + v.pace.token - v.pace.burst)
}

// Reset returns how long it takes until the bucket is full.
func (v *Verdict) Reset() time.Duration { return v.pace.duration(v.used) }
