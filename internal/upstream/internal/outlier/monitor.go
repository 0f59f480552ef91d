package outlier

import (
	"sync/atomic"
	"time"
)

// A Monitor counts the errors of one host. It is safe for concurrent use. A
// report of a success takes no lock, and writes only after an error.
//
// Call exactly one of Response, Failed and TimedOut for each try. A request
// that a limit refuses is not a try, and neither is a response that the gateway
// itself makes. A nil Monitor ignores all reports, for destinations without
// outlier detection.
type Monitor struct {
	detector *Detector
	ejected  *atomic.Bool
	// report is told of each ejection and return. It may be nil.
	report func(ejected bool)

	consecutive5xx, consecutiveGateway, consecutiveLocal atomic.Uint32

	// detector.mu guards the fields below.

	// ejectedAt is the time of the last ejection, since the detector's start.
	ejectedAt time.Duration
	// backoff is the factor k for the duration of the next ejection. Each
	// ejection increases it, and each interval since the return decreases it.
	backoff time.Duration
}

// Response reports the status of a response. For a gRPC response without a
// body, that is the HTTP status for its gRPC status.
func (m *Monitor) Response(status int) {
	if m == nil {
		return
	}
	m.Connected()
	m.response(status)
}

// Connected reports that a request has got a connection. If failures are
// counted separately, this ends a series of them. As in Envoy, timeouts of a
// host that accepts connections are then never consecutive, if this is called
// for each try.
func (m *Monitor) Connected() {
	if m != nil && m.detector.config.SplitLocalOrigin {
		reset(&m.consecutiveLocal)
	}
}

// Failed reports that there is no response for a reason other than a timeout:
// the connection could not be made, or ended too early, or did not carry valid
// HTTP.
func (m *Monitor) Failed() { m.failed(503) }

// TimedOut reports that there was no response within the time of the try or the
// request.
func (m *Monitor) TimedOut() { m.failed(504) }

// failed counts a failure, as the given status unless failures are counted
// separately.
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
	// A due return resets the counters, and must come before this error.
	m.detector.Sweep()
	if status >= 502 && status <= 504 {
		m.count(&m.consecutiveGateway, m.detector.config.ConsecutiveGatewayErrors)
	} else {
		reset(&m.consecutiveGateway)
	}
	m.count(&m.consecutive5xx, m.detector.config.Consecutive5xx)
}

// count counts an error, and ejects the host when there are enough. Zero is
// never.
func (m *Monitor) count(counter *atomic.Uint32, enough uint32) {
	if enough > 0 && counter.Add(1) == enough {
		m.detector.eject(m, counter)
	}
}

// reset writes only if needed, to spare the other processors.
func reset(counter *atomic.Uint32) {
	if counter.Load() != 0 {
		counter.Store(0)
	}
}

// eject ejects the host. detector.mu is held.
func (m *Monitor) eject(now time.Duration) {
	base := m.detector.config.BaseEjectionTime
	m.ejectedAt = now
	if m.backoff*base < m.maxEjectionTime()+base {
		m.backoff++
	}
	m.ejected.Store(true)
}

// sweep processes the ticks after since up to tick, and reports whether the
// host returned. detector.mu is held.
func (m *Monitor) sweep(since, tick time.Duration) (returned bool) {
	interval := m.detector.config.Interval
	if m.ejected.Load() {
		// The first tick at which its ejection is over.
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

// maxEjectionTime is the maximum duration of an ejection.
func (m *Monitor) maxEjectionTime() time.Duration {
	return max(DefaultMaxEjectionTime, m.detector.config.BaseEjectionTime)
}
