package gateway

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A limitProgram is a RateLimit, compiled. Routes that share a limit share its
// buckets.
type limitProgram struct {
	limit spec.RateLimit
	// domain is the policy's namespace and name, or the route's.
	domain string
	when   []condition
	uri    *uriCondition
	// headers are the sources of the key's headers, by the index in limit.Per.
	headers []source
	buckets *buckets
	// store counts instead of the buckets, which stand in for it. It is nil for
	// a limit of this process.
	store *limitStore
}

// compileLimit compiles a limit that was validated. A limit that did not change
// since the program before, as its identity has it, keeps its buckets.
func (c *compiler) compileLimit(l *spec.RateLimit, domain string, at int, where place) *limitProgram {
	p := &limitProgram{limit: *l, domain: domain, store: c.policies.store(l.Provider, where)}
	p.headers = make([]source, len(l.Per))
	for i, k := range l.Per {
		if k.Header != "" {
			p.headers[i] = headerSource(k.Header)
		}
	}
	if m := l.When; m != nil {
		uri, rest, err := compileMatch(m, c.regexes)
		if err == nil {
			p.when = rest
			if m.URI.Kind != spec.MatchAny {
				p.uri = &uri
			}
		}
	}
	identity := fmt.Sprintf("%s[%d] %s, %d keys", domain, at, p, l.MaxKeys)
	if c.keptBuckets[identity] == nil {
		c.keptBuckets[identity] = c.before.bucketsOf(identity)
		if c.keptBuckets[identity] == nil {
			c.keptBuckets[identity] = newBuckets(l)
		}
	}
	p.buckets = c.keptBuckets[identity]
	return p
}

// store returns the store of a provider, or nil for none. All limits of a
// program share it.
func (x *policyIndex) store(provider string, where place) *limitStore {
	if provider == "" {
		return nil
	}
	if s := x.stores[provider]; s != nil {
		return s
	}
	limiter := x.c.limiters[provider]
	if limiter == nil {
		known := make([]string, 0, len(x.c.limiters))
		for name, l := range x.c.limiters {
			if l != nil {
				known = append(known, name)
			}
		}
		slices.Sort(known)
		where.field("provider").suggestf(suggest.Closest(provider, known), "no limiter is registered as %q", provider)
		return nil
	}
	s := &limitStore{name: provider, limiter: limiter, log: x.c.o.log}
	x.stores[provider] = s
	return s
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
	for _, text := range p.conditions() {
		b.WriteString(", when " + text)
	}
	if p.limit.Provider != "" {
		fmt.Fprintf(&b, ", counted by %s", p.limit.Provider)
	}
	return b.String()
}

// conditions returns the limit's conditions as text.
func (p *limitProgram) conditions() []string {
	var out []string
	if p.uri != nil {
		out = append(out, "uri "+p.uri.String())
	}
	for i := range p.when {
		out = append(out, p.when[i].String())
	}
	return out
}

// applies reports whether the limit's conditions hold.
func (p *limitProgram) applies(v *view) bool {
	if p.uri != nil && !p.uri.holds(v.path) {
		return false
	}
	for i := range p.when {
		if !p.when[i].holds(v) {
			return false
		}
	}
	return true
}

// key returns the key of a request's bucket. Without one the request is not
// limited: a header of the key is missing, or the client has no IP address.
func (p *limitProgram) key(v *view) (bucketKey, bool) {
	if !p.applies(v) {
		return bucketKey{}, false
	}
	var buffer [128]byte
	text := buffer[:0]
	for i := range p.limit.Per {
		if p.limit.Per[i].RemoteAddress {
			network := clientNetwork(v.edge.clientAddress(v.r))
			if !network.IsValid() {
				return bucketKey{}, false
			}
			text = appendNetwork(text, network)
			continue
		}
		value, ok := v.value(&p.headers[i])
		if !ok {
			return bucketKey{}, false
		}
		text = appendValue(text, value)
	}
	return p.buckets.key(text), true
}

// descriptor returns what a store is to count for a request.
func (p *limitProgram) descriptor(v *view) (Descriptor, bool) {
	d := Descriptor{Requests: p.limit.Requests, Unit: p.limit.Unit}
	if !p.applies(v) {
		return d, false
	}
	if conditions := p.conditions(); len(conditions) > 0 {
		d.Entries = append(d.Entries, DescriptorEntry{"condition", strings.Join(conditions, ", ")})
	}
	for i, k := range p.limit.Per {
		if k.RemoteAddress {
			network := clientNetwork(v.edge.clientAddress(v.r))
			if !network.IsValid() {
				return d, false
			}
			d.Entries = append(d.Entries, DescriptorEntry{"remote_address", networkText(network)})
			continue
		}
		value, ok := v.value(&p.headers[i])
		if !ok {
			return d, false
		}
		d.Entries = append(d.Entries, DescriptorEntry{strings.ToLower(k.Header), value})
	}
	if len(d.Entries) == 0 {
		d.Entries = []DescriptorEntry{{"generic_key", p.domain}}
	}
	return d, true
}

// allow asks all limits of a route. It answers 429 and returns false if one
// refuses. Tokens that others gave before are not given back, as in Envoy.
func (p *program) allow(w http.ResponseWriter, v *view, route *routeProgram, origin string) bool {
	now := time.Now()
	for rest := route.limits; len(rest) > 0; {
		n := 1
		if rest[0].store == nil {
			if key, on := rest[0].key(v); on && !rest[0].buckets.take(key, now) {
				p.refuse(w, v, route, origin, untilAllowed(route.limits, v, now), false)
				return false
			}
		} else {
			for n < len(rest) && rest[n].store == rest[0].store && rest[n].domain == rest[0].domain {
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

// allowStored asks the store that limits have in common, once for all of them.
func (p *program) allowStored(w http.ResponseWriter, v *view, route *routeProgram, origin string, limits []*limitProgram, now time.Time) bool {
	request := LimitRequest{Domain: limits[0].domain, Hits: 1}
	for _, l := range limits {
		if d, on := l.descriptor(v); on {
			request.Descriptors = append(request.Descriptors, d)
		}
	}
	if len(request.Descriptors) == 0 {
		return true
	}
	answer, err := limits[0].store.limit(v.r.Context(), request)
	if err != nil {
		return p.allowWithoutStore(w, v, route, origin, limits, now)
	}
	if !answer.Over {
		return true
	}
	wait := untilAllowed(route.limits, v, now)
	for _, s := range answer.Statuses {
		if s.Over {
			wait = max(wait, s.RetryAfter)
		}
	}
	p.refuse(w, v, route, origin, wait, true)
	return false
}

// allowWithoutStore does what each of the limits has for a store that does not
// answer.
func (p *program) allowWithoutStore(w http.ResponseWriter, v *view, route *routeProgram, origin string, limits []*limitProgram, now time.Time) bool {
	for _, l := range limits {
		if l.limit.OnStoreFailure == spec.StoreFailureAllow {
			continue
		}
		key, on := l.key(v)
		if !on {
			continue
		}
		if l.limit.OnStoreFailure == spec.StoreFailureDeny {
			if origin != "" {
				route.cors.decorate(w.Header(), origin)
			}
			p.localReply(w, v.r, http.StatusInternalServerError, "")
			return false
		}
		if !l.buckets.take(key, now) {
			p.refuse(w, v, route, origin, max(untilAllowed(route.limits, v, now), l.buckets.wait(key, now)), false)
			return false
		}
	}
	return true
}

// untilAllowed returns how long it takes until all limits of this process have a
// token again, those included that have just given one.
func untilAllowed(limits []*limitProgram, v *view, now time.Time) time.Duration {
	var wait time.Duration
	for _, l := range limits {
		if l.store != nil {
			break
		}
		if key, on := l.key(v); on {
			wait = max(wait, l.buckets.wait(key, now))
		}
	}
	return wait
}

// refuse answers 429.
func (p *program) refuse(w http.ResponseWriter, v *view, route *routeProgram, origin string, wait time.Duration, stored bool) {
	h := w.Header()
	h["Retry-After"] = []string{strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}
	if origin != "" {
		route.cors.decorate(h, origin)
	}
	body := "local_rate_limited"
	if stored {
		h["X-Envoy-Ratelimited"] = []string{"true"}
		body = ""
	}
	p.localReply(w, v.r, http.StatusTooManyRequests, body)
}

// sortLimits puts the limits of this process first, so that what they refuse
// does not reach a store, and of these the slowest refill, the order in which
// Envoy takes tokens. Limits that can be asked together follow each other.
func sortLimits(limits []*limitProgram) {
	perSecond := func(l *limitProgram) float64 { return float64(l.limit.Requests) / l.limit.Unit.Seconds() }
	slices.SortStableFunc(limits, func(a, b *limitProgram) int {
		if a.store != nil || b.store != nil {
			return cmp.Or(cmp.Compare(a.limit.Provider, b.limit.Provider), cmp.Compare(a.domain, b.domain))
		}
		return cmp.Compare(perSecond(a), perSecond(b))
	})
}
