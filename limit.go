package gateway

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Limiter counts requests for several replicas: Redis, Envoy's rate limit
// service, or whatever keeps the counts. It is registered with Builder.Limiter
// under the name that RateLimit.Provider gives. All methods are called
// concurrently.
type Limiter interface {
	// Limit counts a request against all descriptors, even where one is over,
	// and says how it fared. It must return by the context's deadline, 20 ms by
	// default; an error is treated as RateLimit.OnStoreFailure says.
	Limit(ctx context.Context, request LimitRequest) (LimitResponse, error)
}

// A LimitRequest is one question to a Limiter (Envoy's RateLimitRequest).
type LimitRequest struct {
	// Domain keeps the descriptors of different policies apart:
	// "namespace/name" of the RateLimitPolicy.
	Domain string
	// Descriptors are what to count, at least one.
	Descriptors []Descriptor
	// Hits is what the request costs, usually 1.
	Hits int
}

// A Descriptor is one thing to count (Envoy's RateLimitDescriptor), with the
// limit on it.
type Descriptor struct {
	Entries  []DescriptorEntry
	Requests int
	Unit     time.Duration
}

// A DescriptorEntry is a part of a Descriptor.
type DescriptorEntry struct{ Key, Value string }

// A LimitResponse is a Limiter's answer.
type LimitResponse struct {
	// Over says that at least one descriptor is over its limit.
	Over bool
	// Statuses are those of the descriptors, in order.
	Statuses []DescriptorStatus
}

// A DescriptorStatus says how one descriptor fared.
type DescriptorStatus struct {
	Over bool
	// Remaining is how many requests are left.
	Remaining int
	// RetryAfter is how long until another request is allowed, if over.
	RetryAfter time.Duration
}

// limiterTimeout is how long a Limiter may take (Envoy's default).
const limiterTimeout = 20 * time.Millisecond

// A limitProgram is a RateLimit, compiled. Routes that share a limit share its
// buckets.
type limitProgram struct {
	limit RateLimit
	// domain is the policy's namespace and name.
	domain   string
	when     []condition
	uri      *uriCondition
	keys     []source
	buckets  *buckets
	provider Limiter
}

// compileLimit compiles a limit that was validated. known holds the buckets of
// the program before, by identity: a limit that did not change keeps its
// counts.
func (c *compiler) compileLimit(l *RateLimit, domain string, at int) *limitProgram {
	p := &limitProgram{limit: *l, domain: domain, provider: c.limiters[l.Provider]}
	for _, k := range l.Per {
		if k.Header != "" {
			p.keys = append(p.keys, headerSource(k.Header))
		}
	}
	if m := l.When; m != nil {
		uri, rest, err := compileMatch(m, c.regexes)
		if err == nil {
			p.when = rest
			if m.URI.Kind != Any {
				p.uri = &uri
			}
		}
	}
	identity := fmt.Sprintf("%s[%d] %s", domain, at, p)
	if c.keptBuckets[identity] == nil {
		c.keptBuckets[identity] = c.before.bucketsOf(identity)
		if c.keptBuckets[identity] == nil {
			c.keptBuckets[identity] = newBuckets(l)
		}
	}
	p.buckets = c.keptBuckets[identity]
	return p
}

// String returns the limit as the printed program shows it.
func (p *limitProgram) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d per %s", p.limit.Requests, p.limit.Unit)
	for _, k := range p.limit.Per {
		if k.RemoteAddress {
			b.WriteString(", each remote address")
		}
		if k.Header != "" {
			b.WriteString(", each " + strings.ToLower(k.Header))
		}
	}
	if p.uri != nil {
		b.WriteString(", when uri " + p.uri.String())
	}
	for i := range p.when {
		b.WriteString(", when " + p.when[i].String())
	}
	if p.limit.Provider != "" {
		fmt.Fprintf(&b, ", counted by %s", p.limit.Provider)
	}
	return b.String()
}

// applies reports whether the limit is on this request, and its key if so.
func (p *limitProgram) applies(v *view) (bucketKey, bool) {
	if p.uri != nil && !p.uri.holds(v.path) {
		return bucketKey{}, false
	}
	for i := range p.when {
		if !p.when[i].holds(v) {
			return bucketKey{}, false
		}
	}
	if len(p.limit.Per) == 0 {
		return bucketKey{}, true
	}
	var buffer [128]byte
	text := buffer[:0]
	for _, k := range p.limit.Per {
		if k.RemoteAddress {
			text = appendAddress(text, v.edge.clientAddress(v.r))
		}
	}
	for i := range p.keys {
		value, ok := v.value(&p.keys[i])
		if !ok {
			return bucketKey{}, false
		}
		// The length keeps ("a", "bc") and ("ab", "c") apart.
		text = strconv.AppendInt(text, int64(len(value)), 10)
		text = append(text, ':')
		text = append(text, value...)
	}
	return p.buckets.key(text), true
}

// allow asks all limits of a route. It answers 429 and returns false if one
// refuses. Tokens that others gave before are not given back, as in Envoy.
func (p *program) allow(w http.ResponseWriter, v *view, route *routeProgram, origin string) bool {
	now := time.Now()
	refused := false
	var wait time.Duration
	for i, l := range route.limits {
		key, on := l.applies(v)
		if !on {
			continue
		}
		if l.provider != nil {
			switch over, after, known := p.askProvider(v, l); {
			case known && over:
				p.refuse(w, v, route, origin, after, true)
				return false
			case known || l.limit.OnStoreFailure == FailAllow:
				continue
			case l.limit.OnStoreFailure == FailDeny:
				p.localReply(w, v.r, http.StatusInternalServerError, "")
				return false
			}
		}
		if !l.buckets.take(key, now) {
			refused = true
			wait = l.buckets.wait(key, now)
			for _, other := range route.limits[i+1:] {
				if key, on := other.applies(v); on && other.provider == nil {
					wait = max(wait, other.buckets.wait(key, now))
				}
			}
			break
		}
	}
	if refused {
		p.refuse(w, v, route, origin, wait, false)
	}
	return !refused
}

// refuse answers 429.
func (p *program) refuse(w http.ResponseWriter, v *view, route *routeProgram, origin string, wait time.Duration, shared bool) {
	h := w.Header()
	h["Retry-After"] = []string{strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}
	if origin != "" {
		route.cors.decorate(h, origin)
	}
	body := "local_rate_limited"
	if shared {
		h["X-Envoy-Ratelimited"] = []string{"true"}
		body = ""
	}
	p.localReply(w, v.r, http.StatusTooManyRequests, body)
}

// askProvider asks the limit's Limiter. known is false if it does not answer.
func (p *program) askProvider(v *view, l *limitProgram) (over bool, after time.Duration, known bool) {
	ctx, cancel := context.WithTimeout(v.r.Context(), limiterTimeout)
	defer cancel()
	d := Descriptor{Requests: l.limit.Requests, Unit: l.limit.Unit}
	for _, k := range l.limit.Per {
		if k.RemoteAddress {
			d.Entries = append(d.Entries, DescriptorEntry{"remote_address", addressKey(v.edge.clientAddress(v.r))})
		}
		if k.Header != "" {
			s := headerSource(k.Header)
			value, _ := v.value(&s)
			d.Entries = append(d.Entries, DescriptorEntry{strings.ToLower(k.Header), value})
		}
	}
	if len(d.Entries) == 0 {
		d.Entries = []DescriptorEntry{{"generic_key", l.domain}}
	}
	answer, err := l.provider.Limit(ctx, LimitRequest{Domain: l.domain, Descriptors: []Descriptor{d}, Hits: 1})
	if err != nil {
		p.log.LogAttrs(ctx, levelDebug, "rate limiter failed", attr("provider", l.limit.Provider), attr("error", err.Error()))
		return false, 0, false
	}
	for _, s := range answer.Statuses {
		after = max(after, s.RetryAfter)
	}
	return answer.Over, after, true
}

// sortLimits puts the slowest refill first, the order in which Envoy takes
// tokens.
func sortLimits(limits []*limitProgram) {
	slices.SortStableFunc(limits, func(a, b *limitProgram) int {
		ra := float64(a.limit.Requests) / a.limit.Unit.Seconds()
		rb := float64(b.limit.Requests) / b.limit.Unit.Seconds()
		switch {
		case ra < rb:
			return -1
		case ra > rb:
			return 1
		}
		return 0
	})
}
