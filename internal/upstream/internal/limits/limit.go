// Package limits counts what a destination has in use at the same time, and
// refuses more than it may have: Envoy's circuit breakers. It knows nothing of
// what it counts.
package limits

import (
	"math"
	"sync/atomic"
)

// Default is Envoy's limit where none is configured, of everything that is
// counted here.
const Default = math.MaxUint32

// A Limit lets at most so many users in at a time. It is safe for concurrent use,
// and takes no lock. The zero value has the limit Default. It must not be copied.
type Limit struct {
	most   uint32 // 0 is Default
	active atomic.Int64
}

// max returns the limit.
func (l *Limit) max() int64 {
	if l.most == 0 {
		return Default
	}
	return int64(l.most)
}

// Acquire lets a user in, who calls Release when done, or reports that the limit
// is reached.
func (l *Limit) Acquire() bool { return l.acquire(l.max()) }

// acquire lets a user in if there are fewer than most. It never counts a user
// that it refuses, else another would be refused because of that one.
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

// AcquireBeyond lets a user in whether or not the limit is reached. Envoy grants
// each host one connection in this way.
func (l *Limit) AcquireBeyond() { l.active.Add(1) }

// Release lets a user out who was let in before.
func (l *Limit) Release() { l.active.Add(-1) }

// Active returns the number of users. It exceeds the limit where AcquireBeyond
// was called.
func (l *Limit) Active() int64 { return l.active.Load() }
