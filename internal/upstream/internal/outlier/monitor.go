package outlier

import (
	"sync/atomic"
	"time"
)

// A Monitor counts the errors of one host. It is safe for concurrent use. To
// report a success takes no lock, and writes only after an error.
//
// Exactly one of Response, Failed and TimedOut is called for each try. A request
// that is refused by a limit is none, and neither is a response that the gateway
// makes itself. A nil Monitor ignores what is reported, for destinations without
// outlier detection.
type Monitor struct {
	detector *Detector
	ejected  *atomic.Bool

	consecutive5xx, consecutiveGateway, consecutiveLocal atomic.Uint32

	// What follows is guarded by detector.mu.

	// ejectedAt is the time of the last ejection, since the detector's start.
	ejectedAt time.Duration
	// backoff is the number k of ejections that the next one is prolonged for.
	// It goes up with each ejection, and down with each interval since the return.
	backoff time.Duration
}

// Response reports the status of a response. That of a gRPC response which has no
// body is what the gRPC status corresponds to in HTTP.
func (m *Monitor) Response(status int) {
	if m == nil {
		return
	}
	m.Connected()
	m.response(status)
}

// Connected reports that a request has got a connection, which ends a series of
// failures if these are counted for themselves. In Envoy, and here if it is called
// for each try, timeouts of a host that accepts connections are never consecutive
// then.
func (m *Monitor) Connected() {
	if m != nil && m.detector.config.SplitLocalOrigin {
		reset(&m.consecutiveLocal)
	}
}

// Failed reports that there is no response for another reason than a timeout: the
// connection could not be made, or ended too early, or what came on it was not
// HTTP.
func (m *Monitor) Failed() { m.failed(503) }

// TimedOut reports that there was no response in the time of the try or the
// request.
func (m *Monitor) TimedOut() { m.failed(504) }

// failed counts a failure, as the given status unless failures are counted for
// themselves.
func (m *Monitor) failed(as int) {
	switch {
	case m == nil:
	case m.detector.config.SplitLocalOrigin:
		m.detector.Sweep()
		m.count(&m.consecutiveLocal, m.detector.config.ConsecutiveLocalOrigin)
	default:
		m.response(as)
	}
}

func (m *Monitor) response(status int) {
	if status < 500 || status > 599 {
		reset(&m.consecutive5xx)
		reset(&m.consecutiveGateway)
		return
	}
	// A return that is due resets the counters, and must not come after this error.
	m.detector.Sweep()
	if status >= 502 && status <= 504 {
		m.count(&m.consecutiveGateway, m.detector.config.ConsecutiveGatewayErrors)
	} else {
		reset(&m.consecutiveGateway)
	}
	m.count(&m.consecutive5xx, m.detector.config.Consecutive5xx)
}

// count counts an error, and ejects the host at the moment that there are enough.
// Zero is never.
func (m *Monitor) count(counter *atomic.Uint32, enough uint32) {
	if enough > 0 && counter.Add(1) == enough {
		m.detector.eject(m, counter)
	}
}

// reset spares the other processors a write where there is nothing to reset.
func reset(counter *atomic.Uint32) {
	if counter.Load() != 0 {
		counter.Store(0)
	}
}

// eject takes the host out. detector.mu is held.
func (m *Monitor) eject(now time.Duration) {
	base := m.detector.config.BaseEjectionTime
	m.ejectedAt = now
	if m.backoff*base < m.maxEjectionTime()+base {
		m.backoff++
	}
	m.ejected.Store(true)
}

// sweep makes up for the ticks after since up to tick, and reports whether the
// host returned. detector.mu is held.
func (m *Monitor) sweep(since, tick time.Duration) (returned bool) {
	interval := m.detector.config.Interval
	if m.ejected.Load() {
		// At the first tick at which its time is over.
		over := m.ejectedAt + min(m.backoff*m.detector.config.BaseEjectionTime, m.maxEjectionTime())
		at := (over + interval - 1) / interval * interval
		if at > tick {
			return false
		}
		m.detector.ejected--
		m.consecutive5xx.Store(0)
		m.consecutiveGateway.Store(0)
		m.consecutiveLocal.Store(0)
		m.ejected.Store(false)
		returned, since = true, at
	}
	// Each tick since then follows an interval without an ejection.
	m.backoff = max(0, m.backoff-(tick-since)/interval)
	return returned
}

// maxEjectionTime is how long an ejection lasts at most.
func (m *Monitor) maxEjectionTime() time.Duration {
	return max(DefaultMaxEjectionTime, m.detector.config.BaseEjectionTime)
}
