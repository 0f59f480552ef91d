package istio

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// reachable returns the messages that the read kinds can contain.
func reachable() []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	var visit func(protoreflect.MessageDescriptor)
	visit = func(m protoreflect.MessageDescriptor) {
		if m.ParentFile().Package() == "google.protobuf" || slices.Contains(all, m) {
			return
		}
		if !m.IsMapEntry() {
			all = append(all, m)
		}
		for i := range m.Fields().Len() {
			if f := m.Fields().Get(i); f.Message() != nil {
				visit(f.Message())
			}
		}
	}
	for _, k := range kinds {
		if k.spec != nil {
			visit(k.spec().ProtoReflect().Descriptor())
		}
	}
	return all
}

// Every field of Istio's is either executed or refused with a reason. A new release
// of its API cannot add one unnoticed.
func TestEveryFieldHasATreatment(t *testing.T) {
	known := make(map[string]bool)
	for _, m := range reachable() {
		set := fieldSets()[messageName(m)]
		require.NotNil(t, set, "%s is missing in the table of fields", m.FullName())
		for i := range m.Fields().Len() {
			name := m.Fields().Get(i).JSONName()
			require.Contains(t, set.entries, name, "%s.%s is neither executed nor refused", m.FullName(), name)
			known[messageName(m)+"."+name] = true
		}
	}
	for _, g := range fieldTable {
		require.Equal(t, g.treatment == executed, g.reason == "", "%s %v: a reason is for what is not executed", g.message, g.fields)
		for _, name := range g.fields {
			if !isLimitMessage(g.message) {
				require.Contains(t, known, g.message+"."+name, "Istio has no such field")
			}
		}
	}
}

func TestNoFieldIsInTheTableTwice(t *testing.T) {
	for message, set := range fieldSets() {
		require.Len(t, set.names, len(set.entries), "%s: %v", message, set.names)
	}
}

// withoutEffectAlone are executed fields that only make other fields right: there is
// only one group, and all percentages that are executed are 0 % and 100 %.
var withoutEffectAlone = []string{"RateLimitConfig.TargetRef.group", "envoy.FractionalPercent.denominator"}

// Every executed field is in some good document, and removing it there changes the
// declarations.
func TestEveryExecutedFieldMatters(t *testing.T) {
	mattered := make(map[string]bool)
	for _, file := range goodFiles(t) {
		for _, in := range readFiles([]string{file}, false)[0].inputs {
			text, problem, _, _ := readable(in.data)
			require.Empty(t, problem)
			for _, d := range split(in.name, text) {
				root, err := d.parse()
				require.NoError(t, err)
				if root == nil || root.form != object {
					continue
				}
				whole := declaredBy(d, root)
				eachField(root, func(field string, at []int) {
					if !mattered[field] && !reflect.DeepEqual(whole, declaredBy(d, root.without(at))) {
						mattered[field] = true
					}
				})
			}
		}
	}
	for _, g := range fieldTable {
		for _, name := range g.fields {
			if g.treatment == executed && !slices.Contains(withoutEffectAlone, g.message+"."+name) {
				require.True(t, mattered[g.message+"."+name], "no good document shows what %s.%s does", g.message, name)
			}
		}
	}
}

func indexOf(v *value, name string) int {
	return slices.IndexFunc(v.keys, func(k key) bool { return k.name == name })
}

// declaredBy returns the declarations of one resource, without warnings and
// origins.
func declaredBy(d *document, v *value) spec.Declarations {
	l := newLoader("")
	l.document(d, v)
	l.joinEnvoyLimits()
	l.declared.Warnings = nil
	return withoutOrigins(l.declared)
}

// without returns a copy of v without the part at a path of indexes.
func (v *value) without(at []int) *value {
	c := *v
	if len(at) == 1 {
		c.elements = slices.Delete(slices.Clone(v.elements), at[0], at[0]+1)
		if v.form == object {
			c.keys = slices.Delete(slices.Clone(v.keys), at[0], at[0]+1)
		}
		return &c
	}
	c.elements = slices.Clone(v.elements)
	c.elements[at[0]] = v.elements[at[0]].without(at[1:])
	return &c
}

// eachField calls visit for the fields of a document that are in the table, with
// their path of indexes.
func eachField(root *value, visit func(field string, at []int)) {
	if isLimitFile(root) {
		eachPart(root, "ratelimit.Config", nil, visit)
		return
	}
	entry, _, _, _ := identify(root.textOf("apiVersion"), root.textOf("kind"))
	content, _ := root.field("spec")
	switch at := []int{indexOf(root, "spec")}; {
	case entry == nil || content == nil:
	case entry.name == "EnvoyFilter":
		eachConfiguration(content, at, visit)
	case entry.verdict != read:
	case entry.group == soloGroup:
		eachPart(content, "solo.RateLimitConfig", at, visit)
	case entry.spec == nil:
		eachPart(content, "RateLimitConfig", at, visit)
	default:
		eachMessageField(content, entry.spec().ProtoReflect().Descriptor(), at, visit)
	}
}

// eachConfiguration is like eachField, for the parts of an EnvoyFilter about limits.
func eachConfiguration(v *value, at []int, visit func(string, []int)) {
	for i, e := range v.elements {
		at := append(slices.Clone(at), i)
		name := ""
		if v.form == object {
			name = camelCase(v.keys[i].name)
		}
		message, of := messageOf(e.at("@type").asText()), e
		if strings.HasSuffix(message, "TypedStruct") {
			content, k := e.either("value")
			if k == nil {
				continue
			}
			url, _ := e.either("type_url")
			message, of, at = messageOf(url.asText()), content, append(at, indexOf(e, k.name))
		}
		switch {
		case name == "rateLimits":
			for j, a := range e.elements {
				eachPart(a, "RateLimitConfig.RateLimit", append(slices.Clone(at), j), visit)
			}
		case message == localRateLimit:
			eachPart(of, "envoy.LocalRateLimit", at, visit)
		case message == globalRateLimit:
			eachPart(of, "envoy.RateLimit", at, visit)
		default:
			eachConfiguration(e, at, visit)
		}
	}
}

func eachMessageField(v *value, m protoreflect.MessageDescriptor, at []int, visit func(string, []int)) {
	s := schemas()[m]
	if s == nil || v.form != object {
		return
	}
	for i, k := range v.keys {
		at, e, f := append(slices.Clone(at), i), v.elements[i], s.fields[k.name]
		visit(messageName(m)+"."+k.name, at)
		switch {
		case f == nil || e.form != object && e.form != list:
		case f.IsMap() || f.IsList():
			element := f.Message()
			if f.IsMap() {
				element = f.MapValue().Message()
			}
			for j, each := range e.elements {
				if element != nil {
					eachMessageField(each, element, append(slices.Clone(at), j), visit)
				}
			}
		default:
			eachMessageField(e, f.Message(), at, visit)
		}
	}
}

// eachPart is like eachMessageField, for parts without a message.
func eachPart(v *value, message string, at []int, visit func(string, []int)) {
	for i, k := range v.keys {
		at, e, name := append(slices.Clone(at), i), v.elements[i], k.name
		if set := fieldSets()[message]; set != nil && set.entries[name].treatment == 0 {
			name = snakeCase(name)
			if set.entries[name].treatment == 0 {
				name = camelCase(name)
			}
		}
		visit(message+"."+name, at)
		below := partsBelow[message+"."+name]
		switch {
		case below == "":
		case e.form == object:
			eachPart(e, below, at, visit)
		default:
			for j, element := range e.elements {
				eachPart(element, below, append(slices.Clone(at), j), visit)
			}
		}
	}
}

// partsBelow are the messages of fields.
var partsBelow = map[string]string{
	"RateLimitConfig.selector":                                 "type.WorkloadSelector",
	"RateLimitConfig.targetRefs":                               "RateLimitConfig.TargetRef",
	"RateLimitConfig.limits":                                   "RateLimitConfig.Limit",
	"RateLimitConfig.Limit.per":                                "RateLimitConfig.LimitKey",
	"RateLimitConfig.Limit.response":                           "RateLimitConfig.Response",
	"RateLimitConfig.response":                                 "RateLimitConfig.Response",
	"RateLimitConfig.Response.headers":                         "RateLimitConfig.Response.Headers",
	"RateLimitConfig.rateLimits":                               "RateLimitConfig.RateLimit",
	"RateLimitConfig.local":                                    "RateLimitConfig.Local",
	"RateLimitConfig.global":                                   "RateLimitConfig.Global",
	"RateLimitConfig.raw":                                      "RateLimitConfig.Raw",
	"RateLimitConfig.RateLimit.actions":                        "RateLimitConfig.Action",
	"RateLimitConfig.RateLimit.hitsAddend":                     "RateLimitConfig.HitsAddend",
	"RateLimitConfig.Action.genericKey":                        "RateLimitConfig.GenericKey",
	"RateLimitConfig.Action.requestHeaders":                    "RateLimitConfig.RequestHeaders",
	"RateLimitConfig.Action.queryParameters":                   "RateLimitConfig.QueryParameters",
	"RateLimitConfig.Action.maskedRemoteAddress":               "RateLimitConfig.MaskedRemoteAddress",
	"RateLimitConfig.Action.headerValueMatch":                  "RateLimitConfig.HeaderValueMatch",
	"RateLimitConfig.Action.queryParameterValueMatch":          "RateLimitConfig.QueryParameterValueMatch",
	"RateLimitConfig.HeaderValueMatch.headers":                 "RateLimitConfig.HeaderMatcher",
	"RateLimitConfig.QueryParameterValueMatch.queryParameters": "RateLimitConfig.QueryParameterMatcher",
	"RateLimitConfig.HeaderMatcher.stringMatch":                "RateLimitConfig.StringMatcher",
	"RateLimitConfig.HeaderMatcher.safeRegexMatch":             "RateLimitConfig.RegexMatcher",
	"RateLimitConfig.QueryParameterMatcher.stringMatch":        "RateLimitConfig.StringMatcher",
	"RateLimitConfig.StringMatcher.safeRegex":                  "RateLimitConfig.RegexMatcher",
	"RateLimitConfig.Local.tokenBucket":                        "RateLimitConfig.TokenBucket",
	"RateLimitConfig.Local.descriptors":                        "RateLimitConfig.LocalDescriptor",
	"RateLimitConfig.LocalDescriptor.entries":                  "RateLimitConfig.Entry",
	"RateLimitConfig.LocalDescriptor.tokenBucket":              "RateLimitConfig.TokenBucket",
	"RateLimitConfig.Global.descriptors":                       "RateLimitConfig.Descriptor",
	"RateLimitConfig.Descriptor.descriptors":                   "RateLimitConfig.Descriptor",
	"RateLimitConfig.Descriptor.rateLimit":                     "RateLimitConfig.DescriptorRate",
	"RateLimitConfig.DescriptorRate.replaces":                  "RateLimitConfig.Replaces",
	"RateLimitConfig.Raw.descriptors":                          "RateLimitConfig.Descriptor",
	"RateLimitConfig.Raw.rateLimits":                           "RateLimitConfig.RawRateLimit",
	"RateLimitConfig.RawRateLimit.actions":                     "RateLimitConfig.Action",
	"solo.RateLimitConfig.raw":                                 "RateLimitConfig.Raw",
	"ratelimit.Config.descriptors":                             "ratelimit.Descriptor",
	"ratelimit.Descriptor.descriptors":                         "ratelimit.Descriptor",
	"ratelimit.Descriptor.rate_limit":                          "ratelimit.DescriptorRate",
	"ratelimit.DescriptorRate.replaces":                        "ratelimit.Replaces",
	"envoy.LocalRateLimit.status":                              "envoy.HttpStatus",
	"envoy.LocalRateLimit.token_bucket":                        "RateLimitConfig.TokenBucket",
	"envoy.LocalRateLimit.filter_enabled":                      "envoy.RuntimeFractionalPercent",
	"envoy.LocalRateLimit.filter_enforced":                     "envoy.RuntimeFractionalPercent",
	"envoy.LocalRateLimit.response_headers_to_add":             "envoy.HeaderValueOption",
	"envoy.LocalRateLimit.descriptors":                         "RateLimitConfig.LocalDescriptor",
	"envoy.LocalRateLimit.rate_limits":                         "RateLimitConfig.RateLimit",
	"envoy.RateLimit.rate_limited_status":                      "envoy.HttpStatus",
	"envoy.RateLimit.status_on_error":                          "envoy.HttpStatus",
	"envoy.RateLimit.filter_enabled":                           "envoy.RuntimeFractionalPercent",
	"envoy.RateLimit.filter_enforced":                          "envoy.RuntimeFractionalPercent",
	"envoy.RateLimit.response_headers_to_add":                  "envoy.HeaderValueOption",
	"envoy.RateLimit.rate_limits":                              "RateLimitConfig.RateLimit",
	"envoy.RuntimeFractionalPercent.default_value":             "envoy.FractionalPercent",
	"envoy.HeaderValueOption.header":                           "envoy.HeaderValue",
}
