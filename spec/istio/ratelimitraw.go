package istio

import "github.com/lateengo/gateway/spec"

const soloGroup = "ratelimit.solo.io"

// soloPolicy reads the spec of solo.io's RateLimitConfig.
func (r *reader) soloPolicy(v *value) spec.RateLimitPolicy {
	to := spec.RateLimitPolicy{Name: r.origin.Name, Namespace: r.origin.Namespace, Origin: r.origin}
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "solo.RateLimitConfig", func(_ string, e *value) { r.raw(e, &to) })
	if to.Global == nil && !r.isBroken() {
		r.missing(v, "raw", "is missing")
	}
	r.warn(v.line, v.column, "", "in Gloo, the options of a route attach it to the route; here it limits every gateway of its namespace. A RateLimitConfig of "+networkingGroup+" has targetRefs")
	return to
}

// raw reads solo.io's layout: what to count and how much is allowed in one field.
func (r *reader) raw(v *value, to *spec.RateLimitPolicy) {
	to.Global = new(spec.GlobalRateLimit)
	to.Origin.Fields = renamed{Locator: to.Origin.Fields, names: []renaming{{"spec.global", "spec.raw"}, {"spec.rateLimits", "spec.raw.rateLimits"}}}
	if !r.is(v, object) {
		return
	}
	r.parts(v, "RateLimitConfig.Raw", func(name string, e *value) {
		if name == "descriptors" {
			each(r, e, &to.Global.Descriptors, func(e *value) spec.DescriptorLimit { return r.descriptorLimit(e, "RateLimitConfig") })
			return
		}
		each(r, e, &to.Descriptors, func(e *value) spec.RateLimitDescriptor {
			return r.limitDescriptor(e, "RateLimitConfig.RawRateLimit")
		})
	})
}
