package compile

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// localLimits compiles the buckets of a policy for each process. A bucket for descriptors
// is a limit for each of the policy's descriptors that can have its entries.
func (c *Compiler) localLimits(p *spec.RateLimitPolicy, name resource.Name, identity string, actions []*limit.Actions) []*limit.Limit {
	local := p.Local
	newLimit := func(b *spec.TokenBucket, field string) *limit.Limit {
		l := &limit.Limit{Spec: limit.Rate(b), Domain: name.String(), Origin: &p.Origin, Field: "local." + field}
		l.Spec.Response, l.Spec.Mode, l.Spec.MaxKeys = p.Response, p.Mode, local.MaxKeys
		return l
	}
	var limits []*limit.Limit
	for i := range local.Descriptors {
		d := &local.Descriptors[i]
		var preferred [][]spec.DescriptorEntry
		for j := range local.Descriptors {
			other := local.Descriptors[j].Entries
			if j < i && limit.Prefers(other, d.Entries) || j > i && !limit.Prefers(d.Entries, other) {
				preferred = append(preferred, other)
			}
		}
		for k, a := range actions {
			if !descriptor.CanBe(p.Descriptors[k].Actions, d.Entries) {
				continue
			}
			l := newLimit(&d.Bucket, fmt.Sprintf("descriptors[%d]", i))
			l.Local = &limit.Local{Actions: a, Entries: d.Entries, Preferred: preferred, PerConnection: local.PerConnection}
			l.Describe()
			// All actions take from the same buckets.
			l.Buckets = c.buckets(fmt.Sprintf("%s local[%d] %v", identity, i, d.Entries), &l.Spec, l.Local.Keyed())
			limits = append(limits, l)
		}
	}
	if local.Bucket != nil {
		l := newLimit(local.Bucket, "tokenBucket")
		l.General = &limit.General{PerConnection: local.PerConnection}
		if local.BucketUnmatchedOnly {
			l.General.Unless = limits[:len(limits):len(limits)]
		}
		l.Describe()
		l.Buckets = c.buckets(identity+" local", &l.Spec, local.PerConnection)
		limits = append(limits, l)
	}
	return limits
}

// globalLimits compiles the limits of a policy for all replicas together: one for each of
// the policy's descriptors.
func (c *Compiler) globalLimits(p *spec.RateLimitPolicy, name resource.Name, actions []*limit.Actions, where findings.Place) []*limit.Limit {
	global := p.Global
	domain := cmp.Or(global.Domain, name.String())
	descriptors := global.Descriptors
	if d := c.policies.domains[domain]; d != nil && len(descriptors) == 0 {
		descriptors = d.Descriptors
	}
	statusOnError := cmp.Or(global.StatusOnError, http.StatusInternalServerError)
	var tree *descriptor.Tree
	if len(descriptors) > 0 {
		tree, _ = descriptor.NewTree([]descriptor.Domain{{Name: domain, Descriptors: descriptor.Of(descriptors)}})
	}
	provider := cmp.Or(global.Provider, spec.DefaultProvider)
	store := c.policies.store(provider, cmp.Or(global.Timeout, limit.LimiterTimeout), where.Field("provider"))
	switch {
	case tree != nil:
	case store == nil && provider != spec.DefaultProvider:
		return nil // It is reported already.
	case store == nil || !store.HasOwnLimits():
		// Envoy's filter does the same without its service.
		fate, why := "pass", fmt.Sprintf("no Limiter is registered as %q", provider)
		if store != nil {
			why = fmt.Sprintf("the Limiter %q has none of its own", provider)
		}
		if global.OnStoreFailure == spec.StoreFailureDeny {
			fate = fmt.Sprintf("get %d", statusOnError)
		}
		where.Field("descriptors").Warnf("", "the limits of the domain %q are unknown: %s, so the requests %s", domain, why, fate)
		store = limit.NoStore(provider, c.O.Log)
	case global.OnStoreFailure == spec.StoreFailureLocal:
		where.Field("onStoreFailure").Warnf("", "only the limiter knows the limits of the domain %q: while it fails, all requests pass. ALLOW says so, and DENY refuses them", domain)
	}
	var limits []*limit.Limit
	for i, a := range actions {
		l := &limit.Limit{Domain: domain, Store: store, Origin: &p.Origin, Field: fmt.Sprintf("rateLimits[%d]", i), Spec: spec.RateLimit{
			Response: p.Response, Mode: p.Mode, Provider: provider, Algorithm: global.Algorithm, OnStoreFailure: global.OnStoreFailure,
		}}
		l.Global = &limit.Global{
			Actions: a, Tree: tree, Memory: c.memory, Replicas: max(c.O.Replicas, 1),
			StatusOnError: statusOnError,
		}
		l.Describe()
		limits = append(limits, l)
	}
	return limits
}
