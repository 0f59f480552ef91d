package istio

import (
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

func (r *reader) globalLimit(v *value) *spec.GlobalRateLimit {
	to := new(spec.GlobalRateLimit)
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.Global", func(name string, e *value) {
		switch name {
		case "domain":
			to.Domain, _ = r.text(e)
		case "descriptors":
			each(r, e, &to.Descriptors, func(e *value) spec.DescriptorLimit { return r.descriptorLimit(e, "RateLimitConfig") })
		case "failureModeDeny":
			if deny, ok := r.boolean(e); ok && r.excludes(v, e, "onStoreFailure") {
				to.OnStoreFailure = failureMode(deny)
			}
		case "onStoreFailure":
			failure := r.storeFailure(e)
			if other, _ := v.field("failureModeDeny"); other == nil || other.form == null {
				to.OnStoreFailure = failure
			}
		case "statusOnError":
			to.StatusOnError = r.count(e, 1)
		case "timeout":
			to.Timeout = r.limitTimeout(e)
		case "provider":
			to.Provider, _ = r.text(e)
		case "algorithm":
			to.Algorithm = r.limitAlgorithm(e)
		}
	})
	if e, _ := v.field("configFile"); e != nil && e.form != null {
		r.enter("configFile")
		if r.excludes(v, e, "descriptors") {
			r.configFile(v, e, to)
		}
		r.leave()
	}
	return to
}

// failureMode is what Envoy's failure_mode_deny means.
func failureMode(deny bool) spec.StoreFailure {
	if deny {
		return spec.StoreFailureDeny
	}
	return spec.StoreFailureAllow
}

// limitTimeout reads the time to wait for a provider. Zero would mean the default.
func (r *reader) limitTimeout(v *value) (to time.Duration) {
	to, ok := r.duration(v)
	if ok && to == 0 {
		r.failf(spec.CodeInvalid, v, "must be more than 0s: no provider answers at once")
	}
	return to
}

// descriptorLimit reads a node of the tree of limits. Its messages in the table of
// fields are those of a package: RateLimitConfig, or ratelimit for the configuration
// of envoyproxy/ratelimit.
func (r *reader) descriptorLimit(v *value, in string) spec.DescriptorLimit {
	var to spec.DescriptorLimit
	if !r.is(v, object) {
		return to
	}
	r.parts(v, in+".Descriptor", func(name string, e *value) {
		switch name {
		case "key":
			to.Key, _ = r.entryText(e)
		case "value":
			to.Value, _ = r.entryText(e)
		case "rateLimit":
			to.Limit = r.descriptorRate(e, in)
		case "shadowMode":
			to.Shadow, _ = r.boolean(e)
		case "shareThreshold":
			to.ShareThreshold, _ = r.boolean(e)
		case "weight":
			to.Weight = r.count(e, 0)
		case "alwaysApply":
			to.AlwaysApply, _ = r.boolean(e)
		case "descriptors":
			each(r, e, &to.Descriptors, func(e *value) spec.DescriptorLimit { return r.descriptorLimit(e, in) })
		default:
			r.boolean(e) // It is about statistics.
		}
	})
	return to
}

func (r *reader) descriptorRate(v *value, in string) *spec.DescriptorRate {
	to := new(spec.DescriptorRate)
	if !r.is(v, object) {
		return to
	}
	counted, before := false, len(r.broken)
	r.parts(v, in+".DescriptorRate", func(name string, e *value) {
		switch name {
		case "unit":
			if unit, ok := r.unit(e); ok {
				to.Unit = units[slices.Index(unitNames, unit)]
			}
		case "requestsPerUnit":
			counted = true
			to.Requests = r.count(e, 0)
		case "unlimited":
			to.Unlimited, _ = r.boolean(e)
		case "name":
			to.Name, _ = r.entryText(e)
		case "replaces":
			each(r, e, &to.Replaces, func(e *value) (name string) {
				if r.is(e, object) {
					r.parts(e, in+".Replaces", func(_ string, e *value) { name, _ = r.entryText(e) })
				}
				return name
			})
		}
	})
	if !counted && !to.Unlimited && !r.brokenSince(before) {
		r.missing(v, "requestsPerUnit", "is missing; 0 allows nothing")
	}
	return to
}

// unit reads a unit in any letter case, as envoyproxy/ratelimit does.
func (r *reader) unit(v *value) (string, bool) {
	if v.form == text {
		if upper := strings.ToUpper(v.scalar); slices.Contains(unitNames, upper) {
			return upper, true
		}
	}
	return r.word(v, unitNames...)
}

// entryText reads a text. In the configuration of envoyproxy/ratelimit, a number or
// a boolean without quotes means its text.
func (r *reader) entryText(v *value) (string, bool) {
	if r.snake && (v.form == number || v.form == boolean) {
		return v.scalar, true
	}
	return r.text(v)
}
