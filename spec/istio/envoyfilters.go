package istio

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// envoyLocal reads the configuration of Envoy's local rate limit filter.
func (r *reader) envoyLocal(v *value, to *envoyPart) {
	to.local = new(spec.LocalRateLimit)
	to.mode = spec.LimitDisabled
	if !r.is(v, object) {
		return
	}
	var enabled, enforced percentage
	response := new(spec.LimitResponse)
	r.parts(v, "envoy.LocalRateLimit", func(name string, e *value) {
		switch name {
		case "tokenBucket":
			to.local.Bucket = new(r.tokenBucket(e))
		case "filterEnabled":
			enabled = r.percentage(e)
		case "filterEnforced":
			enforced = r.percentage(e)
		case "descriptors":
			each(r, e, &to.local.Descriptors, r.localDescriptor)
		case "localRateLimitPerDownstreamConnection":
			to.local.PerConnection, _ = r.boolean(e)
		case "alwaysConsumeDefaultTokenBucket":
			to.local.BucketUnmatchedOnly = r.isFalse(e)
		case "maxDynamicDescriptors":
			to.local.MaxKeys = r.count(e, 1)
		case "rateLimits":
			r.envoyActions(e, to)
		case "vhRateLimits":
			r.only(e, "OVERRIDE", "a route with rate_limits of its own does not count those of its virtual host", "INCLUDE", "IGNORE")
		case "status":
			response.Status = limitedStatus(r.httpStatus(e))
		default:
			r.envoyResponse(name, e, response)
		}
	})
	to.mode = r.envoyMode(v, enabled, enforced, to.isConfigured())
	to.response = orNil(response)
}

// envoyGlobal reads the configuration of Envoy's rate limit filter.
func (r *reader) envoyGlobal(v *value, to *envoyPart) {
	to.global = &spec.GlobalRateLimit{Provider: spec.DefaultProvider, OnStoreFailure: spec.StoreFailureAllow}
	if !r.is(v, object) {
		return
	}
	enabled, enforced := all, all
	response := new(spec.LimitResponse)
	before := len(r.broken)
	r.parts(v, "envoy.RateLimit", func(name string, e *value) {
		switch name {
		case "domain":
			to.global.Domain, _ = r.text(e)
		case "timeout":
			to.global.Timeout = r.limitTimeout(e)
		case "failureModeDeny":
			if deny, ok := r.boolean(e); ok {
				to.global.OnStoreFailure = failureMode(deny)
			}
		case "statusOnError":
			to.global.StatusOnError = r.httpStatus(e)
		case "filterEnabled":
			enabled = r.percentage(e)
		case "filterEnforced":
			enforced = r.percentage(e)
		case "rateLimits":
			r.envoyActions(e, to)
		case "rateLimitedStatus":
			response.Status = limitedStatus(r.httpStatus(e))
		case "requestType":
			r.only(e, "both", "requests are not divided into internal and external ones", "", "internal", "external")
		case "rateLimitService":
			r.loader.serviceElsewhere(r, e)
		default:
			r.envoyResponse(name, e, response)
		}
	})
	if to.global.Domain == "" && !r.brokenSince(before) {
		r.missing(v, "domain", "is missing")
	}
	to.mode = r.envoyMode(v, enabled, enforced, true)
	to.response = orNil(response)
}

// only reads a word that must have one value. The others are known to Envoy.
func (r *reader) only(v *value, executed, reason string, others ...string) {
	if word, ok := r.word(v, append([]string{executed}, others...)...); ok && word != executed && word != "" {
		r.fail(spec.CodeUnsupported, v.line, v.column, "is not executed by Lateen: "+reason, "")
	}
}

func (r *reader) envoyActions(v *value, to *envoyPart) {
	each(r, v, &to.descriptors, func(e *value) spec.RateLimitDescriptor {
		return r.limitDescriptor(e, "RateLimitConfig.RateLimit")
	})
}

// envoyResponse reads a field about answers that both filters have.
func (r *reader) envoyResponse(name string, v *value, to *spec.LimitResponse) {
	switch name {
	case "responseHeadersToAdd":
		if r.is(v, list) {
			r.elements(v, func(_ int, e *value) { r.headerToAdd(e, to) })
		}
	case "enableXRatelimitHeaders":
		to.RateLimitHeaders = r.rateLimitHeaders(v, "OFF", "DRAFT_VERSION_03")
	case "rateLimitedAsResourceExhausted":
		to.ResourceExhausted, _ = r.boolean(v)
	}
}

// orNil returns nil for the answer of Envoy.
func orNil(response *spec.LimitResponse) *spec.LimitResponse {
	if r := response; r.Status == 0 && r.Headers == nil && r.AddHeaders == nil && r.RateLimitHeaders == 0 && !r.ResourceExhausted {
		return nil
	}
	return response
}

// headerToAdd reads a header of answers.
func (r *reader) headerToAdd(v *value, to *spec.LimitResponse) {
	if !r.is(v, object) {
		return
	}
	overwrite, key, content := false, "", ""
	at, before := v, len(r.broken)
	headed := false
	r.parts(v, "envoy.HeaderValueOption", func(name string, e *value) {
		switch name {
		case "header":
			if headed = true; r.is(e, object) {
				r.parts(e, "envoy.HeaderValue", func(name string, e *value) {
					if name == "key" {
						key, _ = r.text(e)
						at = e
						return
					}
					content, _ = r.text(e)
					if strings.Contains(content, "%") {
						r.fail(spec.CodeUnsupported, e.line, e.column, "is not executed by Lateen: a header of an answer is a fixed text, without Envoy's % operators", "")
					}
				})
			}
		case "append":
			overwrite = r.isFalse(e)
		case "appendAction":
			switch action, _ := r.word(e, "APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"); action {
			case "OVERWRITE_IF_EXISTS_OR_ADD":
				overwrite = true
			case "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS":
				r.fail(spec.CodeUnsupported, e.line, e.column, "is not executed by Lateen: only APPEND_IF_EXISTS_OR_ADD and OVERWRITE_IF_EXISTS_OR_ADD are", "")
			}
		}
	})
	switch {
	case r.brokenSince(before):
		return
	case !headed:
		r.missing(v, "header", "is missing")
		return
	}
	headers := &to.AddHeaders
	if overwrite {
		headers = &to.Headers
	}
	if *headers == nil {
		*headers = make(map[string]string)
	}
	if _, there := (*headers)[key]; there && !overwrite {
		r.fail(spec.CodeUnsupported, at.line, at.column, "is not executed by Lateen: the header "+quote(key)+" is added twice", "")
	}
	(*headers)[key] = content
}

// A percentage is the part of the requests to which something applies.
type percentage uint8

const (
	unset percentage = iota
	none
	all
)

// percentage reads a RuntimeFractionalPercent.
func (r *reader) percentage(v *value) percentage {
	if !r.is(v, object) {
		return unset
	}
	of := none
	r.parts(v, "envoy.RuntimeFractionalPercent", func(name string, e *value) {
		if name != "defaultValue" {
			r.text(e)
			return
		}
		if !r.is(e, object) {
			return
		}
		numerator, denominator := 0, 100
		before := len(r.broken)
		r.parts(e, "envoy.FractionalPercent", func(name string, e *value) {
			if name == "numerator" {
				numerator = r.count(e, 0)
				return
			}
			switch word, _ := r.word(e, "HUNDRED", "TEN_THOUSAND", "MILLION"); word {
			case "TEN_THOUSAND":
				denominator = 10_000
			case "MILLION":
				denominator = 1_000_000
			}
		})
		switch {
		case r.brokenSince(before):
		case numerator >= denominator:
			of = all
		case numerator > 0:
			r.fail(spec.CodeUnsupported, e.line, e.column, "is not executed by Lateen: a limit is for all requests (100 %) or for none (0 %)", "")
		}
	})
	return of
}

// envoyMode returns what two percentages mean, with warnings if nothing is refused by
// mistake.
func (r *reader) envoyMode(v *value, enabled, enforced percentage, configured bool) spec.LimitMode {
	switch {
	case enabled == unset && configured:
		r.warn(v.line, v.column, "", "limits nothing: filter_enabled is missing, and its default is 0 %")
	case enabled == none && configured:
		r.warn(v.line, v.column, "", "limits nothing: filter_enabled is 0 %")
	case enforced == unset && configured:
		r.warn(v.line, v.column, "", "counts requests and refuses none: filter_enforced is missing, and its default is 0 %")
	}
	switch {
	case enabled != all:
		return spec.LimitDisabled
	case enforced != all:
		return spec.LimitShadow
	}
	return spec.LimitEnforce
}

// limitedStatus is the status of requests over a limit: Envoy never lets it look like
// a success.
func limitedStatus(status int) int {
	const firstError = 400
	if status < firstError {
		return 0
	}
	return status
}
