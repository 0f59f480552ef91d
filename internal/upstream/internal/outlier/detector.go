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
// It has no goroutine. Ticks come at multiples of the interval after New, like
// those of Envoy's timer. The next call of Sweep or report of a failure catches
// up on them. If Sweep is called before each look at a host, there is no
// visible difference.
type Detector struct {
	config  Config
	now     func() time.Time
	changed func()
	start   time.Time

	// next is the time of the first tick that has work to do, since start, or
	// never.
	next atomic.Int64

	mu sync.Mutex
	// monitors are all hosts, and ejected is the number of ejected ones.
	monitors map[*Monitor]struct{}
	ejected  int
	// ejections counts all ejections since New.
	ejections uint64
	// swept is the time of the last tick that was processed, since start.
	swept time.Duration
}

// never is the next tick while no host is ejected or was recently.
const never = math.MaxInt64

// New returns a Detector without hosts. now is the clock. changed is called
// after each ejection or return. The caller of the method that made the change
// calls it, without a lock held.
func New(c Config, now func() time.Time, changed func()) *Detector {
	c.setDefaults()
	d := &Detector{config: c, now: now, changed: changed, start: now(), monitors: make(map[*Monitor]struct{})}
	d.next.Store(never)
	return d
}

// Add returns the monitor of a host that joins. The monitor sets ejected while
// the host is ejected, and no other code may set it. report is called after each
// ejection and return, without a lock held. It may be nil.
func (d *Detector) Add(ejected *atomic.Bool, report func(ejected bool)) *Monitor {
	m := &Monitor{detector: d, ejected: ejected, report: report}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.monitors[m] = struct{}{}
	return m
}

// Remove ends the monitoring of a host that leaves. Later reports about it have
// no effect.
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

// Ejected returns the number of ejected hosts.
func (d *Detector) Ejected() int {
	d.Sweep()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ejected
}

// Ejections returns the number of ejections since New.
func (d *Detector) Ejections() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ejections
}

// Sweep returns the hosts whose ejection was over at the last tick. Call it
// before each choice of a host. It costs only an atomic load while no host has
// been ejected recently. It never waits: if another call is running, the choice
// uses the state before.
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
	d.announce(returned, nil)
}

// announce reports the hosts that returned and the one that was ejected, which may
// be nil. d.mu is not held.
func (d *Detector) announce(returned []*Monitor, ejected *Monitor) {
	if len(returned) == 0 && ejected == nil {
		return
	}
	d.changed()
	for _, m := range returned {
		if m.report != nil {
			m.report(false)
		}
	}
	if ejected != nil && ejected.report != nil {
		ejected.report(true)
	}
}

// elapsed is the time since New.
func (d *Detector) elapsed() time.Duration { return d.now().Sub(d.start) }

// sweep processes all ticks until now, and returns the hosts that returned.
// d.mu is held.
func (d *Detector) sweep(now time.Duration) (returned []*Monitor) {
	tick := now - now%d.config.Interval
	if tick <= d.swept {
		return nil
	}
	idle := true
	for m := range d.monitors {
		if m.sweep(d.swept, tick) {
			returned = append(returned, m)
		}
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

// eject ejects m if the limit allows it. It always resets the counter that
// triggered it, so that the same number of errors triggers it again.
func (d *Detector) eject(m *Monitor, counter *atomic.Uint32) {
	d.mu.Lock()
	now := d.elapsed()
	returned := d.sweep(now)
	var ejected *Monitor
	if _, ok := d.monitors[m]; ok && !m.ejected.Load() {
		// The limit is for all priorities together, as in Envoy.
		if 100*(d.ejected+1) <= int(d.config.MaxEjectionPercent)*len(d.monitors) {
			d.ejected++
			d.ejections++
			m.eject(now)
			d.next.Store(int64(now - now%d.config.Interval + d.config.Interval))
			ejected = m
		}
		counter.Store(0)
	}
	d.mu.Unlock()
	d.announce(returned, ejected)
}
