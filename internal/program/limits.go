package program

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// allow checks the limits of a route that apply to a request. It answers 429 and returns
// false if one refuses. Tokens taken from other limits before are not returned, as in
// Envoy.
func (p *Program) allow(w http.ResponseWriter, v *match.View, route *Route, origin string) bool {
	a := admission{program: p, w: w, route: route, origin: origin, limits: route.Limits.Applying(v)}
	for rest := a.limits; len(rest) > 0; {
		n := 1
		if rest[0].Shared() {
			for n < len(rest) && rest[n].Store == rest[0].Store && rest[n].Domain == rest[0].Domain {
				n++
			}
			if !a.shared(v, rest[:n]) {
				return false
			}
		} else if !a.here(v, rest[0]) {
			return false
		}
		rest = rest[n:]
	}
	a.state.write(w.Header())
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
	// limits are those that apply to the request.
	limits []*limit.Limit
	state  limitState
	// body is what a Limiter wants a refused request to get.
	body string
}

// here asks a limit that this process counts.
func (a *admission) here(v *match.View, l *limit.Limit) bool {
	key, on := l.Key(v)
	if !on {
		return !l.Denies(v) || a.refuse(v, l, never, false)
	}
	answer := l.Buckets.TakeN(key, l.Hits())
	switch {
	case l.Spec.Response == nil:
	case l.Local != nil || l.General != nil:
		a.state.noteBucket(l, &answer)
	default:
		a.state.note(l, quotaOf(l), answer.Remaining(), answer.Reset())
	}
	return answer.Allowed || a.refuse(v, l, max(untilAllowed(a.limits, v), answer.RetryAfter()), false)
}

// shared asks limits that are counted together: by their store, or by this process if they
// have none.
func (a *admission) shared(v *match.View, limits []*limit.Limit) bool {
	questions := make([]limit.Question, 0, len(limits))
	for _, l := range limits {
		if q, on := l.Question(v); on {
			questions = append(questions, q)
		} else if l.Denies(v) && !a.refuse(v, l, never, true) {
			return false
		}
	}
	questions = limit.Applying(questions)
	if limits[0].Store == nil {
		return a.counted(v, questions, (*limit.Question).Here)
	}
	request := ratelimit.Request{Domain: limits[0].Domain, Hits: 1}
	for i := range questions {
		if questions[i].Counted() {
			request.Descriptors = append(request.Descriptors, questions[i].Descriptor)
		}
	}
	var answer ratelimit.Response
	if len(request.Descriptors) > 0 {
		var err error
		if answer, err = limits[0].Store.Limit(v.Request.Context(), request); err != nil {
			return a.withoutStore(v, questions)
		}
	}
	return a.answered(v, questions, &answer)
}

// answered evaluates the answer of a store.
func (a *admission) answered(v *match.View, questions []limit.Question, answer *ratelimit.Response) bool {
	addToResponse(a.w.Header(), answer.ResponseHeaders)
	a.body = answer.Body
	// The limit that refuses is the first one that is over, and in force.
	var refusing *limit.Limit
	over, wait, statuses := false, time.Duration(0), answer.Statuses
	for i := range questions {
		q := &questions[i]
		if q.Bans() && q.Enforces() && refusing == nil {
			refusing, wait = q.Limit, never
		}
		if !q.Counted() || len(statuses) == 0 {
			continue
		}
		s := statuses[0]
		statuses = statuses[1:]
		a.state.note(q.Limit, quotaFor(q), s.Remaining, s.Reset)
		over = over || s.Over
		// A service that only observes reports what is over, and allows it.
		if answer.Over && s.Over && q.Enforces() {
			if refusing == nil {
				refusing = q.Limit
			}
			if wait != never {
				wait = max(wait, s.RetryAfter)
			}
		}
	}
	if answer.Over && !over && refusing == nil {
		// The Limiter does not say which one.
		if i := slices.IndexFunc(questions, func(q limit.Question) bool { return q.Enforces() }); i >= 0 {
			refusing = questions[i].Limit
		}
	}
	if refusing == nil {
		addToRequest(v, answer.RequestHeaders)
		return true
	}
	if wait != never {
		wait = max(wait, untilAllowed(a.limits, v))
	}
	return a.refuse(v, refusing, wait, true)
}

// counted counts in this process. All questions are counted, even if one is over its
// limit.
func (a *admission) counted(v *match.View, questions []limit.Question, take func(*limit.Question) bucket.Verdict) bool {
	var refusing *limit.Limit
	wait := time.Duration(0)
	for i := range questions {
		q := &questions[i]
		if q.Bans() && q.Enforces() && refusing == nil {
			refusing, wait = q.Limit, never
		}
		if !q.Counted() {
			continue
		}
		answer := take(q)
		a.state.note(q.Limit, quotaFor(q), answer.Remaining(), answer.Reset())
		if answer.Allowed || !q.Enforces() {
			continue
		}
		if refusing == nil {
			refusing = q.Limit
		}
		if wait != never {
			wait = max(wait, answer.RetryAfter())
		}
	}
	if refusing == nil {
		return true
	}
	if wait != never {
		wait = max(wait, untilAllowed(a.limits, v))
	}
	return a.refuse(v, refusing, wait, true)
}

// withoutStore applies each limit's setting for a store that does not answer.
func (a *admission) withoutStore(v *match.View, questions []limit.Question) bool {
	for i := range questions {
		q := &questions[i]
		if !q.Counted() {
			// What allows nothing needs no store for that.
			if q.Bans() && q.Enforces() {
				return a.refuse(v, q.Limit, never, true)
			}
			continue
		}
		switch q.Limit.Spec.OnStoreFailure {
		case spec.StoreFailureAllow:
			continue
		case spec.StoreFailureDeny:
			if !q.Enforces() {
				continue
			}
			if a.origin != "" {
				a.route.CORS.decorate(a.w.Header(), a.origin)
			}
			v.Record.Ended(observe.FlagRateLimitError, observe.DetailsRateLimitError)
			a.program.localReply(a.w, v.Request, q.Limit.StatusOnError(), "")
			return false
		}
		switch {
		case q.Limit.Global == nil:
			if !a.here(v, q.Limit) {
				return false
			}
		case q.Limit.Global.Tree != nil:
			if !a.counted(v, questions[i:i+1], (*limit.Question).Share) {
				return false
			}
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
		if l.Shared() {
			break
		}
		if l.Spec.Mode == spec.LimitShadow {
			continue
		}
		if key, on := l.Key(v); on {
			wait = max(wait, l.Buckets.Wait(key, now, l.Hits()))
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
	for name, value := range own.AddHeaders {
		w.Header().Add(name, value)
	}
	reply := localreply.Reply{Status: cmp.Or(own.Status, http.StatusTooManyRequests), ContentType: cmp.Or(own.ContentType, "text/plain"), Body: cmp.Or(own.Body, body)}
	if own.ResourceExhausted {
		reply.GRPCStatus = "8"
	}
	reply.Write(w, r, p.LocalReply)
}
