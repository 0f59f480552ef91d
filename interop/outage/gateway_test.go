package outage

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// All limits allow this many requests in a year, so nothing refills during a test. One
// gateway of three allows its share while the store fails.
const (
	limit    = 60
	replicas = 3
	share    = limit / replicas
)

const year = 365 * 24 * time.Hour

// The status of what StoreFailureDeny refuses.
const statusOnError = http.StatusServiceUnavailable

// A failureMode is the header whose values the limit with this OnStoreFailure counts.
var failureModes = map[string]spec.StoreFailure{
	"X-Allow": spec.StoreFailureAllow,
	"X-Deny":  spec.StoreFailureDeny,
	"X-Local": spec.StoreFailureLocal,
}

// A replica is a gateway with a limiter of its own.
type replica struct {
	t  testing.TB
	gw *gateway.Gateway
	lines
}

// newReplica builds a gateway with a limit for each of failureModes. A request waits for
// the limiter up to the timeout.
func newReplica(t testing.TB, s *store, l ratelimit.Limiter, timeout time.Duration) *replica {
	t.Helper()
	r := &replica{t: t}
	b := gateway.New().Limiter("store", l).Replicas(replicas).Logger(slog.New(slog.NewTextHandler(&r.lines, nil))).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop"}}}).
		Backend("shop", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for header, then := range failureModes {
		key := strings.ToLower(header)
		b.RateLimit(spec.RateLimitPolicy{
			Name:        key,
			Descriptors: []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{{Kind: spec.ActionRequestHeader, Name: header, Key: key}}}},
			Global: &spec.GlobalRateLimit{
				Domain: "shop", Provider: "store", Algorithm: s.algorithm, Timeout: timeout,
				OnStoreFailure: then, StatusOnError: statusOnError,
				Descriptors: []spec.DescriptorLimit{{Key: key, Limit: &spec.DescriptorRate{Requests: limit, Unit: year}}},
			},
		})
	}
	gw, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	r.gw = gw
	return r
}

// get sends a request of a user, and returns its status.
func (r *replica) get(header, user string) int {
	q := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	q.Header.Set(header, user)
	w := httptest.NewRecorder()
	r.gw.ServeHTTP(w, q)
	return w.Code
}

// crowd sends n requests of a user with each of failureModes, all at the same time. It
// returns how often each status was the answer.
func (r *replica) crowd(n int, user string) map[string]map[int]int {
	var (
		mu    sync.Mutex
		all   sync.WaitGroup
		start = make(chan struct{})
		seen  = map[string]map[int]int{}
	)
	for header := range failureModes {
		seen[header] = map[int]int{}
		for range n {
			all.Go(func() {
				<-start
				code := r.get(header, user)
				mu.Lock()
				seen[header][code]++
				mu.Unlock()
			})
		}
	}
	close(start)
	all.Wait()
	return seen
}

// lines are the lines of a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// failures and recoveries count the lines about the store.
func (l *lines) failures() int   { return strings.Count(l.logged(), "rate limiter failed") }
func (l *lines) recoveries() int { return strings.Count(l.logged(), "rate limiter answers again") }
