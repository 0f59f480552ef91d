package program

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/spec"
)

// A limitState is what headers tell about the limits of a request: the state of the one
// that allows the fewest further requests, as in Envoy.
type limitState struct {
	limit     *limit.Limit
	remaining int
	reset     time.Duration
	// stored means that a shared Limiter counts.
	stored bool
}

// note takes down the state of a limit whose response has headers.
func (s *limitState) note(l *limit.Limit, remaining int, reset time.Duration, stored bool) {
	if r := l.Spec.Response; r == nil || r.RateLimitHeaders == spec.RateLimitHeadersOff {
		return
	}
	if s.limit == nil || remaining < s.remaining {
		*s = limitState{l, remaining, reset, stored}
	}
}

// write adds the headers to a response.
func (s *limitState) write(h http.Header) {
	if s.limit == nil {
		return
	}
	l := &s.limit.Spec
	most, seconds := l.Requests, strconv.FormatInt(ceilSeconds(l.Unit), 10)
	if l.Burst > 0 {
		most = l.Burst
	}
	remaining, reset := strconv.Itoa(s.remaining), strconv.FormatInt(ceilSeconds(s.reset), 10)
	if l.Response.RateLimitHeaders == spec.RateLimitHeadersIETF {
		h["Ratelimit-Policy"] = []string{fmt.Sprintf(`"default";q=%d;w=%s`, l.Requests, seconds)}
		h["Ratelimit"] = []string{fmt.Sprintf(`"default";r=%s;t=%s`, remaining, reset)}
		return
	}
	text := strconv.Itoa(most)
	if s.stored {
		text = fmt.Sprintf("%d, %d;w=%s", l.Requests, l.Requests, seconds)
	}
	h["X-Ratelimit-Limit"] = []string{text}
	h["X-Ratelimit-Remaining"] = []string{remaining}
	h["X-Ratelimit-Reset"] = []string{reset}
}

// ceilSeconds returns a duration in whole seconds, rounded up.
func ceilSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
