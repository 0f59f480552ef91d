package istio

import "github.com/lateengo/gateway/spec"

func (r *reader) localLimit(v *value) *spec.LocalRateLimit {
	to := new(spec.LocalRateLimit)
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.Local", func(name string, e *value) {
		switch name {
		case "tokenBucket":
			to.Bucket = new(r.tokenBucket(e))
		case "descriptors":
			each(r, e, &to.Descriptors, r.localDescriptor)
		case "alwaysConsumeDefaultTokenBucket":
			to.BucketUnmatchedOnly = r.isFalse(e)
		case "maxDynamicDescriptors":
			to.MaxKeys = r.count(e, 1)
		case "perDownstreamConnection":
			to.PerConnection, _ = r.boolean(e)
		}
	})
	return to
}

// isFalse reads a boolean whose default is true.
func (r *reader) isFalse(v *value) bool {
	b, ok := r.boolean(v)
	return ok && !b
}

func (r *reader) localDescriptor(v *value) spec.LocalDescriptor {
	var to spec.LocalDescriptor
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.LocalDescriptor", func(name string, e *value) {
		switch name {
		case "entries":
			each(r, e, &to.Entries, r.descriptorEntry)
		case "tokenBucket":
			to.Bucket = r.tokenBucket(e)
		}
	})
	return to
}

func (r *reader) descriptorEntry(v *value) spec.DescriptorEntry {
	var to spec.DescriptorEntry
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.Entry", func(name string, e *value) {
		if name == "key" {
			to.Key, _ = r.text(e)
		} else {
			to.Value, _ = r.text(e)
		}
	})
	return to
}

func (r *reader) tokenBucket(v *value) spec.TokenBucket {
	var to spec.TokenBucket
	if !r.is(v, object) {
		return to
	}
	r.parts(v, "RateLimitConfig.TokenBucket", func(name string, e *value) {
		switch name {
		case "maxTokens":
			to.MaxTokens = r.count(e, 0)
		case "tokensPerFill":
			to.TokensPerFill = r.count(e, 1)
		case "fillInterval":
			to.FillInterval, _ = r.duration(e)
		}
	})
	return to
}
