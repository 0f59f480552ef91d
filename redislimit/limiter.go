// Package redislimit counts the requests of several replicas of a gateway in
// Redis, or in a server with the same protocol, such as Valkey. The main type is
// Limiter, a ratelimit.Limiter:
//
//	client, err := redislimit.NewClient("redis://localhost:6379")
//	...
//	defer client.Close()
//	builder.Limiter("redis", redislimit.New(client, redislimit.Options{}))
//
// A limit with that name as its spec.RateLimit.Provider is then shared by all
// replicas that use the same server.
//
// The server must know EVALSHA, and replicate the effects of scripts instead of
// the scripts: Redis 5 and later do, and so does every Valkey. A standalone
// server, Sentinel and Cluster all work. If Redis has access control lists, the
// user needs the commands EVALSHA, EVAL, TIME, GET, SET, INCRBY and PEXPIRE.
//
// The time is always that of the server, so replicas with different clocks agree.
//
// # Keys
//
// AlgorithmGCRA has one key for each limit and client, for example
// "lateen:shop/limits|1m0s|x-user=bob". It expires as soon as the limit is full
// again.
//
// AlgorithmFixedWindow has one key for each window, with the name that
// github.com/envoyproxy/ratelimit gives it, for example
// "shop/limits_x-user_bob_1700000040". Both programs can share such counters if
// they have the same domain, descriptors and limits, and if Envoy's service has
// no CACHE_KEY_PREFIX. Units are the seconds of its SECOND to YEAR: a month has
// 30 days, and a year has 365. Any other unit is aligned to Unix time in the same
// way. The key expires one unit after its last request. Envoy's format does not
// keep ("a", "b_c") and ("a_b", "c") apart.
//
// If the domain and the entries of a descriptor have more than 256 bytes, their
// SHA-256 is in the key instead. A second descriptor of a request that has the
// same key gets a number, so that it counts apart.
package redislimit

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/lateengo/gateway/ratelimit"
)

// A Limiter counts requests in Redis. New returns one. All methods can be called
// concurrently.
type Limiter struct {
	client redis.UniversalClient
	script *redis.Script
	prefix string
	// together means that all keys are on the same server.
	together bool
	now      func() time.Time
	// ahead is how much later it is on the server than here, in microseconds.
	ahead atomic.Int64
}

var _ ratelimit.Limiter = (*Limiter)(nil)

// Options are the options of New. The zero value has the defaults.
type Options struct {
	// Prefix begins the keys, followed by a colon. Gateways with different
	// prefixes count apart. The default is "lateen". The keys of fixed windows
	// have no prefix, as in github.com/envoyproxy/ratelimit.
	Prefix string
}

// New returns a Limiter that uses the client, which must not be nil. The caller
// closes the client.
//
// NewClient returns a client with fitting options. Another client should have
// ContextTimeoutEnabled, or each call to a server that hangs leaves a goroutine
// behind until the timeouts of the client end it. It should have no retries, as
// each one takes time and may count a request again. Only NewClient bounds the size
// of replies: something that is not Redis can make another client use much memory. A
// cluster needs a *redis.ClusterClient. A client for reading from replicas does not work.
func New(client redis.UniversalClient, options Options) *Limiter {
	if options.Prefix == "" {
		options.Prefix = "lateen"
	}
	// Only this type has one server for sure.
	_, together := client.(*redis.Client)
	return &Limiter{
		client:   client,
		script:   redis.NewScript(source),
		prefix:   options.Prefix + ":",
		together: together,
		now:      time.Now,
	}
}

// Limit implements ratelimit.Limiter. It returns when the context ends, at the
// latest.
//
// With AlgorithmGCRA, a request over a limit uses nothing of that limit. With
// AlgorithmFixedWindow it does, as in github.com/envoyproxy/ratelimit. A request
// with zero hits uses nothing, and is over only if a fixed window is exceeded
// already. A request with more hits than the burst is always over; its RetryAfter
// is the time until the limit is full.
//
// It usually takes one round trip. It takes another one if the server does not
// know the script yet, and one if the clock of this process is not in the same
// fixed window as the clock of the server.
//
// An error is one of the client or of the context, wrapped; or it says what is
// wrong with the request or with the answer. After an error, the request may be
// counted for all, some or none of the descriptors. A GCRA limit must have at
// most 2^42 requests per unit, and its burst must refill within 71 years. A fixed
// window must have whole microseconds, and at most 100 years.
func (l *Limiter) Limit(ctx context.Context, request ratelimit.Request) (ratelimit.Response, error) {
	counters, err := l.counters(&request)
	if err != nil {
		return ratelimit.Response{}, ratelimit.InvalidRequest(fmt.Errorf("redislimit: %w", err))
	}
	type result struct {
		statuses []ratelimit.Status
		err      error
	}
	// The client can ignore the end of the context.
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			// The caller cannot recover this goroutine.
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v", p)
			}
			done <- r
		}()
		r.statuses, r.err = l.count(ctx, counters)
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = context.Cause(ctx)
	}
	if r.err != nil {
		return ratelimit.Response{}, fmt.Errorf("redislimit: %w", r.err)
	}
	response := ratelimit.Response{Statuses: r.statuses}
	for i := range r.statuses {
		response.Over = response.Over || r.statuses[i].Over
	}
	return response, nil
}

// A counter counts one descriptor.
type counter interface {
	// question returns the key and the arguments for the script. The time is
	// in microseconds.
	question(now int64, forced bool) (key string, args [6]any)
	status(answer) (ratelimit.Status, error)
}

// counters returns the counters of a request.
func (l *Limiter) counters(request *ratelimit.Request) ([]counter, error) {
	counters := make([]counter, len(request.Descriptors))
	keys := make([]string, len(request.Descriptors))
	for i := range request.Descriptors {
		d := &request.Descriptors[i]
		hits := d.Hits
		if hits == 0 {
			hits = request.Hits
		}
		if d.Requests < 1 || d.Unit <= 0 || d.Burst < 0 || hits < 0 {
			return nil, fmt.Errorf("descriptor %d: %d hits of %d requests per %v with a burst of %d are not possible", i, hits, d.Requests, d.Unit, d.Burst)
		}
		var err error
		switch d.Algorithm {
		case ratelimit.AlgorithmGCRA:
			keys[i] = gcraKey(request.Domain, d)
			key := keys[i]
			if n := occurrences(keys[:i], key); n > 0 {
				key += "|" + strconv.Itoa(n+1)
			}
			counters[i], err = newGCRA(l.prefix+bounded("", key), d, hits)
		case ratelimit.AlgorithmFixedWindow:
			keys[i] = windowKey(request.Domain, d)
			key := keys[i]
			if n := occurrences(keys[:i], key); n > 0 {
				key += strconv.Itoa(n+1) + "_"
			}
			counters[i], err = newFixedWindow(bounded(l.prefix, key), d, hits)
		default:
			err = fmt.Errorf("algorithm %d is unknown", d.Algorithm)
		}
		if err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", i, err)
		}
	}
	return counters, nil
}

// occurrences returns how often the key is among the keys.
func occurrences(keys []string, key string) int {
	n := 0
	for i := range keys {
		if keys[i] == key {
			n++
		}
	}
	return n
}

// count asks the servers, for the second time only where the window was wrong.
func (l *Limiter) count(ctx context.Context, counters []counter) ([]ratelimit.Status, error) {
	statuses := make([]ratelimit.Status, len(counters))
	asked := l.now().UnixMicro()
	all := make([]int, len(counters))
	for i := range all {
		all[i] = i
	}
	moved, server, err := l.ask(ctx, counters, statuses, all, asked+l.ahead.Load(), false)
	if err != nil || len(moved) == 0 {
		return statuses, err
	}
	// The server read its clock between these two readings of the clock here.
	l.ahead.Store(server - (asked+l.now().UnixMicro())/2)
	_, _, err = l.ask(ctx, counters, statuses, moved, server, true)
	return statuses, err
}

// ask counts some of the counters and writes their statuses. It returns those
// that it has not counted because their window was wrong, and the time of the
// server. If forced is set, there are none.
func (l *Limiter) ask(ctx context.Context, counters []counter, statuses []ratelimit.Status, some []int, now int64, forced bool) (moved []int, server int64, err error) {
	calls := l.calls(counters, some, now, forced)
	run(ctx, l.client, l.script, calls)
	for _, c := range calls {
		reply, err := c.reply.Result()
		if err != nil {
			return nil, 0, err
		}
		answers, err := parseAnswers(reply, len(c.counters))
		if err != nil {
			return nil, 0, err
		}
		for i, a := range answers {
			at := c.counters[i]
			if a.kind == answerMoved && !forced && a.first > 0 && a.first <= maxCount {
				moved, server = append(moved, at), a.first
				continue
			}
			if statuses[at], err = counters[at].status(a); err != nil {
				return nil, 0, err
			}
		}
	}
	return moved, server, nil
}

// calls distributes counters to calls.
//
// On one server, one call has all keys: it costs the server less than several
// calls. The keys of a cluster are in different slots, and a call can use one slot
// only. A common hash tag would put them into the same slot, but then one server
// of the cluster would count everything. So there each key has its own call, and
// the calls are sent together.
func (l *Limiter) calls(counters []counter, some []int, now int64, forced bool) []*call {
	if l.together {
		c := &call{
			counters: make([]int, 0, len(some)),
			keys:     make([]string, 0, len(some)),
			args:     make([]any, 0, 6*len(some)),
		}
		for _, i := range some {
			c.add(i, counters[i], now, forced)
		}
		return []*call{c}
	}
	calls := make([]*call, len(some))
	for at, i := range some {
		calls[at] = new(call)
		calls[at].add(i, counters[i], now, forced)
	}
	return calls
}
