package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
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

// A Store is a Limiter that costs little while it fails. After a failure no
// request calls it for a while, then one request at a time does, until it
// answers. So neither an outage nor its end makes many requests wait.
type Store struct {
	Name    string
	Limiter ratelimit.Limiter
	Log     *slog.Logger
	// outage is nil while the limiter answers.
	outage atomic.Pointer[outage]
	// The figures of observe.Limiter.
	asked, failures, missed atomic.Uint64
}

// Figures returns the present figures.
func (s *Store) Figures() observe.Limiter {
	f := observe.Limiter{Provider: s.Name, Asked: s.asked.Load(), Failures: s.failures.Load(), Missed: s.missed.Load()}
	if o := s.outage.Load(); o != nil {
		f.Failing, f.FailingSince = true, o.since
	}
	return f
}

// Counts reports whether the store counts with a limiter, and reports to a log. Limiters
// that cannot be compared are different.
func (s *Store) Counts(l ratelimit.Limiter, log *slog.Logger) bool {
	t := reflect.TypeOf(l)
	return s.Log == log && t == reflect.TypeOf(s.Limiter) && t.Comparable() && s.Limiter == l
}

// NoStore returns a Store that always fails, for limits that nobody knows.
func NoStore(provider string, log *slog.Logger) *Store {
	return &Store{Name: provider, Limiter: nobody{}, Log: log}
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
func (s *Store) Limit(ctx context.Context, request ratelimit.Request, timeout time.Duration) (ratelimit.Response, error) {
	before := s.outage.Load()
	if before != nil {
		if time.Now().Before(before.until) || !before.probing.CompareAndSwap(false, true) {
			s.missed.Add(1)
			return ratelimit.Response{}, errStoreDown
		}
	}
	s.asked.Add(1)
	answer, err := s.ask(ctx, request, timeout)
	switch {
	case err == nil:
		if before != nil && s.outage.CompareAndSwap(before, nil) {
			s.Log.LogAttrs(ctx, slog.LevelInfo, "rate limiter answers again", slog.String("provider", s.Name),
				slog.Duration("after", time.Since(before.since).Round(time.Millisecond)))
		}
	case ctx.Err() != nil:
		// The client is gone. That is not a failure of the limiter.
		if before != nil {
			before.probing.Store(false)
		}
	default:
		s.failures.Add(1)
		// Of all requests that fail at the same time, only the first counts.
		now := time.Now()
		next := &outage{since: now, pause: storePause}
		if before != nil {
			next.since, next.pause = before.since, min(2*before.pause, storePauseMax)
		}
		next.until = now.Add(next.pause)
		// The first failure is logged, and the recovery.
		if s.outage.CompareAndSwap(before, next) && before == nil {
			s.Log.LogAttrs(ctx, slog.LevelWarn, "rate limiter failed",
				slog.String("provider", s.Name), slog.String("error", err.Error()), slog.Duration("pause", next.pause))
		}
	}
	return answer, err
}

// ask calls the limiter in a separate goroutine. If the limiter ignores the
// context, ask returns without waiting for that goroutine.
func (s *Store) ask(ctx context.Context, request ratelimit.Request, timeout time.Duration) (ratelimit.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, slow(timeout))
	defer cancel()
	type result struct {
		answer ratelimit.Response
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v", p)
			}
			answered <- r
		}()
		r.answer, r.err = s.Limiter.Limit(ctx, request)
	}()
	select {
	case r := <-answered:
		return r.answer, r.err
	case <-ctx.Done():
		return ratelimit.Response{}, context.Cause(ctx)
	}
}
