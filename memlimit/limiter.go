// Package memlimit counts requests in the memory of this process. The main type is
// Limiter, a ratelimit.Limiter:
//
//	builder.Limiter("memory", memlimit.New(memlimit.Options{}))
//
// Limits whose spec.RateLimit.Provider has that name are counted together by all gateways
// that register the same Limiter. With package rls it serves other processes, so that a
// group of gateways has one place that counts and needs no Redis:
//
//	rls.NewServer(memlimit.New(memlimit.Options{}), config, rls.ServerOptions{})
//
// What is counted is lost when the process ends. A gateway that counts alone does not need
// a Limiter.
//
// # Counters
//
// A counter belongs to the domain of a request, the entries of a descriptor, its Requests,
// Unit and Burst, and its Algorithm. If one of them changes, the count begins again. A
// second descriptor of a request that has the same counter gets one of its own.
//
// AlgorithmFixedWindow uses the wall clock. If that is set, a count may begin again, so up
// to twice the limit is allowed once. AlgorithmGCRA uses the monotonic clock.
//
// Nothing is rounded in fixed windows. AlgorithmGCRA is exact within a thousandth up to
// four million requests a second.
package memlimit

import (
	"context"
	"fmt"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/ratelimit"
)

// A Limiter counts requests in memory. New returns one; the zero value does not work. All
// methods can be called concurrently. It has nothing to close.
type Limiter struct{ memory *bucket.Memory }

var _ ratelimit.Limiter = (*Limiter)(nil)

// Options are the options of New. The zero value has the defaults.
type Options struct {
	// MaxBytes bounds the memory for all counters together, in bytes, rounded down
	// to a multiple of 4096. Zero or less means 268,435,456 (256 MiB), which is at
	// least 7 million counters. Memory is used only while there are counters: 16
	// bytes for each, and up to 36 with what is unused between them. A counter with
	// all of its limit left needs none.
	//
	// If there are more counters, a new one replaces one that has counted little,
	// which then begins again. Those over their limit are replaced last. Half of the
	// memory is divided equally among the different limits, which are those with
	// another Requests, Unit, Burst or Algorithm, so that many counters of one limit
	// leave room for those of others. Each different limit takes at least 4096
	// bytes, even if these are more than MaxBytes.
	MaxBytes int64
}

// New returns a Limiter that has counted nothing.
func New(options Options) *Limiter {
	return &Limiter{bucket.NewMemory(bucket.NewBudget(options.MaxBytes))}
}

// Limit implements ratelimit.Limiter. It does not wait, and does not look at the context.
//
// With AlgorithmGCRA, a request over a limit uses nothing of that limit. With
// AlgorithmFixedWindow it uses what is left, as in github.com/envoyproxy/ratelimit. A
// request with zero hits uses nothing, and is over only if a fixed window is exceeded
// already. A request with more hits than the burst is always over; its RetryAfter is the
// time until the limit is full.
//
// An error says what is wrong with the request, and then nothing is counted. The Requests
// and the Unit must be positive, and a descriptor without a limit is an error. The Burst
// and the Hits must not be negative. With AlgorithmGCRA, the burst must refill within four
// years. More than 1024 different limits at the same time are an error too. A limit that
// nobody has used until all its counters were full again does not count among these.
func (l *Limiter) Limit(_ context.Context, request ratelimit.Request) (ratelimit.Response, error) {
	var few [8]bucket.Counter
	counters := few[:0]
	for i := range request.Descriptors {
		d := &request.Descriptors[i]
		if hits(&request, d) < 0 {
			return ratelimit.Response{}, ratelimit.InvalidRequest(fmt.Errorf("memlimit: descriptor %d: %d hits are not possible", i, hits(&request, d)))
		}
		c, err := l.memory.Counter(request.Domain, d)
		if err != nil {
			return ratelimit.Response{}, ratelimit.InvalidRequest(fmt.Errorf("memlimit: descriptor %d: %w", i, err))
		}
		counters = append(counters, c)
	}
	response := ratelimit.Response{Statuses: make([]ratelimit.Status, len(counters))}
	for i, c := range counters {
		v := c.Again(occurrences(counters[:i], c)).Take(hits(&request, &request.Descriptors[i]))
		s := &response.Statuses[i]
		*s = ratelimit.Status{Over: !v.Allowed, Remaining: v.Remaining(), Reset: v.Reset()}
		if s.Over {
			s.RetryAfter = v.RetryAfter()
			response.Over = true
		}
	}
	return response, nil
}

// hits returns the cost of a request for a descriptor.
func hits(request *ratelimit.Request, d *ratelimit.Descriptor) int {
	if d.Hits != 0 {
		return d.Hits
	}
	return request.Hits
}

// occurrences returns how often a counter is among the counters.
func occurrences(counters []bucket.Counter, counter bucket.Counter) int {
	n := 0
	for i := range counters {
		if counters[i] == counter {
			n++
		}
	}
	return n
}
