package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/go-chi/httprate"
	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	ulimiter "github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/spec"
)

// Each key may have burst requests at once, which no contestant reaches, and refill
// more in a period. So a bucket that was used is not full again soon, and must be
// kept. A limiter that counts in periods has burst for each.
const (
	burst  = 100_000_000
	refill = 3000
	period = time.Hour
)

// A limiter takes a token of a key and reports whether there was one.
type limiter func(key string) bool

var limiters = []contestant[limiter]{
	{"lateen", lateen},
	{"map of x/time/rate, one lock", lockedMap},
	{"httprate", httpRate},
	{"ulule/limiter", ulule},
	{"throttled", throttle},
	{"go-limiter", goLimiter},
}

// lateenLimit is the limit of lateen by remote address.
var lateenLimit = spec.RateLimit{Requests: refill, Unit: period, Burst: burst, Per: []spec.LimitKey{{RemoteAddress: true}}}

func lateen() limiter {
	buckets := bucket.NewBuckets(&lateenLimit, nil)
	return func(key string) bool {
		v := buckets.Take(buckets.Hash([]byte(key)))
		return v.Allowed
	}
}

// lockedMap is what many programs have.
func lockedMap() limiter {
	var mu sync.Mutex
	of := map[string]*rate.Limiter{}
	return func(key string) bool {
		mu.Lock()
		l := of[key]
		if l == nil {
			l = rate.NewLimiter(refill/rate.Limit(period.Seconds()), burst)
			of[key] = l
		}
		mu.Unlock()
		return l.Allow()
	}
}

// httpRate gets a request, from which it reads only the context, and sets no headers.
func httpRate() limiter {
	l := httprate.NewRateLimiter(burst, period, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	return func(key string) bool { return !l.OnLimit(w, r, key) }
}

func ulule() limiter {
	l := limiterOf(memory.NewStore())
	return func(key string) bool {
		state, err := l.Get(context.Background(), key)
		return err == nil && !state.Reached
	}
}

func limiterOf(store ulimiter.Store) *ulimiter.Limiter {
	return ulimiter.New(store, ulimiter.Rate{Period: period, Limit: burst})
}

func throttle() limiter {
	store, err := memstore.NewCtx(0)
	if err != nil {
		panic(err)
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerDuration(refill, period), MaxBurst: burst})
	if err != nil {
		panic(err)
	}
	return func(key string) bool {
		limited, _, err := l.RateLimitCtx(context.Background(), key, 1)
		// After ten attempts that others overtook, it gives up with an error.
		return !limited || err != nil
	}
}

func goLimiter() limiter {
	store, err := memorystore.New(&memorystore.Config{Tokens: burst, Interval: period})
	if err != nil {
		panic(err)
	}
	return func(key string) bool {
		_, _, _, ok, err := store.Take(context.Background(), key)
		return err == nil && ok
	}
}

var middlewares = []contestant[http.Handler]{
	{"lateen", lateenMiddleware},
	{"httprate", func() http.Handler { return httprate.LimitBy(burst, period, peer)(handler) }},
	{"httprate, no headers", func() http.Handler {
		return httprate.LimitBy(burst, period, peer, httprate.WithResponseHeaders(httprate.ResponseHeaders{}))(handler)
	}},
	{"the handler alone", func() http.Handler { return handler }},
}

// peer is the key that httprate recommends for clients that connect directly.
func peer(r *http.Request) (string, error) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	return httprate.CanonicalizeIP(address), err
}

var handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

func lateenMiddleware() http.Handler {
	wrap, err := gateway.RateLimit(lateenLimit)
	if err != nil {
		panic(err)
	}
	return wrap(handler)
}

// addresses returns n addresses with a port, as in http.Request.RemoteAddr.
func addresses(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("198.%d.%d.%d:1234", i>>16&255, i>>8&255, i&255)
	}
	return out
}
