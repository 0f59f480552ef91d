package outlier

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Detector ejects and returns the hosts of one destination. It is safe for
// concurrent use.
//
// It has no goroutine. Ticks come at multiples of the interval after New, as those
// of Envoy's timer do, and what happens at them is made up for by the next call of
// Sweep or report of a failure. Nobody who calls Sweep before looking at a host
// can tell the difference.
type Detector struct {
	config  Config
	now     func() time.Time
	changed func()
	start   time.Time

	// next is the time of the first tick that has something to do, since start,
	// or never.
	next atomic.Int64

	mu sync.Mutex
	// monitors are all hosts, and ejected the number of them that are.
	monitors map[*Monitor]struct{}
	ejected  int
	// swept is the time of the last tick that was made up for, since start.
	swept time.Duration
}

// never is the next tick while no host is ejected or has been lately.
const never = math.MaxInt64

// New returns a Detector without hosts. now is the clock. changed is called after
// each change of who is ejected, by the caller of the method that made the change,
// and without a lock held.
func New(c Config, now func() time.Time, changed func()) *Detector {
	c.setDefaults()
	d := &Detector{config: c, now: now, changed: changed, start: now(), monitors: make(map[*Monitor]struct{})}
	d.next.Store(never)
	return d
}

// Add returns the monitor of a host that joins. The monitor sets ejected while the
// host is out, and nobody else may set it.
func (d *Detector) Add(ejected *atomic.Bool) *Monitor {
	m := &Monitor{detector: d, ejected: ejected}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.monitors[m] = struct{}{}
	return m
}

// Remove ends the monitoring of a host that leaves. Reports about it have no
// effect any more.
func (d *Detector) Remove(m *Monitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.monitors[m]; !ok {
		return
	}
	delete(d.monitors, m)
	if m.ejected.Load() {
		d.ejected--
	}
}

// Ejected returns how many hosts are ejected.
func (d *Detector) Ejected() int {
	d.Sweep()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ejected
}

// Sweep returns the hosts whose time has come at the last tick. It is to be called
// before each choice of a host, and costs no more than an atomic load while no
// host has been ejected lately. It never waits: where another caller is at it
// already, the choice is made a moment earlier.
func (d *Detector) Sweep() {
	next := d.next.Load()
	if next == never {
		return
	}
	now := d.elapsed()
	if int64(now) < next || !d.mu.TryLock() {
		return
	}
	returned := d.sweep(now)
	d.mu.Unlock()
	if returned {
		d.changed()
	}
}

// elapsed is the time since New.
func (d *Detector) elapsed() time.Duration { return d.now().Sub(d.start) }

// sweep makes up for all ticks until now, and reports whether a host returned.
// d.mu is held.
func (d *Detector) sweep(now time.Duration) bool {
	tick := now - now%d.config.Interval
	if tick <= d.swept {
		return false
	}
	returned, idle := false, true
	for m := range d.monitors {
		returned = m.sweep(d.swept, tick) || returned
		idle = idle && m.backoff == 0
	}
	d.swept = tick
	if idle {
		d.next.Store(never)
	} else {
		d.next.Store(int64(tick + d.config.Interval))
	}
	return returned
}

// eject ejects m if that leaves enough hosts in, and resets the counter that asked
// for it in any case, so that as many errors ask for it again.
func (d *Detector) eject(m *Monitor, counter *atomic.Uint32) {
	d.mu.Lock()
	now := d.elapsed()
	changed := d.sweep(now)
	if _, ok := d.monitors[m]; ok && !m.ejected.Load() {
		// Limited across all priorities together, as in Envoy.
		if 100*(d.ejected+1) <= int(d.config.MaxEjectionPercent)*len(d.monitors) {
			d.ejected++
			m.eject(now)
			d.next.Store(int64(now - now%d.config.Interval + d.config.Interval))
			changed = true
		}
		counter.Store(0)
	}
	d.mu.Unlock()
	if changed {
		d.changed()
	}
}
