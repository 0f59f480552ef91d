package istio

import "github.com/lateengo/gateway/spec"

// limitDescriptor reads an element of rateLimits, by the name of its message in the
// table of fields.
func (r *reader) limitDescriptor(v *value, message string) spec.RateLimitDescriptor {
	var to spec.RateLimitDescriptor
	if !r.is(v, object) {
		return to
	}
	r.parts(v, message, func(name string, e *value) {
		switch name {
		case "actions":
			each(r, e, &to.Actions, r.action)
		case "hitsAddend":
			to.Hits = r.hitsAddend(e)
		}
	})
	return to
}

// hitsAddend reads the cost of a request: a number, or a map with one, as Envoy
// writes it.
func (r *reader) hitsAddend(v *value) int {
	if v.form != object {
		return r.count(v, 1)
	}
	hits := 0
	r.parts(v, "RateLimitConfig.HitsAddend", func(_ string, e *value) { hits = r.count(e, 1) })
	return hits
}

// action reads an element of actions: a map with one action.
func (r *reader) action(v *value) spec.RateLimitAction {
	var to spec.RateLimitAction
	if !r.is(v, object) {
		return to
	}
	before, first := len(r.broken), ""
	refused := len(r.errors)
	r.parts(v, "RateLimitConfig.Action", func(name string, e *value) {
		if first != "" {
			r.failf(spec.CodeConflict, e, "cannot be combined with %s: each element has one action", first)
			return
		}
		first = r.path[len(r.path)-1].name
		if !r.is(e, object) {
			return
		}
		switch name {
		case "genericKey":
			to = r.fixedAction(e, spec.ActionGenericKey, "RateLimitConfig.GenericKey")
		case "requestHeaders":
			to = r.namedAction(e, spec.ActionRequestHeader, "RateLimitConfig.RequestHeaders")
		case "queryParameters":
			to = r.namedAction(e, spec.ActionQueryParameter, "RateLimitConfig.QueryParameters")
		case "remoteAddress":
			to.Kind = spec.ActionRemoteAddress
			r.parts(e, "RateLimitConfig.RemoteAddress", nil)
		case "maskedRemoteAddress":
			to.Kind = spec.ActionMaskedAddress
			r.parts(e, "RateLimitConfig.MaskedRemoteAddress", func(name string, e *value) {
				if name == "v4PrefixMaskLen" {
					to.IPv4Bits = r.prefixLength(e, 32)
				} else {
					to.IPv6Bits = r.prefixLength(e, 128)
				}
			})
		case "headerValueMatch":
			to = r.fixedAction(e, spec.ActionHeaderMatch, "RateLimitConfig.HeaderValueMatch")
		case "queryParameterValueMatch":
			to = r.fixedAction(e, spec.ActionQueryMatch, "RateLimitConfig.QueryParameterValueMatch")
		case "destinationCluster":
			to.Kind = spec.ActionDestination
			r.parts(e, "RateLimitConfig.DestinationCluster", nil)
		}
	})
	if first == "" && !r.brokenSince(before) && len(r.errors) == refused {
		example := "remoteAddress: {}"
		if r.envoy {
			example = "remote_address: {}"
		}
		r.failf(spec.CodeMissing, v, "expected one action, such as %s", example)
	}
	return to
}

func (r *reader) prefixLength(v *value, most uint64) int {
	n, _ := r.integer(v, 1, most)
	return int(n)
}

// namedAction reads an action with the value of a header or of a query parameter.
func (r *reader) namedAction(v *value, kind spec.ActionKind, message string) spec.RateLimitAction {
	to := spec.RateLimitAction{Kind: kind}
	r.parts(v, message, func(name string, e *value) {
		switch name {
		case "descriptorKey":
			to.Key, _ = r.text(e)
		case "skipIfAbsent":
			to.SkipIfAbsent, _ = r.boolean(e)
		default:
			to.Name, _ = r.text(e)
		}
	})
	return to
}

// fixedAction reads an action with a fixed value, perhaps under conditions.
func (r *reader) fixedAction(v *value, kind spec.ActionKind, message string) spec.RateLimitAction {
	to := spec.RateLimitAction{Kind: kind}
	r.parts(v, message, func(name string, e *value) {
		switch name {
		case "descriptorKey":
			to.Key, _ = r.text(e)
		case "descriptorValue":
			to.Value, _ = r.text(e)
		case "expectMatch":
			expected, ok := r.boolean(e)
			to.ExpectNoMatch = ok && !expected
		case "headers":
			each(r, e, &to.Conditions, func(e *value) spec.ActionCondition {
				return r.condition(e, "RateLimitConfig.HeaderMatcher")
			})
		case "queryParameters":
			each(r, e, &to.Conditions, func(e *value) spec.ActionCondition {
				return r.condition(e, "RateLimitConfig.QueryParameterMatcher")
			})
		}
	})
	return to
}
