package validate

import (
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
)

func TestValidateFullForm(t *testing.T) {
	generic := spec.RateLimitAction{Value: "v"}
	rate := &spec.DescriptorRate{Requests: 1, Unit: time.Minute}
	bucket := spec.TokenBucket{MaxTokens: 1, FillInterval: time.Second}
	base := func() spec.Declarations {
		d := shop(spec.Route{Name: "cart", Destinations: toCart})
		d.RateLimits = []spec.RateLimitPolicy{{
			Name: "p", Descriptors: []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{generic}}},
			Global: &spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{{Key: "generic_key", Limit: rate}}},
		}}
		return d
	}
	policy := func(change func(*spec.RateLimitPolicy)) func(*spec.Declarations) {
		return func(d *spec.Declarations) { change(&d.RateLimits[0]) }
	}
	action := func(a spec.RateLimitAction) func(*spec.Declarations) {
		return policy(func(p *spec.RateLimitPolicy) {
			p.Descriptors[0].Actions = []spec.RateLimitAction{generic, a}
			p.Global.Descriptors = nil
		})
	}
	local := func(l spec.LocalRateLimit) func(*spec.Declarations) {
		return policy(func(p *spec.RateLimitPolicy) { p.Global, p.Local = nil, &l })
	}
	tree := func(d ...spec.DescriptorLimit) func(*spec.Declarations) {
		return policy(func(p *spec.RateLimitPolicy) { p.Global.Descriptors = d })
	}
	entries := func(pairs ...string) (out []spec.DescriptorEntry) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, spec.DescriptorEntry{Key: pairs[i], Value: pairs[i+1]})
		}
		return out
	}
	conditions := func(kind spec.ActionKind, c ...spec.ActionCondition) func(*spec.Declarations) {
		return action(spec.RateLimitAction{Kind: kind, Value: "yes", Conditions: c})
	}
	runResources(t, base, "RateLimitConfig default/p: ", []resourceRow{
		{"a tree", func(*spec.Declarations) {}, nil},
		{"nothing counts", policy(func(p *spec.RateLimitPolicy) { p.Global = nil }), []string{
			"limits: the policy has no limit: limits, local or global is expected",
			"rateLimits: nothing counts the descriptors: local or global is expected",
		}},
		{"only the inheritance", policy(func(p *spec.RateLimitPolicy) {
			p.Global, p.Descriptors, p.Inheritance = nil, nil, spec.InheritIgnore
		}), nil},
		{"no inheritance", policy(func(p *spec.RateLimitPolicy) { p.Inheritance = 9 }), []string{"inheritance: 9 is not a kind of inheritance"}},
		{"a selector", policy(func(p *spec.RateLimitPolicy) { p.Selector = map[string]string{"istio": "ingress"} }), nil},
		{"a selector and targets", policy(func(p *spec.RateLimitPolicy) {
			p.Selector, p.Targets = map[string]string{"istio": "ingress"}, []spec.TargetRef{{Kind: "VirtualService", Name: "shop"}}
		}), nil},
		{"a virtual host", policy(func(p *spec.RateLimitPolicy) { p.VirtualHosts = []string{"shop.test:80", "*:80"} }), nil},
		{"a virtual host without a port", policy(func(p *spec.RateLimitPolicy) { p.VirtualHosts = []string{"shop.test"} }), []string{
			`virtualHosts[0]: "shop.test" is not the name of a virtual host, such as shop.example.com:443`}},
		{"a route of any VirtualService", policy(func(p *spec.RateLimitPolicy) {
			p.Targets = []spec.TargetRef{{Kind: "VirtualService", SectionName: "cart"}}
		}), nil},
		{"a route of no VirtualService", policy(func(p *spec.RateLimitPolicy) {
			p.Targets = []spec.TargetRef{{Kind: "VirtualService", SectionName: "crat"}}
		}), []string{`~targetRefs[0].sectionName: no route is named "crat": nothing is limited; did you mean "cart"? [IST0101]`}},

		{"no action", policy(func(p *spec.RateLimitPolicy) { p.Descriptors[0].Actions, p.Global.Descriptors = nil, nil }), []string{
			"rateLimits[0].actions: a descriptor has no action, one or more is expected"}},
		{"a negative cost", policy(func(p *spec.RateLimitPolicy) { p.Descriptors[0].Hits = -1 }), []string{"rateLimits[0].hitsAddend: -1 is not a cost, 1 or more is expected"}},
		{"no kind of action", action(spec.RateLimitAction{Kind: 99}), []string{"rateLimits[0].actions[1]: 99 is not a kind of action"}},
		{"no value", action(spec.RateLimitAction{}), []string{"rateLimits[0].actions[1].genericKey.descriptorValue: the value of the entry is missing"}},
		{"a header without name and key", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader}), []string{
			"rateLimits[0].actions[1].requestHeaders.descriptorKey: the key of the entry is missing",
			"rateLimits[0].actions[1].requestHeaders.headerName: the name of the header is missing"}},
		{"no header", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: "a b"}), []string{
			`rateLimits[0].actions[1].requestHeaders.headerName: "a b" is not the name of a header`}},
		{"no pseudo-header", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: ":pth"}), []string{
			`rateLimits[0].actions[1].requestHeaders.headerName: no request has a pseudo-header ":pth"; did you mean ":path"?`}},
		{"a forgeable address", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: "X-Forwarded-For"}), []string{
			`rateLimits[0].actions[1].requestHeaders.headerName: "X-Forwarded-For" is forgeable while no proxy is trusted: any client can evade the limit; did you mean "remoteAddress"?`}},
		{"a header that clients can leave out", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: "X-User"}), []string{
			`~rateLimits[0].actions[1]: a client without x-user is not limited: that part of the descriptor is missing, so there is none`}},
		{"a header that is skipped", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: "X-User", SkipIfAbsent: true}), nil},
		{"the path", action(spec.RateLimitAction{Kind: spec.ActionRequestHeader, Key: "k", Name: ":path"}), nil},
		{"no query parameter", action(spec.RateLimitAction{Kind: spec.ActionQueryParameter}), []string{
			"rateLimits[0].actions[1].queryParameters.queryParameterName: the name of the query parameter is missing"}},
		{"networks", action(spec.RateLimitAction{Kind: spec.ActionMaskedAddress, IPv4Bits: 33, IPv6Bits: -1}), []string{
			"rateLimits[0].actions[1].maskedRemoteAddress.v4PrefixMaskLen: 33 is not the length of a prefix, 1 to 32 is expected",
			"rateLimits[0].actions[1].maskedRemoteAddress.v6PrefixMaskLen: -1 is not the length of a prefix, 1 to 128 is expected"}},
		{"a name without use", action(spec.RateLimitAction{Kind: spec.ActionRemoteAddress, Name: "x-user", SkipIfAbsent: true}), []string{
			"rateLimits[0].actions[1].remoteAddress.headerName: this kind of action does not use it",
			"rateLimits[0].actions[1].remoteAddress.skipIfAbsent: this kind of action does not use it"}},
		{"a condition", conditions(spec.ActionHeaderMatch, spec.ActionCondition{Name: "x-plan", Match: spec.Exact("free")}), nil},
		{"no condition", conditions(spec.ActionHeaderMatch), []string{"rateLimits[0].actions[1].headerValueMatch.headers: there is no condition, one or more is expected"}},
		{"a broken condition", conditions(spec.ActionHeaderMatch, spec.ActionCondition{Name: "x y", Match: spec.Regex("(")}), []string{
			`rateLimits[0].actions[1].headerValueMatch.headers[0].name: "x y" is not the name of a header`,
			`rateLimits[0].actions[1].headerValueMatch.headers[0].regex: "(" is not a valid RE2 expression: missing closing ): "("`}},
		{"a condition on no parameter", conditions(spec.ActionQueryMatch, spec.ActionCondition{}), []string{
			"rateLimits[0].actions[1].queryParameterValueMatch.queryParameters[0].name: the name of the query parameter is missing"}},

		{"a bucket", local(spec.LocalRateLimit{Bucket: &bucket}), nil},
		{"no bucket", local(spec.LocalRateLimit{}), []string{"local.tokenBucket: there is no bucket: tokenBucket or descriptors is expected"}},
		{"a broken bucket", local(spec.LocalRateLimit{MaxKeys: -1, Bucket: &spec.TokenBucket{TokensPerFill: -1, FillInterval: 49 * time.Millisecond}}), []string{
			"local.tokenBucket.maxTokens: 0 is not the size of a bucket, 1 or more is expected",
			"local.tokenBucket.tokensPerFill: -1 is not a number of tokens, 1 or more is expected",
			"local.tokenBucket.fillInterval: 49ms is too short, 50ms or more is expected",
			"local.maxDynamicDescriptors: -1 is not a number of keys, 0 or more is expected"}},
		{"a descriptor", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("generic_key", "v"), Bucket: bucket}}}), nil},
		{"a descriptor that no request has", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("generic_key", "w"), Bucket: bucket}}}), []string{
			"~local.descriptors[0]: has no effect: no element of rateLimits makes these entries in this order"}},
		{"broken descriptors", local(spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{
			{Bucket: bucket}, {Entries: entries("", "v"), Bucket: bucket}, {Entries: entries("generic_key", ""), Bucket: bucket}, {Entries: entries("generic_key", ""), Bucket: bucket},
		}}), []string{
			"local.descriptors[0].entries: the descriptor has no entry, one or more is expected",
			"local.descriptors[1].entries[0].key: the key is empty",
			"local.descriptors[3]: another descriptor has the same entries"}},
		{"descriptors without actions", policy(func(p *spec.RateLimitPolicy) {
			p.Descriptors, p.Global, p.Local = nil, nil, &spec.LocalRateLimit{Descriptors: []spec.LocalDescriptor{{Entries: entries("a", ""), Bucket: bucket}}}
		}), []string{"local.descriptors: no request has a descriptor: the policy has no rateLimits"}},

		{"a tree without actions", policy(func(p *spec.RateLimitPolicy) { p.Descriptors = nil }), []string{"global: no request has a descriptor: the policy has no rateLimits"}},
		{"settings", policy(func(p *spec.RateLimitPolicy) {
			p.Global.StatusOnError, p.Global.Timeout, p.Global.OnStoreFailure, p.Global.Algorithm = 200, -1, 9, 9
		}), []string{
			"global.statusOnError: 200 is not the status of an error, 400 to 599 is expected",
			"global.timeout: -1ns is not a timeout, more than 0 is expected",
			"global.onStoreFailure: 9 is not a way to handle a failing limiter",
			"global.algorithm: 9 is not an algorithm"}},
		{"a limit that no request meets", tree(spec.DescriptorLimit{Key: "generic_key", Limit: rate}, spec.DescriptorLimit{Key: "user", Descriptors: []spec.DescriptorLimit{{Key: "a", Limit: rate}}}), []string{
			"~global.descriptors[1].descriptors[0]: has no effect: no element of rateLimits makes the entries up to here, and no more"}},
		{"a limit above the last entry", tree(spec.DescriptorLimit{Key: "generic_key", Descriptors: []spec.DescriptorLimit{{Key: "user", Limit: rate}}}), []string{
			"~global.descriptors[0].descriptors[0]: has no effect: no element of rateLimits makes the entries up to here, and no more"}},
		{"nothing is allowed", tree(spec.DescriptorLimit{Key: "generic_key", Limit: &spec.DescriptorRate{Unit: time.Second}}), []string{
			"~global.descriptors[0].rateLimit.requestsPerUnit: 0 allows nothing"}},
		{"broken numbers", tree(spec.DescriptorLimit{Key: "a", Limit: &spec.DescriptorRate{Requests: -1, Unit: 5 * time.Second}}), []string{
			"global.descriptors[0].rateLimit.requestsPerUnit: -1 requests is not a limit, 0 or more is expected",
			"global.descriptors[0].rateLimit.unit: 5s is not a unit: a second, minute, hour, day, week, month of 30 days or year of 365 days is expected"}},
		{"a broken tree", tree(
			spec.DescriptorLimit{Limit: rate}, spec.DescriptorLimit{Key: "a", Limit: &spec.DescriptorRate{Requests: 1}},
			spec.DescriptorLimit{Key: "a", ShareThreshold: true, Limit: &spec.DescriptorRate{Unlimited: true, Unit: time.Second, Name: "x", Replaces: []string{"x"}}},
		), []string{
			"global.descriptors[0].key: the key is empty",
			"global.descriptors[1].rateLimit.unit: the unit is missing",
			"global.descriptors[2].key: the key and the value of another descriptor on this level are the same, joined with an underscore",
			"global.descriptors[2].shareThreshold: only a value with an asterisk can be shared",
			"global.descriptors[2].rateLimit.unit: an unlimited limit has no unit",
			"global.descriptors[2].rateLimit.replaces: a limit cannot replace itself"}},
	})
}

func TestValidateRateLimitDomains(t *testing.T) {
	rate := &spec.DescriptorRate{Requests: 1, Unit: time.Minute}
	base := func() spec.Declarations {
		d := shop(spec.Route{Destinations: toCart})
		d.RateLimits = []spec.RateLimitPolicy{{
			Name: "p", Descriptors: []spec.RateLimitDescriptor{{Actions: []spec.RateLimitAction{{Value: "v"}}}}, Global: &spec.GlobalRateLimit{Domain: "shop"},
		}}
		d.RateLimitDomains = []spec.RateLimitDomain{{Name: "shop", Descriptors: []spec.DescriptorLimit{{Key: "generic_key", Limit: rate}}}}
		return d
	}
	domains := func(more ...spec.RateLimitDomain) func(*spec.Declarations) {
		return func(d *spec.Declarations) { d.RateLimitDomains = append(d.RateLimitDomains, more...) }
	}
	runResources(t, base, "RateLimitDomain ", []resourceRow{
		{"one", domains(), nil},
		{"one without a policy", domains(spec.RateLimitDomain{Name: "other"}), []string{`~other: has no effect: no policy counts in the domain "other"`}},
		{"twice", domains(spec.RateLimitDomain{Name: "shop"}), []string{`shop: domain: there is already a domain "shop"`}},
		{"broken", domains(spec.RateLimitDomain{Name: "shop2", Descriptors: []spec.DescriptorLimit{{Key: "", Limit: rate}}}), []string{
			`shop2: descriptors[0].key: the key is empty`, `~shop2: has no effect: no policy counts in the domain "shop2"`}},
	})
}
