package istio

import (
	"math"

	"github.com/lateengo/gateway/spec"
)

func (r *reader) limitResponse(v *value) *spec.LimitResponse {
	to := new(spec.LimitResponse)
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.Response", func(name string, e *value) {
		switch name {
		case "statusCode":
			to.Status = r.count(e, 0)
		case "body":
			to.Body, _ = r.text(e)
		case "contentType":
			to.ContentType, _ = r.text(e)
		case "headers":
			if r.is(e, object) {
				r.parts(e, "RateLimitConfig.Response.Headers", func(name string, e *value) {
					if name == "set" {
						to.Headers = r.texts(e)
					} else {
						to.AddHeaders = r.texts(e)
					}
				})
			}
		case "rateLimitHeaders":
			to.RateLimitHeaders = r.rateLimitHeaders(e, "OFF", "DRAFT_VERSION_03", "IETF")
		case "rateLimitedAsResourceExhausted":
			to.ResourceExhausted, _ = r.boolean(e)
		}
	})
	return to
}

func (r *reader) rateLimitHeaders(v *value, known ...string) spec.RateLimitHeaders {
	if v.form == boolean && !truth(v.scalar) {
		return spec.RateLimitHeadersOff // In YAML, OFF without quotes is a boolean.
	}
	switch headers, _ := r.word(v, known...); headers {
	case "DRAFT_VERSION_03":
		return spec.RateLimitHeadersDraft03
	case "IETF":
		return spec.RateLimitHeadersIETF
	}
	return spec.RateLimitHeadersOff
}

// count reads a number of 32 bits that is at least least.
func (r *reader) count(v *value, least int64) int {
	n, _ := r.integer(v, least, math.MaxUint32)
	return int(n)
}

// texts reads a map of texts.
func (r *reader) texts(v *value) map[string]string {
	if !r.is(v, object) {
		return nil
	}
	to := make(map[string]string, len(v.keys))
	for i, k := range v.keys {
		r.enter(k.name)
		if text, ok := r.text(v.elements[i]); ok {
			to[k.name] = text
		}
		r.leave()
	}
	return to
}
