// Package limits counts what a destination has in use at the same time, and
// refuses what exceeds a limit: Envoy's circuit breakers. It does not know what
// it counts.
package limits

import (
	"math"
	"sync/atomic"
)

// Default is Envoy's default limit for everything that is counted here.
const Default = math.MaxUint32

// A Limit admits a limited number of users at a time. It is safe for concurrent
// use, and takes no lock. The zero value has the limit Default. It must not be
// copied.
type Limit struct {
	most   uint32 // 0 is Default
	active atomic.Int64
}

// Max returns the limit.
func (l *Limit) Max() int64 {
	if l.most == 0 {
		return Default
	}
	return int64(l.most)
}

// Acquire admits a user, or reports that the limit is reached. The user calls
// Release when done.
func (l *Limit) Acquire() bool { return l.acquire(l.Max()) }

// acquire admits a user if there are fewer than most. It never counts a user
// that it refuses, because that could cause another refusal.
func (l *Limit) acquire(most int64) bool {
	for {
		active := l.active.Load()
		if active >= most {
			return false
		}
		if l.active.CompareAndSwap(active, active+1) {
			return true
		}
	}
}

// AcquireBeyond admits a user even if the limit is reached. Envoy grants each
// host one connection in this way.
func (l *Limit) AcquireBeyond() { l.active.Add(1) }

// Release removes a user that was admitted.
func (l *Limit) Release() { l.active.Add(-1) }

// Active returns the number of users. It can exceed the limit after
// AcquireBeyond.
func (l *Limit) Active() int64 { return l.active.Load() }
