package istio

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// rateLimitPolicy reads the spec of a RateLimitConfig. Istio has no message for
// it.
func (r *reader) rateLimitPolicy(v *value) spec.RateLimitPolicy {
	to := spec.RateLimitPolicy{Name: r.origin.Name, Namespace: r.origin.Namespace, Origin: r.origin}
	if !r.is(v, object) {
		return to
	}
	var global *spec.GlobalRateLimit
	r.parts(v, "RateLimitConfig", func(name string, e *value) {
		switch name {
		case "selector":
			if r.excludes(v, e, "targetRefs") && r.is(e, object) {
				r.parts(e, "type.WorkloadSelector", func(_ string, e *value) { to.Selector = r.texts(e) })
			}
		case "targetRefs":
			each(r, e, &to.Targets, r.targetRef)
		case "limits":
			each(r, e, &to.Limits, r.rateLimit)
		case "rateLimits":
			each(r, e, &to.Descriptors, func(e *value) spec.RateLimitDescriptor {
				return r.limitDescriptor(e, "RateLimitConfig.RateLimit")
			})
		case "local":
			to.Local = r.localLimit(e)
		case "global":
			global = r.globalLimit(e)
		case "raw":
			if r.excludes(v, e, "global", "rateLimits") {
				r.raw(e, &to)
			}
		case "response":
			to.Response = r.limitResponse(e)
		case "mode":
			to.Mode = r.limitMode(e)
		case "inheritance":
			switch inheritance, _ := r.word(e, "OVERRIDE", "INCLUDE", "IGNORE"); inheritance {
			case "INCLUDE":
				to.Inheritance = spec.InheritInclude
			case "IGNORE":
				to.Inheritance = spec.InheritIgnore
			}
		}
	})
	if global != nil {
		to.Global = global
	}
	return to
}

// excludes reports whether v has none of the other fields, which cannot be
// combined with that of the reader, and records an error if it has.
func (r *reader) excludes(v, e *value, others ...string) bool {
	for _, other := range others {
		if o, _ := v.field(other); o != nil && o.form != null {
			r.failf(spec.CodeConflict, e, "cannot be combined with %s, which is also set", other)
			return false
		}
	}
	return true
}

// each reads the elements of a list. An unreadable element becomes an empty one, so
// that the others keep their index.
func each[T any](r *reader, v *value, to *[]T, read func(*value) T) {
	if r.is(v, list) {
		r.elements(v, func(_ int, e *value) { *to = append(*to, read(e)) })
	}
}

func (r *reader) limitMode(v *value) spec.LimitMode {
	switch mode, _ := r.word(v, "ENFORCE", "SHADOW", "DISABLED"); mode {
	case "SHADOW":
		return spec.LimitShadow
	case "DISABLED":
		return spec.LimitDisabled
	}
	return spec.LimitEnforce
}

func (r *reader) targetRef(v *value) spec.TargetRef {
	var to spec.TargetRef
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.TargetRef", func(name string, e *value) {
		switch name {
		case "group":
			if group, ok := r.text(e); ok && group != networkingGroup {
				r.fail(spec.CodeInvalid, e.line, e.column, "expected "+networkingGroup+", found "+quote(group), "")
			}
		case "kind":
			to.Kind, _ = r.word(e, "VirtualService", "Gateway")
		case "name":
			to.Name, _ = r.text(e)
		case "sectionName":
			to.SectionName, _ = r.text(e)
		}
	})
	return to
}

func (r *reader) rateLimit(v *value) spec.RateLimit {
	to := spec.RateLimit{Provider: spec.DefaultProvider}
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.Limit", func(name string, e *value) {
		switch name {
		case "requestsPerUnit":
			n, _ := r.integer(e, 0, math.MaxUint32)
			to.Requests = int(n)
		case "unit":
			if unit, ok := r.word(e, unitNames...); ok {
				to.Unit = units[slices.Index(unitNames, unit)]
			}
		case "burst":
			n, _ := r.integer(e, 0, math.MaxUint32)
			to.Burst = int(n)
		case "onMissingKey":
			switch missing, _ := r.word(e, "ALLOW", "SHARE", "DENY"); missing {
			case "ALLOW":
				to.OnMissingKey = spec.MissingKeyAllow
			case "SHARE":
				to.OnMissingKey = spec.MissingKeyShare
			case "DENY":
				to.OnMissingKey = spec.MissingKeyDeny
			}
		case "response":
			to.Response = r.limitResponse(e)
		case "mode":
			to.Mode = r.limitMode(e)
		case "per":
			each(r, e, &to.Per, r.limitKey)
		case "when":
			to.When = r.when(e)
		case "onStoreFailure":
			to.OnStoreFailure = r.storeFailure(e)
		case "algorithm":
			to.Algorithm = r.limitAlgorithm(e)
		}
	})
	return to
}

func (r *reader) storeFailure(v *value) spec.StoreFailure {
	switch failure, _ := r.word(v, "ALLOW", "DENY", "LOCAL"); failure {
	case "ALLOW":
		return spec.StoreFailureAllow
	case "DENY":
		return spec.StoreFailureDeny
	}
	return spec.StoreFailureLocal
}

func (r *reader) limitAlgorithm(v *value) spec.LimitAlgorithm {
	if algorithm, _ := r.word(v, "GCRA", "FIXED_WINDOW"); algorithm == "FIXED_WINDOW" {
		return spec.LimitFixedWindow
	}
	return spec.LimitGCRA
}

var unitNames = []string{"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"}

// units are the units of unitNames. Buckets do not follow the calendar: a month has
// 30 days and a year 365.
var units = []time.Duration{
	time.Second, time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// word reads one of several words. Words in capitals may be written in lower case
// too.
func (r *reader) word(v *value, known ...string) (string, bool) {
	expected := "one of " + strings.Join(known, ", ")
	if v.form != text {
		r.mismatch(v, expected)
		return "", false
	}
	for _, k := range known {
		if v.scalar == k || v.scalar == strings.ToLower(k) && k == strings.ToUpper(k) {
			return k, true
		}
	}
	r.fail(spec.CodeInvalid, v.line, v.column, fmt.Sprintf("expected %s, found %s", expected, quote(v.scalar)), nearest(v.scalar, known))
	return "", false
}

// limitKey reads one part of a limit's key: the word remoteAddress, or a map with
// the name of a header.
func (r *reader) limitKey(v *value) spec.LimitKey {
	const remoteAddress = "remoteAddress"
	var to spec.LimitKey
	switch v.form {
	case text:
		if v.scalar != remoteAddress {
			r.fail(spec.CodeInvalid, v.line, v.column, "expected remoteAddress or {header: NAME}, found "+quote(v.scalar), nearest(v.scalar, []string{remoteAddress}))
			break
		}
		to.RemoteAddress = true
	case object:
		before := len(r.broken)
		r.parts(v, "RateLimitConfig.LimitKey", func(name string, e *value) {
			switch name {
			case "header":
				to.Header, _ = r.text(e)
			case remoteAddress:
				// The full form writes it as an empty map.
				if r.is(e, object) {
					to.RemoteAddress = true
				}
			}
		})
		if to.Header == "" == !to.RemoteAddress && !r.brokenSince(before) {
			r.failf(spec.CodeConflict, v, "expected remoteAddress or {header: NAME}, one in each element")
		}
	default:
		r.mismatch(v, "remoteAddress or {header: NAME}")
	}
	return to
}

// whenFields are the conditions that can restrict a limit. The other conditions of
// a match select gateways, not requests.
var whenFields = []string{"uri", "scheme", "method", "authority", "headers", "withoutHeaders", "queryParams", "ignoreUriCase"}

func (r *reader) when(v *value) *spec.Match {
	var m networking.HTTPMatchRequest
	before := len(r.broken)
	r.message(v, m.ProtoReflect())
	if r.brokenSince(before) || v.form != object {
		return nil
	}
	for i, k := range v.keys {
		if !slices.Contains(whenFields, k.name) && v.elements[i].form != null {
			r.enter(k.name)
			r.fail(spec.CodeUnknownField, k.line, k.column, "cannot restrict a limit; "+strings.Join(whenFields, ", ")+" can", "")
			r.leave()
		}
	}
	match := httpMatch(&m)
	return &match
}
