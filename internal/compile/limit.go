package compile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// compileLimit compiles a validated limit. A limit with the same identity as in the
// previous program keeps its buckets.
func (c *Compiler) compileLimit(l *spec.RateLimit, domain string, at int, where findings.Place) *limit.Limit {
	p := &limit.Limit{Spec: *l, Domain: domain, Store: c.policies.store(l.Provider, where)}
	p.Headers = make([]match.Source, len(l.Per))
	for i, k := range l.Per {
		if k.Header != "" {
			p.Headers[i] = match.HeaderSource(k.Header)
		}
	}
	if m := l.When; m != nil {
		uri, rest, err := match.Compile(m, c.regexes)
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
	identity := fmt.Sprintf("%s[%d] %s, %d at once in %v, %d keys", domain, at, p, counted.Burst, counted.Unit, l.MaxKeys)
	if c.keptBuckets[identity] == nil {
		c.keptBuckets[identity] = c.before.BucketsOf(identity)
		if c.keptBuckets[identity] == nil {
			c.keptBuckets[identity] = limit.NewBuckets(&counted)
		}
	}
	p.Buckets = c.keptBuckets[identity]
	return p
}

// store returns the store of a provider, or nil for none. All limits of a program
// share it.
func (x *policyIndex) store(provider string, where findings.Place) *limit.Store {
	if provider == "" {
		return nil
	}
	if s := x.stores[provider]; s != nil {
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
		where.Field("provider").Suggestf(spec.CodeNotFound, suggest.Closest(provider, known), "no limiter is registered as %q", provider)
		return nil
	}
	s := &limit.Store{Name: provider, Limiter: limiter, Log: x.c.O.Log}
	x.stores[provider] = s
	return s
}

// sortLimits sorts the limits of this process first, so that requests over these
// limits do not reach a store. Among these, the slowest refill comes first, as in
// Envoy. Limits that can be checked together are adjacent.
func sortLimits(limits []*limit.Limit) {
	perSecond := func(l *limit.Limit) float64 { return float64(l.Spec.Requests) / l.Spec.Unit.Seconds() }
	slices.SortStableFunc(limits, func(a, b *limit.Limit) int {
		switch {
		case a.Store == nil && b.Store == nil:
			return cmp.Compare(perSecond(a), perSecond(b))
		case a.Store == nil:
			return -1
		case b.Store == nil:
			return 1
		}
		return cmp.Or(cmp.Compare(a.Spec.Provider, b.Spec.Provider), cmp.Compare(a.Domain, b.Domain))
	})
}
