package validate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/spec"
)

// fullForm validates the full form of a policy.
func (v *validator) fullForm(s *site, p *spec.RateLimitPolicy) {
	for i := range p.Descriptors {
		e := s.element("rateLimits", i)
		v.limitDescriptor(&e, &p.Descriptors[i])
	}
	if p.Local != nil {
		e := s.field("local")
		v.localLimit(&e, p)
	}
	if p.Global != nil {
		e := s.field("global")
		v.globalLimit(&e, p)
	}
	if len(p.Descriptors) > 0 && p.Local == nil && p.Global == nil {
		e := s.field("rateLimits")
		e.errorf(spec.CodeMissing, "nothing counts the descriptors: local or global is expected")
	}
	v.evadable(s, p)
}

// evadable warns of a policy that does not limit clients without some header.
func (v *validator) evadable(s *site, p *spec.RateLimitPolicy) {
	if len(p.Limits) > 0 || p.Local != nil && p.Local.Bucket != nil {
		return
	}
	found, in := -1, 0
	for i := range p.Descriptors {
		header := slices.IndexFunc(p.Descriptors[i].Actions, func(a spec.RateLimitAction) bool {
			return a.Kind == spec.ActionRequestHeader && !a.SkipIfAbsent && isToken(a.Name) && !slices.Contains(forgeableAddresses, strings.ToLower(a.Name))
		})
		if header < 0 {
			return
		}
		if found < 0 {
			found, in = header, i
		}
	}
	if found >= 0 {
		d := s.element("rateLimits", in)
		a := d.element("actions", found)
		a.warnf("", "a client without %s is not limited: that part of the descriptor is missing, so there is none", strings.ToLower(p.Descriptors[in].Actions[found].Name))
	}
}

// minFillInterval is Envoy's least time between the fills of a bucket.
const minFillInterval = 50 * time.Millisecond

func (v *validator) localLimit(s *site, p *spec.RateLimitPolicy) {
	l := p.Local
	if l.Bucket == nil && len(l.Descriptors) == 0 {
		e := s.field("tokenBucket")
		e.errorf(spec.CodeMissing, "there is no bucket: tokenBucket or descriptors is expected")
	}
	if l.Bucket != nil {
		e := s.field("tokenBucket")
		tokenBucket(&e, l.Bucket)
	}
	if l.MaxKeys < 0 {
		e := s.field("maxDynamicDescriptors")
		e.errorf(spec.CodeInvalid, "%d is not a number of keys, 0 or more is expected", l.MaxKeys)
	}
	if len(l.Descriptors) > 0 && len(p.Descriptors) == 0 {
		e := s.field("descriptors")
		e.errorf(spec.CodeMissing, "no request has a descriptor: the policy has no rateLimits")
	}
	for i := range l.Descriptors {
		d := &l.Descriptors[i]
		e := s.element("descriptors", i)
		b := e.field("tokenBucket")
		tokenBucket(&b, &d.Bucket)
		switch {
		case len(d.Entries) == 0:
			entries := e.field("entries")
			entries.errorf(spec.CodeMissing, "the descriptor has no entry, one or more is expected")
		case slices.ContainsFunc(l.Descriptors[:i], func(o spec.LocalDescriptor) bool { return slices.Equal(o.Entries, d.Entries) }):
			e.errorf(spec.CodeDuplicate, "another descriptor has the same entries")
		case v.emptyKey(&e, d.Entries):
		case len(p.Descriptors) > 0 && !makes(p, d.Entries):
			e.warnf("", "has no effect: no element of rateLimits makes these entries in this order")
		}
	}
}

// emptyKey reports entries without a key.
func (v *validator) emptyKey(s *site, entries []spec.DescriptorEntry) bool {
	empty := false
	for i := range entries {
		if entries[i].Key == "" {
			e := s.element("entries", i)
			k := e.field("key")
			k.errorf(spec.CodeMissing, "the key is empty")
			empty = true
		}
	}
	return empty
}

// makes reports whether the policy has actions that can make some entries.
func makes(p *spec.RateLimitPolicy, entries []spec.DescriptorEntry) bool {
	return slices.ContainsFunc(p.Descriptors, func(d spec.RateLimitDescriptor) bool { return descriptor.CanBe(d.Actions, entries) })
}

func tokenBucket(s *site, b *spec.TokenBucket) {
	if b.MaxTokens < 1 {
		e := s.field("maxTokens")
		e.errorf(spec.CodeInvalid, "%d is not the size of a bucket, 1 or more is expected", b.MaxTokens)
	}
	if b.TokensPerFill < 0 {
		e := s.field("tokensPerFill")
		e.errorf(spec.CodeInvalid, "%d is not a number of tokens, 1 or more is expected", b.TokensPerFill)
	}
	if b.FillInterval < minFillInterval {
		e := s.field("fillInterval")
		e.errorf(spec.CodeInvalid, "%v is too short, %v or more is expected", b.FillInterval, minFillInterval)
	}
	refill(s, "maxTokens", float64(b.MaxTokens)/float64(cmp.Or(max(b.TokensPerFill, 0), 1))*float64(b.FillInterval))
}

// maxRefill is how long a bucket may take to be full, in nanoseconds. A longer time cannot
// be counted, and is a mistake.
const maxRefill = float64(4 * 365 * 24 * time.Hour)

// refill reports a bucket that takes too long to be full.
func refill(s *site, field string, nanoseconds float64) {
	if nanoseconds > maxRefill {
		e := s.field(field)
		e.errorf(spec.CodeInvalid, "the bucket would take %.0f days to be full, the maximum is four years", nanoseconds/float64(24*time.Hour))
	}
}

func (v *validator) globalLimit(s *site, p *spec.RateLimitPolicy) {
	g := p.Global
	if len(p.Descriptors) == 0 {
		s.errorf(spec.CodeMissing, "no request has a descriptor: the policy has no rateLimits")
	}
	if g.StatusOnError != 0 && (g.StatusOnError < 400 || g.StatusOnError > 599) {
		e := s.field("statusOnError")
		e.errorf(spec.CodeInvalid, "%d is not the status of an error, 400 to 599 is expected", g.StatusOnError)
	}
	if g.Timeout < 0 {
		e := s.field("timeout")
		e.errorf(spec.CodeInvalid, "%v is not a timeout, more than 0 is expected", g.Timeout)
	}
	storeFailure(s, g.OnStoreFailure)
	limitAlgorithm(s, g.Algorithm)
	domain := cmp.Or(g.Domain, v.named(p.Namespace, p.Name).String())
	if v.limitTree(s, domain, g.Descriptors) && len(p.Descriptors) > 0 {
		v.unmade(s, p, g.Descriptors, nil)
	}
}

// unmade warns of limits for descriptors that no request has.
func (v *validator) unmade(s *site, p *spec.RateLimitPolicy, tree []spec.DescriptorLimit, above []spec.DescriptorEntry) {
	for i := range tree {
		d := &tree[i]
		e := s.element("descriptors", i)
		entry := spec.DescriptorEntry{Key: d.Key, Value: d.Value}
		if strings.Contains(d.Value, "*") {
			entry.Value = ""
		}
		entries := append(slices.Clip(above), entry)
		if d.Limit != nil && !makes(p, entries) {
			e.warnf("", "has no effect: no element of rateLimits makes the entries up to here, and no more")
		}
		v.unmade(&e, p, d.Descriptors, entries)
	}
}

// rateLimitDomains validates the limits of domains.
func (v *validator) rateLimitDomains() {
	seen := map[string]bool{}
	for i := range v.declarations.RateLimitDomains {
		d := &v.declarations.RateLimitDomains[i]
		s := site{declaration: &declaration{v.findings, &d.Origin, "RateLimitDomain", "", d.Name}, number: -1}
		if seen[d.Name] {
			e := s.field("domain")
			e.errorf(spec.CodeDuplicate, "there is already a domain %q", d.Name)
		}
		seen[d.Name] = true
		v.limitTree(&s, d.Name, d.Descriptors)
		if d.Name != "" && !v.usesDomain(d.Name) {
			s.warnf("", "has no effect: no policy counts in the domain %q", d.Name)
		}
	}
}

// usesDomain reports whether a policy counts in a domain.
func (v *validator) usesDomain(name string) bool {
	return slices.ContainsFunc(v.declarations.RateLimits, func(p spec.RateLimitPolicy) bool {
		return p.Global != nil && len(p.Global.Descriptors) == 0 && cmp.Or(p.Global.Domain, v.named(p.Namespace, p.Name).String()) == name
	})
}

// limitTree validates a tree of limits. It reports whether the tree is valid.
func (v *validator) limitTree(s *site, domain string, tree []spec.DescriptorLimit) bool {
	if !v.descriptorLimits(s, tree) {
		return false
	}
	_, problems := descriptor.NewTree([]descriptor.Domain{{Name: domain, Descriptors: descriptor.Of(tree)}})
	for _, p := range problems {
		at := *s
		for _, i := range p.Path[1:] {
			up := at
			at = up.element("descriptors", i)
		}
		treeProblem(&at, &p)
	}
	return len(problems) == 0
}

// treeProblem reports a problem at a node of a tree.
func treeProblem(s *site, p *descriptor.Problem) {
	field := map[descriptor.Field]string{
		descriptor.FieldDomain: "domain", descriptor.FieldKey: "key", descriptor.FieldValue: "value",
		descriptor.FieldUnit: "unit", descriptor.FieldReplaces: "replaces", descriptor.FieldShareThreshold: "shareThreshold",
	}[p.Field]
	at := *s
	if p.Field == descriptor.FieldUnit || p.Field == descriptor.FieldReplaces {
		at = s.field("rateLimit")
	}
	e := at.field(field)
	e.errorf(spec.CodeInvalid, "%s", p.Text)
}

// descriptorLimits validates the numbers of a tree.
func (v *validator) descriptorLimits(s *site, tree []spec.DescriptorLimit) bool {
	valid := true
	for i := range tree {
		d := &tree[i]
		e := s.element("descriptors", i)
		if r := d.Limit; r != nil {
			at := e.field("rateLimit")
			if r.Requests < 0 {
				n := at.field("requestsPerUnit")
				n.errorf(spec.CodeInvalid, "%d requests is not a limit, 0 or more is expected", r.Requests)
				valid = false
			}
			if r.Unit != 0 && descriptor.UnitOf(r.Unit) == 0 {
				u := at.field("unit")
				u.errorf(spec.CodeInvalid, "%v is not a unit: a second, minute, hour, day, week, month of 30 days or year of 365 days is expected", r.Unit)
				valid = false
			}
			if r.Requests == 0 && !r.Unlimited {
				n := at.field("requestsPerUnit")
				n.warnf("", "0 allows nothing")
			}
		}
		valid = v.descriptorLimits(&e, d.Descriptors) && valid
	}
	return valid
}
