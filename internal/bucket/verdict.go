package bucket

import "time"

// A Verdict is what a bucket says to a request, as of the time of the request.
type Verdict struct {
	Allowed bool
	// used is how many steps the bucket needs to be full.
	used int64
	// rest is how many steps the request takes. In a fixed window, it is how many
	// nanoseconds that still lasts. A fifth field would keep the struct out of
	// registers.
	rest int64
	pace *pace
}

// Remaining returns how many more requests are allowed now.
func (v *Verdict) Remaining() int { return int(max(0, v.pace.burst-v.used) / v.pace.token) }

// RetryAfter returns how long it takes until another request is allowed: of a token
// bucket one with the same cost, or if that is more than the burst, until it is full.
func (v *Verdict) RetryAfter() time.Duration {
	switch {
	case v.pace.window.unit > 0:
		if v.Allowed && v.used < v.pace.burst {
			return 0
		}
		return time.Duration(v.rest)
	case v.rest > v.pace.burst:
		return v.Reset()
	}
	return v.pace.duration(v.used + v.rest - v.pace.burst)
}

// Reset returns how long it takes until the bucket is full, or until the fixed window
// ends.
func (v *Verdict) Reset() time.Duration {
	if v.pace.window.unit > 0 {
		return time.Duration(v.rest)
	}
	return v.pace.duration(v.used)
}
