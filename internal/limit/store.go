package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
)

// LimiterTimeout is how long a Limiter may take (Envoy's default).
const LimiterTimeout = 20 * time.Millisecond

// After a failure the limiter is not called for storePause, and for twice as
// long after each further failure, up to storePauseMax.
const (
	storePause    = 100 * time.Millisecond
	storePauseMax = time.Second
)

// probeTimeout is how long the limiter may take after a failure to show that it works
// again. It may have to connect first. No request waits that long.
const probeTimeout = time.Second

// A Store is a Limiter that costs little while it fails. After a failure no
// request calls it for a while, then one request at a time does, until it
// answers. So neither an outage nor its end makes many requests wait.
//
// Limits with different timeouts have stores of their own, so that a short timeout does not
// look like a failure to limits that would wait.
type Store struct {
	name    string
	limiter ratelimit.Limiter
	// timeout is how long a request waits.
	timeout time.Duration
	log     *slog.Logger
	// outage is nil while the limiter answers.
	outage atomic.Pointer[outage]
	// The figures of observe.Limiter.
	asked, failures, missed atomic.Uint64
	// refused means that an invalid request was logged.
	refused atomic.Bool

	// probes run after the request that they began with. closed ends them, and none
	// begins after that, for which starting is locked.
	closed   context.Context
	close    context.CancelFunc
	probes   sync.WaitGroup
	starting sync.Mutex
}

// A StoreKey identifies a store.
type StoreKey struct {
	Provider string
	Timeout  time.Duration
}

// NewStore returns a store.
func NewStore(key StoreKey, l ratelimit.Limiter, log *slog.Logger) *Store {
	s := &Store{name: key.Provider, timeout: key.Timeout, limiter: l, log: log}
	s.closed, s.close = context.WithCancel(context.Background())
	return s
}

// Close ends what runs in the background.
func (s *Store) Close() {
	s.starting.Lock()
	s.close()
	s.starting.Unlock()
	s.probes.Wait()
}

// Provider returns the name under which the limiter is registered.
func (s *Store) Provider() string { return s.name }

// Figures returns the present figures.
func (s *Store) Figures() observe.Limiter {
	f := observe.Limiter{Provider: s.name, Asked: s.asked.Load(), Failures: s.failures.Load(), Missed: s.missed.Load()}
	if o := s.outage.Load(); o != nil {
		f.Failing, f.FailingSince = true, o.since
	}
	return f
}

// HasOwnLimits reports whether the limiter knows limits that the declarations do not have.
func (s *Store) HasOwnLimits() bool {
	own, ok := s.limiter.(ratelimit.OwnLimits)
	return ok && own.HasOwnLimits()
}

// Counts reports whether the store counts with a limiter, and reports to a log. Limiters
// that cannot be compared are different.
func (s *Store) Counts(l ratelimit.Limiter, log *slog.Logger) bool {
	t := reflect.TypeOf(l)
	return s.log == log && t == reflect.TypeOf(s.limiter) && t.Comparable() && s.limiter == l
}

// NoStore returns a Store that always fails, for limits that nobody knows.
func NoStore(provider string, log *slog.Logger) *Store {
	return NewStore(StoreKey{provider, LimiterTimeout}, nobody{}, log)
}

// A nobody is the Limiter of NoStore.
type nobody struct{}

var errNobody = errors.New("no Limiter is registered")

func (nobody) Limit(context.Context, ratelimit.Request) (ratelimit.Response, error) {
	return ratelimit.Response{}, errNobody
}

// An outage is the time after a failure of a limiter.
type outage struct {
	since   time.Time
	until   time.Time
	pause   time.Duration
	probing atomic.Bool
}

var errStoreDown = errors.New("the limiter has failed a moment ago")

// A slow is the error of a limiter that took longer than this.
type slow time.Duration

func (s slow) Error() string { return fmt.Sprintf("the limiter took more than %v", time.Duration(s)) }

// Limit calls the limiter, and waits for at most the timeout.
func (s *Store) Limit(ctx context.Context, request ratelimit.Request) (ratelimit.Response, error) {
	before := s.outage.Load()
	if before != nil && (time.Now().Before(before.until) || !before.probing.CompareAndSwap(false, true)) {
		s.missed.Add(1)
		return ratelimit.Response{}, errStoreDown
	}
	s.asked.Add(1)
	if before != nil {
		return s.probe(ctx, before, request)
	}
	answer, err := s.ask(ctx, request, s.timeout)
	// A client that is gone is not a failure of the limiter.
	if err != nil && ctx.Err() == nil {
		s.failed(nil, err)
	}
	return answer, err
}

// probe calls the limiter to see whether it works again. The request waits no longer than
// any other; the answer counts also if it comes after that.
func (s *Store) probe(ctx context.Context, before *outage, request ratelimit.Request) (ratelimit.Response, error) {
	answered := make(chan result, 1)
	s.starting.Lock()
	if s.closed.Err() != nil {
		s.starting.Unlock()
		return ratelimit.Response{}, errStoreDown
	}
	s.probes.Go(func() {
		probing, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(s.closed, cancel)()
		answer, err := s.ask(probing, request, max(s.timeout, probeTimeout))
		if err == nil {
			s.recovered(before)
		} else {
			s.failed(before, err)
		}
		answered <- result{answer, err}
	})
	s.starting.Unlock()
	patience := time.NewTimer(s.timeout)
	defer patience.Stop()
	select {
	case r := <-answered:
		return r.answer, r.err
	case <-patience.C:
		return ratelimit.Response{}, slow(s.timeout)
	case <-ctx.Done():
		return ratelimit.Response{}, context.Cause(ctx)
	}
}

// recovered ends an outage.
func (s *Store) recovered(before *outage) {
	if s.outage.CompareAndSwap(before, nil) {
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "rate limiter answers again", slog.String("provider", s.name),
			slog.Duration("after", time.Since(before.since).Round(time.Millisecond)))
	}
}

// failed begins an outage, or goes on with the one before. A request that the limiter
// refuses is no outage, but shows that it works.
func (s *Store) failed(before *outage, err error) {
	s.failures.Add(1)
	if errors.Is(err, ratelimit.ErrInvalidRequest) {
		if s.refused.CompareAndSwap(false, true) {
			s.log.LogAttrs(context.Background(), slog.LevelError, "rate limiter refuses a limit",
				slog.String("provider", s.name), slog.String("error", err.Error()))
		}
		if before != nil {
			s.recovered(before)
		}
		return
	}
	now := time.Now()
	next := &outage{since: now, pause: storePause}
	if before != nil {
		next.since, next.pause = before.since, min(2*before.pause, storePauseMax)
	}
	next.until = now.Add(next.pause)
	// Of all requests that fail at the same time, only the first counts. The first
	// failure is logged, and the recovery.
	if s.outage.CompareAndSwap(before, next) && before == nil {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "rate limiter failed",
			slog.String("provider", s.name), slog.String("error", err.Error()), slog.Duration("pause", next.pause))
	}
}

// A result is what a limiter answers.
type result struct {
	answer ratelimit.Response
	err    error
}

// ask calls the limiter in a separate goroutine. If the limiter ignores the
// context, ask returns without waiting for that goroutine.
func (s *Store) ask(ctx context.Context, request ratelimit.Request, timeout time.Duration) (ratelimit.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, slow(timeout))
	defer cancel()
	answered := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v", p)
			}
			answered <- r
		}()
		r.answer, r.err = s.limiter.Limit(ctx, request)
	}()
	select {
	case r := <-answered:
		return r.answer, r.err
	case <-ctx.Done():
		return ratelimit.Response{}, context.Cause(ctx)
	}
}
