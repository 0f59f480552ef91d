package program

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// allow checks all limits of a route. It answers 429 and returns false if one
// refuses. Tokens taken from other limits before are not returned, as in Envoy.
func (p *Program) allow(w http.ResponseWriter, v *match.View, route *Route, origin string) bool {
	a := admission{program: p, w: w, route: route, origin: origin}
	for rest := route.Limits; len(rest) > 0; {
		n := 1
		if rest[0].Store != nil {
			for n < len(rest) && rest[n].Store == rest[0].Store && rest[n].Domain == rest[0].Domain {
				n++
			}
			if !a.stored(v, rest[:n]) {
				return false
			}
		} else if !a.here(v, rest[0]) {
			return false
		}
		rest = rest[n:]
	}
	if a.state.limit != nil {
		a.state.write(w.Header())
	}
	return true
}

// never is the wait of a request that is refused for what it lacks.
const never = time.Duration(-1)

// An admission is a request that meets the limits of its route. The request's View is
// not in it, so that it can stay on the stack.
type admission struct {
	program *Program
	w       http.ResponseWriter
	route   *Route
	origin  string
	state   limitState
	// body is what a Limiter wants a refused request to get.
	body string
}

// here asks a limit that this process counts.
func (a *admission) here(v *match.View, l *limit.Limit) bool {
	key, on := l.Key(v)
	if !on {
		return !l.Denies(v) || a.refuse(v, l, never, false)
	}
	answer := l.Buckets.Take(key)
	if l.Spec.Response != nil {
		a.state.note(l, answer.Remaining(), answer.Reset(), false)
	}
	return answer.Allowed || a.refuse(v, l, max(untilAllowed(a.route.Limits, v), answer.RetryAfter()), false)
}

// stored asks the limits' shared store, once for all of them.
func (a *admission) stored(v *match.View, limits []*limit.Limit) bool {
	request := ratelimit.Request{Domain: limits[0].Domain, Hits: 1}
	asked := make([]*limit.Limit, 0, len(limits))
	for _, l := range limits {
		if d, on := l.Descriptor(v); on {
			request.Descriptors = append(request.Descriptors, d)
			asked = append(asked, l)
		} else if l.Denies(v) && !a.refuse(v, l, never, true) {
			return false
		}
	}
	if len(request.Descriptors) == 0 {
		return true
	}
	answer, err := limits[0].Store.Limit(v.Request.Context(), request)
	if err != nil {
		return a.withoutStore(v, limits)
	}
	addToResponse(a.w.Header(), answer.ResponseHeaders)
	a.body = answer.Body
	// The limit that refuses is the first one that is over, and in force.
	var refusing *limit.Limit
	over, wait := false, time.Duration(0)
	for i, s := range answer.Statuses {
		if i == len(asked) {
			break
		}
		a.state.note(asked[i], s.Remaining, s.Reset, true)
		over = over || s.Over
		// A service that only observes reports what is over, and allows it.
		if answer.Over && s.Over && asked[i].Spec.Mode == spec.LimitEnforce {
			wait = max(wait, s.RetryAfter)
			if refusing == nil {
				refusing = asked[i]
			}
		}
	}
	if answer.Over && !over {
		// The Limiter does not say which one.
		if i := slices.IndexFunc(asked, func(l *limit.Limit) bool { return l.Spec.Mode == spec.LimitEnforce }); i >= 0 {
			refusing = asked[i]
		}
	}
	if refusing == nil {
		addToRequest(v, answer.RequestHeaders)
		return true
	}
	return a.refuse(v, refusing, max(wait, untilAllowed(a.route.Limits, v)), true)
}

// withoutStore applies each limit's setting for a store that does not answer.
func (a *admission) withoutStore(v *match.View, limits []*limit.Limit) bool {
	for _, l := range limits {
		switch l.Spec.OnStoreFailure {
		case spec.StoreFailureAllow:
			continue
		case spec.StoreFailureDeny:
			if _, on := l.Key(v); !on || l.Spec.Mode == spec.LimitShadow {
				continue
			}
			if a.origin != "" {
				a.route.CORS.decorate(a.w.Header(), a.origin)
			}
			v.Record.Ended(observe.FlagRateLimitError, observe.DetailsRateLimitError)
			a.program.localReply(a.w, v.Request, http.StatusInternalServerError, "")
			return false
		}
		if !a.here(v, l) {
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
func untilAllowed(limits []*limit.Limit, v *match.View) time.Duration {
	var wait time.Duration
	now := time.Now()
	for _, l := range limits {
		if l.Store != nil {
			break
		}
		if l.Spec.Mode == spec.LimitShadow {
			continue
		}
		if key, on := l.Key(v); on {
			wait = max(wait, l.Buckets.Wait(key, now))
		}
	}
	return wait
}

// refuse answers for a limit that refuses the request. It returns false, or true if the
// limit is not in force. wait is the time until another request is allowed.
func (a *admission) refuse(v *match.View, l *limit.Limit, wait time.Duration, stored bool) bool {
	if l.Spec.Mode == spec.LimitShadow {
		return true
	}
	noteLimit(v, l, stored)
	v.Record.Forgotten()
	h := a.w.Header()
	if wait != never {
		h["Retry-After"] = []string{strconv.FormatInt(max(1, ceilSeconds(wait)), 10)}
	}
	if a.origin != "" {
		a.route.CORS.decorate(h, a.origin)
	}
	a.state.write(h)
	body := "local_rate_limited"
	if stored {
		h["X-Envoy-Ratelimited"] = []string{"true"}
		body = a.body
	}
	a.program.limitReply(a.w, v.Request, l.Spec.Response, body)
	return false
}

// limitReply answers with a limit's own response, or 429 and the body.
func (p *Program) limitReply(w http.ResponseWriter, r *http.Request, own *spec.LimitResponse, body string) {
	if own == nil {
		p.localReply(w, r, http.StatusTooManyRequests, body)
		return
	}
	if p.Semantics.SendsEnvoyHeaders() {
		w.Header()["Server"] = serverName
	}
	for name, value := range own.Headers {
		w.Header().Set(name, value)
	}
	reply := localreply.Reply{Status: cmp.Or(own.Status, http.StatusTooManyRequests), ContentType: cmp.Or(own.ContentType, "text/plain"), Body: cmp.Or(own.Body, body)}
	if own.ResourceExhausted {
		reply.GRPCStatus = "8"
	}
	reply.Write(w, r, p.LocalReply)
}
