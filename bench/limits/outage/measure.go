//go:build unix

package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A measured is how long requests took.
type measured struct {
	// works is while the store works, first are the first requests of outages, and
	// others those after them.
	works, first, others []time.Duration
	// until is the time from the end of an outage until the store counts again.
	until []time.Duration
}

// measure lets a store fail some times.
func measure(s *store, f fault, outages int, lasting time.Duration) (m measured, err error) {
	limiter, closeLimiter, err := s.connect()
	if err != nil {
		return m, err
	}
	defer closeLimiter()
	log := new(changes)
	gw, err := gateway.New().Limiter("store", limiter).Logger(slog.New(slog.NewTextHandler(log, nil))).
		Route(spec.Route{
			RateLimits: []spec.RateLimit{{
				Requests: 1_000_000_000, Unit: 24 * time.Hour, Provider: "store", Algorithm: s.algorithm,
				Per: []spec.LimitKey{{RemoteAddress: true}}, OnStoreFailure: spec.StoreFailureLocal,
			}},
			Destinations: []spec.Destination{{Host: "shop"}},
		}).
		Backend("shop", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
		Build()
	if err != nil {
		return m, err
	}
	defer gw.Close()
	get := func() time.Duration {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		w := httptest.NewRecorder()
		began := time.Now()
		gw.ServeHTTP(w, r)
		took := time.Since(began)
		if w.Code != http.StatusOK {
			err = fmt.Errorf("a request was answered with %d", w.Code)
		}
		return took
	}
	for range outages {
		// Until the store counts, and the machine is not so busy that it looks like a
		// failure.
		var works []time.Duration
		for len(works) < 2000 {
			works = append(works, get())
			if log.last() {
				works = nil
			}
		}
		m.works = append(m.works, works...)
		f.begin(s)
		m.first = append(m.first, get())
		// The end is at any time between two tries of the gateway.
		for end := time.Now().Add(lasting + rand.N(time.Second)); time.Now().Before(end); {
			m.others = append(m.others, get())
		}
		if err := f.end(s); err != nil {
			return m, err
		}
		began := time.Now()
		for log.last() {
			get()
		}
		m.until = append(m.until, time.Since(began))
	}
	return m, err
}

// A changes is a log. last reports whether its last line is about a failure.
type changes struct{ failed atomic.Bool }

func (c *changes) last() bool { return c.failed.Load() }

// Write implements io.Writer.
func (c *changes) Write(line []byte) (int, error) {
	c.failed.Store(bytes.Contains(line, []byte("rate limiter failed")))
	return len(line), nil
}
