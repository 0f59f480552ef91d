package metrics

import (
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds of the buckets of a Histogram: those of Istio's
// istio_request_duration_milliseconds.
var Bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

// A Histogram is a distribution of durations.
type Histogram struct {
	// Buckets count the durations up to each of Bounds, and above the bound
	// before. The last one counts those above all bounds.
	Buckets [len(Bounds) + 1]uint64
	// Count and Sum are the number of durations and their sum.
	Count uint64
	Sum   time.Duration
}

// Quantile estimates the duration that a share q of all durations, 0 to 1, does not
// exceed. It is exact to the width of a bucket, within which durations count as evenly
// spread. It is 0 without durations.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count == 0 {
		return 0
	}
	rank := q * float64(h.Count)
	seen := 0.0
	for i, n := range h.Buckets {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		if i == len(Bounds) {
			break
		}
		low := time.Duration(0)
		if i > 0 {
			low = Bounds[i-1]
		}
		return low + time.Duration(float64(Bounds[i]-low)*max(0, rank-seen)/float64(n))
	}
	return Bounds[len(Bounds)-1]
}

// Mean returns the mean duration, or 0 without durations.
func (h *Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}

// Add adds the durations of another histogram.
func (h *Histogram) Add(other *Histogram) {
	for i := range h.Buckets {
		h.Buckets[i] += other.Buckets[i]
	}
	h.Count += other.Count
	h.Sum += other.Sum
}

// Sub returns the durations that came after an earlier state of the same histogram.
func (h *Histogram) Sub(earlier *Histogram) Histogram {
	out := *h
	for i := range out.Buckets {
		out.Buckets[i] -= min(out.Buckets[i], earlier.Buckets[i])
	}
	out.Count -= min(out.Count, earlier.Count)
	out.Sum -= min(out.Sum, earlier.Sum)
	return out
}

// A distribution is one stripe of a histogram.
type distribution struct {
	buckets                     [len(Bounds) + 1]atomic.Uint64
	requestSizes, responseSizes [len(SizeBounds) + 1]atomic.Uint64
	nanoseconds                 atomic.Int64 // the sum
	requestBytes, responseBytes atomic.Int64 // the sums
	_                           [8]byte
}

func (d *distribution) add(t time.Duration, received, sent int64) {
	// Most requests are fast, so a scan from below ends soon.
	i := 0
	for i < len(Bounds) && t > Bounds[i] {
		i++
	}
	d.buckets[i].Add(1)
	d.nanoseconds.Add(int64(t))
	d.requestSizes[sizeBucket(received)].Add(1)
	d.responseSizes[sizeBucket(sent)].Add(1)
	if received > 0 {
		d.requestBytes.Add(received)
	}
	if sent > 0 {
		d.responseBytes.Add(sent)
	}
}
