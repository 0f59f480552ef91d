package admin

import (
	"math"
	"time"

	"github.com/lateengo/gateway/metrics"
)

// A sample is the counts at a time, by series.
type sample struct {
	at     time.Time
	series map[seriesKey]*metrics.Series
}

type seriesKey struct{ listener, service, route, cluster string }

const (
	// sampleEvery is the shortest time between two samples that are kept, and
	// window the time over which live figures are taken.
	sampleEvery = 2 * time.Second
	window      = time.Minute
)

func (p *Pages) sample() sample {
	s := sample{at: p.now(), series: map[seriesKey]*metrics.Series{}}
	if p.config.Metrics == nil {
		return s
	}
	for _, each := range p.config.Metrics.Series() {
		s.series[seriesKey{each.Listener, each.VirtualService, each.Route, each.Destination.Cluster}] = &each
	}
	return s
}

// samples returns the present counts, and those of up to window ago. They are taken
// when a page is asked for, so that nothing is done while nobody looks.
func (p *Pages) samples() (now, before sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = p.sample()
	for len(p.earlier) > 1 && now.at.Sub(p.earlier[1].at) >= window {
		p.earlier = p.earlier[1:]
	}
	before = p.started
	if len(p.earlier) > 0 && now.at.Sub(p.earlier[0].at) > 0 {
		before = p.earlier[0]
	}
	if len(p.earlier) == 0 || now.at.Sub(p.earlier[len(p.earlier)-1].at) >= sampleEvery {
		p.earlier = append(p.earlier, now)
	}
	return now, before
}

// Figures are what became of the requests of a route to one destination.
type Figures struct {
	// Requests and Failures count from the start of the gateway.
	Requests, Failures uint64
	// Retries and Limited count retries, and requests that a limit refused.
	Retries, Limited uint64
	// Recent counts the requests of the last minute, or since the page was first
	// asked for. RecentFailures are those of them that failed.
	Recent, RecentFailures uint64
	// Rate is the number of requests per second in that time.
	Rate float64
	// P50, P95 and P99 are quantiles of the durations in that time, or of all time if
	// there were no requests in it.
	P50, P95, P99 time.Duration
}

// figures returns the figures of a series.
func figures(now, before sample, k seriesKey) (f Figures) {
	s := now.series[k]
	if s == nil {
		return f
	}
	f = Figures{Requests: s.Requests(), Failures: s.Failures(), Retries: s.Retries, Limited: s.Limited}
	recent := s.Duration
	f.Recent, f.RecentFailures = f.Requests, f.Failures
	if old := before.series[k]; old != nil {
		recent = s.Duration.Sub(&old.Duration)
		f.Recent -= min(f.Recent, old.Requests())
		f.RecentFailures -= min(f.RecentFailures, old.Failures())
	}
	if seconds := now.at.Sub(before.at).Seconds(); seconds > 0 {
		f.Rate = float64(f.Recent) / seconds
	}
	if recent.Count == 0 {
		recent = s.Duration // rather those of all time than none
	}
	f.P50, f.P95, f.P99 = recent.Quantile(0.5), recent.Quantile(0.95), recent.Quantile(0.99)
	return f
}

// add adds figures, but for the quantiles.
func (f *Figures) add(other Figures) {
	f.Requests += other.Requests
	f.Failures += other.Failures
	f.Retries += other.Retries
	f.Limited += other.Limited
	f.Recent += other.Recent
	f.RecentFailures += other.RecentFailures
	f.Rate += other.Rate
}

// An interval is a share, 0 to 1, with the bounds that have it at 95 % confidence
// (Wilson's interval).
type interval struct{ Share, Low, High float64 }

func shareOf(n, of uint64) interval {
	if of == 0 {
		return interval{0, 0, 1}
	}
	const z = 1.96
	total, share := float64(of), float64(n)/float64(of)
	center := share + z*z/(2*total)
	spread := z * math.Sqrt(share*(1-share)/total+z*z/(4*total*total))
	scale := 1 + z*z/total
	return interval{share, max(0, (center-spread)/scale), min(1, (center+spread)/scale)}
}
