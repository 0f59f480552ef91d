package program

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/spec"
)

// A limitState is what headers tell about the limits of a request: the state of the one
// that allows the fewest further requests, as in Envoy.
type limitState struct {
	limit     *limit.Limit
	quota     quota
	remaining int
	reset     time.Duration
	// shared are the quotas of all shared limits, in order.
	shared []quota
}

// A quota is a number of requests for a time.
type quota struct {
	requests, burst int
	unit            time.Duration
	// name is that of a limit in a tree, or "".
	name   string
	shared bool
}

// quotaOf returns the quota of a limit that this process counts.
func quotaOf(l *limit.Limit) quota {
	return quota{requests: l.Spec.Requests, burst: l.Spec.Burst, unit: l.Spec.Unit}
}

// quotaFor returns the quota of a shared limit.
func quotaFor(q *limit.Question) quota {
	return quota{q.Requests, q.Burst, q.Unit, q.Name(), true}
}

// note takes down the state of a limit whose response has headers.
func (s *limitState) note(l *limit.Limit, q quota, remaining int, reset time.Duration) {
	if r := l.Spec.Response; r == nil || r.RateLimitHeaders == spec.RateLimitHeadersOff {
		return
	}
	if q.unit == 0 {
		return // Only the Limiter knows the limit.
	}
	if q.shared {
		s.shared = append(s.shared, q)
	}
	if s.limit == nil || remaining < s.remaining {
		s.limit, s.quota, s.remaining, s.reset = l, q, remaining, reset
	}
}

// noteBucket takes down the state of a bucket of Envoy's local rate limit filter. The headers
// tell about the one that refuses, or else about the first one: it refills slowest.
func (s *limitState) noteBucket(l *limit.Limit, v *bucket.Verdict) {
	if l.Spec.Response.RateLimitHeaders == spec.RateLimitHeadersOff || s.limit != nil && v.Allowed {
		return
	}
	s.limit, s.quota, s.remaining, s.reset = l, quotaOf(l), v.Remaining(), v.RetryAfter()
}

// write adds the headers to a response.
func (s *limitState) write(h http.Header) {
	if s.limit == nil {
		return
	}
	remaining, reset := strconv.Itoa(s.remaining), strconv.FormatInt(ceilSeconds(s.reset), 10)
	if s.limit.Spec.Response.RateLimitHeaders == spec.RateLimitHeadersIETF {
		h["Ratelimit-Policy"] = []string{fmt.Sprintf(`"default";q=%d;w=%d`, s.quota.requests, ceilSeconds(s.quota.unit))}
		h["Ratelimit"] = []string{fmt.Sprintf(`"default";r=%s;t=%s`, remaining, reset)}
		return
	}
	most := s.quota.requests
	if s.quota.burst > 0 {
		most = s.quota.burst
	}
	text := strconv.Itoa(most)
	if s.quota.shared {
		text = sharedText(s.quota.requests, s.shared)
	}
	h["X-Ratelimit-Limit"] = []string{text}
	h["X-Ratelimit-Remaining"] = []string{remaining}
	h["X-Ratelimit-Reset"] = []string{reset}
}

// sharedText returns a number of requests, and the quotas of all shared limits, as in
// Envoy: 10, 10;w=1;name="second", 600;w=60.
func sharedText(requests int, quotas []quota) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(requests))
	for _, q := range quotas {
		fmt.Fprintf(&b, ", %d;w=%d", q.requests, ceilSeconds(q.unit))
		if q.name != "" {
			fmt.Fprintf(&b, ";name=%q", q.name)
		}
	}
	return b.String()
}

// ceilSeconds returns a duration in whole seconds, rounded up.
func ceilSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
