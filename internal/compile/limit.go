package compile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// compileLimit compiles a validated limit. A limit with the same identity as in the
// previous program keeps its buckets.
func (c *Compiler) compileLimit(l *spec.RateLimit, identity, domain string, at int, where findings.Place) *limit.Limit {
	p := &limit.Limit{Spec: *l, Domain: domain, Store: c.policies.store(l.Provider, limit.LimiterTimeout, where.Field("provider"))}
	p.Origin, p.Field = where.Written()
	p.Headers = make([]match.Source, len(l.Per))
	for i, k := range l.Per {
		if k.Header != "" {
			p.Headers[i] = match.HeaderSource(k.Header)
		}
	}
	if m := l.When; m != nil {
		uri, rest, err := match.Compile(m, c.regexes)
		if c.semantics.DecodesParameters() {
			match.DecodeParameters(rest)
		}
		if err == nil {
			p.When = rest
			if m.URI.Kind != spec.MatchAny {
				p.URI = &uri
			}
		}
	}
	p.Describe()
	counted := *l
	if n := c.O.Replicas; p.Store != nil && n > 1 {
		// The buckets replace the store while it fails: each gateway then allows its
		// share.
		counted.Burst = (cmp.Or(l.Burst, l.Requests) + n - 1) / n
		counted.Unit = min(counted.Unit, math.MaxInt64/time.Duration(n)) * time.Duration(n)
	}
	p.Buckets = c.buckets(fmt.Sprintf("%s[%d] %s", identity, at, p), &counted, len(l.Per) > 0)
	return p
}

// buckets returns the buckets of a limit. Those with the same identity and the same
// numbers in the previous program are kept.
func (c *Compiler) buckets(identity string, l *spec.RateLimit, keyed bool) *bucket.Buckets {
	identity = fmt.Sprintf("%s, %d per %v, %d at once, %d keys", identity, l.Requests, l.Unit, l.Burst, l.MaxKeys)
	if c.keptBuckets[identity] == nil {
		c.keptBuckets[identity] = c.before.BucketsOf(identity)
		if c.keptBuckets[identity] == nil {
			c.keptBuckets[identity] = bucket.NewBucketsOf(l, keyed, c.budget)
		}
	}
	return c.keptBuckets[identity]
}

// store returns the store of a provider, or nil for none. All limits of a program with the
// same timeout share it.
func (x *policyIndex) store(provider string, timeout time.Duration, where findings.Place) *limit.Store {
	if provider == "" {
		return nil
	}
	key := limit.StoreKey{Provider: provider, Timeout: timeout}
	if s := x.stores[key]; s != nil {
		return s
	}
	limiter := x.c.limiters[provider]
	if limiter == nil && provider == spec.DefaultProvider {
		return nil
	}
	if limiter == nil {
		known := make([]string, 0, len(x.c.limiters))
		for name, l := range x.c.limiters {
			if l != nil {
				known = append(known, name)
			}
		}
		slices.Sort(known)
		where.Suggestf(spec.CodeNotFound, suggest.Closest(provider, known), "no limiter is registered as %q", provider)
		return nil
	}
	s := x.c.before.StoreOf(key)
	if s == nil || !s.Counts(limiter, x.c.O.Log) {
		s = limit.NewStore(key, limiter, x.c.O.Log)
	}
	x.stores[key] = s
	return s
}

// sortLimits sorts the limits of this process first, so that requests over these
// limits do not reach a store. Among these, the slowest refill comes first, and buckets
// for all requests come last, as in Envoy. Limits that can be checked together are
// adjacent.
func sortLimits(limits []*limit.Limit) {
	perSecond := func(l *limit.Limit) float64 { return float64(l.Spec.Requests) / l.Spec.Unit.Seconds() }
	group := func(l *limit.Limit) int {
		switch {
		case l.Shared():
			return 2
		case l.General != nil:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(limits, func(a, b *limit.Limit) int {
		if order := cmp.Compare(group(a), group(b)); order != 0 {
			return order
		}
		if !a.Shared() {
			return cmp.Compare(perSecond(a), perSecond(b))
		}
		return cmp.Or(cmp.Compare(a.Spec.Provider, b.Spec.Provider), cmp.Compare(a.Domain, b.Domain))
	})
}
