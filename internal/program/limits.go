package program

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// allow checks all limits of a route. It answers 429 and returns false if one
// refuses. Tokens taken from other limits before are not returned, as in Envoy.
func (p *Program) allow(w http.ResponseWriter, v *match.View, route *Route, origin string) bool {
	now := time.Now()
	for rest := route.Limits; len(rest) > 0; {
		n := 1
		if rest[0].Store == nil {
			if key, on := rest[0].Key(v); on && !rest[0].Buckets.Take(key, now) {
				noteLimit(v, rest[0], false)
				p.refuse(w, v, route, origin, untilAllowed(route.Limits, v, now), false)
				return false
			}
		} else {
			for n < len(rest) && rest[n].Store == rest[0].Store && rest[n].Domain == rest[0].Domain {
				n++
			}
			if !p.allowStored(w, v, route, origin, rest[:n], now) {
				return false
			}
		}
		rest = rest[n:]
	}
	return true
}

// allowStored asks the limits' shared store, once for all of them.
func (p *Program) allowStored(w http.ResponseWriter, v *match.View, route *Route, origin string, limits []*limit.Limit, now time.Time) bool {
	request := ratelimit.Request{Domain: limits[0].Domain, Hits: 1}
	for _, l := range limits {
		if d, on := l.Descriptor(v); on {
			request.Descriptors = append(request.Descriptors, d)
		}
	}
	if len(request.Descriptors) == 0 {
		return true
	}
	answer, err := limits[0].Store.Limit(v.Request.Context(), request)
	if err != nil {
		return p.allowWithoutStore(w, v, route, origin, limits, now)
	}
	if !answer.Over {
		return true
	}
	wait := untilAllowed(route.Limits, v, now)
	for _, s := range answer.Statuses {
		if s.Over {
			wait = max(wait, s.RetryAfter)
		}
	}
	noteLimit(v, limits[0], true)
	p.refuse(w, v, route, origin, wait, true)
	return false
}

// allowWithoutStore applies each limit's setting for a store that does not
// answer.
func (p *Program) allowWithoutStore(w http.ResponseWriter, v *match.View, route *Route, origin string, limits []*limit.Limit, now time.Time) bool {
	for _, l := range limits {
		if l.Spec.OnStoreFailure == spec.StoreFailureAllow {
			continue
		}
		key, on := l.Key(v)
		if !on {
			continue
		}
		if l.Spec.OnStoreFailure == spec.StoreFailureDeny {
			if origin != "" {
				route.CORS.decorate(w.Header(), origin)
			}
			v.Record.Ended(observe.FlagRateLimitError, observe.DetailsRateLimitError)
			p.localReply(w, v.Request, http.StatusInternalServerError, "")
			return false
		}
		if !l.Buckets.Take(key, now) {
			noteLimit(v, l, false)
			p.refuse(w, v, route, origin, max(untilAllowed(route.Limits, v, now), l.Buckets.Wait(key, now)), false)
			return false
		}
	}
	return true
}

// noteLimit takes down which limit refused a request. Of several that a store was asked
// about together, it is the first.
func noteLimit(v *match.View, l *limit.Limit, stored bool) {
	if v.Record == nil {
		return
	}
	details := observe.DetailsLocalRateLimited
	if stored {
		details = observe.DetailsRateLimited
	}
	v.Record.Ended(observe.FlagRateLimited, details)
	v.Record.Limit = l.String()
}

// untilAllowed returns how long it takes until all limits of this process have
// a token again, including those that have just given one.
func untilAllowed(limits []*limit.Limit, v *match.View, now time.Time) time.Duration {
	var wait time.Duration
	for _, l := range limits {
		if l.Store != nil {
			break
		}
		if key, on := l.Key(v); on {
			wait = max(wait, l.Buckets.Wait(key, now))
		}
	}
	return wait
}

// refuse answers 429.
func (p *Program) refuse(w http.ResponseWriter, v *match.View, route *Route, origin string, wait time.Duration, stored bool) {
	h := w.Header()
	h["Retry-After"] = []string{strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}
	if origin != "" {
		route.CORS.decorate(h, origin)
	}
	body := "local_rate_limited"
	if stored {
		h["X-Envoy-Ratelimited"] = []string{"true"}
		body = ""
	}
	p.localReply(w, v.Request, http.StatusTooManyRequests, body)
}
