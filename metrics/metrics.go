// Package metrics counts the requests of a Gateway by route and destination. A
// Metrics is an observe.Observer: register it with Builder.Observe, and read it with
// Series or WritePrometheus.
//
// The number of series depends on the configuration alone. Nothing that a client sends
// can add one.
package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/observe"
)

// DefaultMaxSeries is how many pairs of route and destination are counted apart.
const DefaultMaxSeries = 50_000

// Metrics are the counters of a Gateway. Its methods are safe for concurrent use. The
// zero Metrics is ready to use.
type Metrics struct {
	// MaxSeries limits how many pairs of a route and a destination are counted
	// apart. Further pairs, as after many changes of the configuration, are
	// counted together under the VirtualService "other". Zero means
	// DefaultMaxSeries.
	MaxSeries int

	series sync.Map // of key to *series
	count  atomic.Int64
	other  series
}

// A key identifies a series.
type key struct{ listener, service, route, cluster string }

// A series counts the requests of one key.
type series struct {
	key
	destination observe.Destination
	// results are the counters of results. The slice is replaced, never changed.
	results atomic.Pointer[[]resultCount]
	mu      sync.Mutex // to replace results
	times   []distribution
	retries counters
	limited counters
	once    sync.Once
}

// A result is how requests ended.
type result struct {
	status          int
	flags, protocol string
	grpc            string
}

type resultCount struct {
	result
	counters
}

// Observe counts a request. Requests of mirrors are not counted.
func (m *Metrics) Observe(o *observe.Outcome) {
	if o.Mirror {
		return
	}
	k := key{listener: o.Listener, service: o.VirtualService, route: o.Route}
	if o.Destination != nil {
		k.cluster = o.Destination.Cluster
	}
	s := m.find(k, o)
	r := result{o.Status, o.Flags, protocolOf(o), o.GRPCStatus}
	if o.Status < 100 || o.Status > 599 {
		r.status = 0
	}
	if !knownGRPC(r.grpc) {
		r.grpc = "2" // UNKNOWN
	}
	i := stripe()
	s.counter(r)[i].n.Add(1)
	s.times[i].add(o.Duration, o.RequestBytes, o.ResponseBytes)
	if n := len(o.Tries); n > 0 {
		s.retries[i].n.Add(uint64(n))
	}
	if o.Limit != "" {
		s.limited[i].n.Add(1)
	}
}

// protocolOf returns Istio's request_protocol.
func protocolOf(o *observe.Outcome) string {
	if o.GRPCStatus != "" {
		return "grpc"
	}
	return "http"
}

// knownGRPC reports whether a gRPC status is "" or one of 0 to 16, so that backends
// cannot add series without end.
func knownGRPC(status string) bool {
	switch len(status) {
	case 0:
		return true
	case 1:
		return '0' <= status[0] && status[0] <= '9'
	case 2:
		return status[0] == '1' && '0' <= status[1] && status[1] <= '6'
	}
	return false
}

func (m *Metrics) find(k key, o *observe.Outcome) *series {
	if s, ok := m.series.Load(k); ok {
		return s.(*series)
	}
	limit := cmp.Or(m.MaxSeries, DefaultMaxSeries)
	if m.count.Load() >= int64(limit) {
		return m.other.ready()
	}
	fresh := &series{key: k}
	if o.Destination != nil {
		fresh.destination = *o.Destination
	}
	s, loaded := m.series.LoadOrStore(k, fresh.ready())
	if !loaded {
		m.count.Add(1)
	}
	return s.(*series)
}

func (s *series) ready() *series {
	s.once.Do(func() { s.times, s.retries, s.limited = make([]distribution, stripes), newCounters(), newCounters() })
	return s
}

// counter returns the counters of a result.
func (s *series) counter(r result) counters {
	if list := s.results.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.result == r {
				return c.counters
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []resultCount
	if old := s.results.Load(); old != nil {
		for i := range *old {
			if c := &(*old)[i]; c.result == r {
				return c.counters
			}
		}
		list = slices.Clone(*old)
	}
	c := newCounters()
	list = append(list, resultCount{r, c})
	s.results.Store(&list)
	return c
}

// A Series is what became of the requests of a route that went to one destination.
// Without a Destination it is what the gateway answered by itself, and without a
// VirtualService the requests that no route matched.
type Series struct {
	Listener, VirtualService, Route string
	Destination                     observe.Destination
	// Results are the counts of each result, by status.
	Results []Result
	// Duration is the distribution of the durations of the requests.
	Duration Histogram
	// RequestSizes and ResponseSizes are the distributions of the sizes of the bodies.
	RequestSizes, ResponseSizes Sizes
	// Retries counts the tries after the first ones, and Limited the requests that
	// a rate limit refused.
	Retries, Limited uint64
}

// A Result is a way in which requests ended, and how many did.
type Result struct {
	// Status is the status of the response; 0 if there was none.
	Status int
	// Flags are Envoy's response flags, GRPCStatus is the status of a gRPC
	// response, and Protocol "http" or "grpc".
	Flags, GRPCStatus, Protocol string
	Count                       uint64
}

// LabelValues returns the values of ResultLabels.
func (r *Result) LabelValues() []string {
	return []string{r.Protocol, strconv.Itoa(r.Status), r.GRPCStatus, cmp.Or(r.Flags, "-")}
}

func compareResults(a, b Result) int {
	return cmp.Or(cmp.Compare(a.Status, b.Status), strings.Compare(a.Flags, b.Flags), strings.Compare(a.GRPCStatus, b.GRPCStatus),
		strings.Compare(a.Protocol, b.Protocol))
}

// Requests returns the number of all requests of a series.
func (s *Series) Requests() (n uint64) {
	for i := range s.Results {
		n += s.Results[i].Count
	}
	return n
}

// Failures returns the number of requests with a status of 500 and more, or without a
// response.
func (s *Series) Failures() (n uint64) {
	for i := range s.Results {
		if r := &s.Results[i]; r.Status >= 500 || r.Status == 0 {
			n += r.Count
		}
	}
	return n
}

// Series returns the present counts, in the order of listener, VirtualService, route
// and destination.
func (m *Metrics) Series() []Series {
	var out []Series
	m.series.Range(func(_, s any) bool {
		out = append(out, s.(*series).snapshot())
		return true
	})
	if m.other.results.Load() != nil {
		other := m.other.snapshot()
		other.VirtualService = "other"
		out = append(out, other)
	}
	slices.SortFunc(out, func(a, b Series) int {
		return cmp.Or(strings.Compare(a.Listener, b.Listener), strings.Compare(a.VirtualService, b.VirtualService),
			strings.Compare(a.Route, b.Route), strings.Compare(a.Destination.Cluster, b.Destination.Cluster))
	})
	return out
}

func (s *series) snapshot() Series {
	out := Series{Listener: s.listener, VirtualService: s.service, Route: s.route, Destination: s.destination, Retries: s.retries.sum(), Limited: s.limited.sum()}
	if list := s.results.Load(); list != nil {
		for i := range *list {
			c := &(*list)[i]
			out.Results = append(out.Results, Result{c.status, c.flags, c.grpc, c.protocol, c.sum()})
		}
	}
	slices.SortFunc(out.Results, compareResults)
	for i := range s.times {
		d := &s.times[i]
		for j := range d.buckets {
			n := d.buckets[j].Load()
			out.Duration.Buckets[j] += n
			out.Duration.Count += n
		}
		out.Duration.Sum += duration(d.nanoseconds.Load())
		for j := range d.requestSizes {
			request, response := d.requestSizes[j].Load(), d.responseSizes[j].Load()
			out.RequestSizes.Buckets[j] += request
			out.RequestSizes.Count += request
			out.ResponseSizes.Buckets[j] += response
			out.ResponseSizes.Count += response
		}
		out.RequestSizes.Sum += uint64(d.requestBytes.Load())
		out.ResponseSizes.Sum += uint64(d.responseBytes.Load())
	}
	return out
}
