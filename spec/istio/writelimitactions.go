package istio

import (
	"fmt"

	"github.com/lateengo/gateway/spec"
)

// limitDescriptors returns what a policy counts, in the names of RateLimitConfig or, with
// underscores, of Envoy.
func (w *writer) limitDescriptors(doc *written, path string, list []spec.RateLimitDescriptor, envoy bool) *value {
	i := -1
	return listValue(list, func(d *spec.RateLimitDescriptor) *value {
		i++
		at := fmt.Sprintf("%s[%d]", path, i)
		j := -1
		actions := listValue(d.Actions, func(a *spec.RateLimitAction) *value {
			j++
			return w.limitAction(doc, fmt.Sprintf("%s.actions[%d]", at, j), a)
		})
		v := objectValue().set("actions", actions)
		hits := w.count(doc, at+".hitsAddend", d.Hits)
		if hits != nil && envoy {
			hits = objectValue().set("number", hits)
		}
		v.set("hitsAddend", hits)
		if envoy {
			return spelled(v)
		}
		return v
	})
}

// An actionForm is how a kind of action is written.
type actionForm struct {
	name string
	// header is the field with the name of a header or of a query parameter.
	header string
	// fixed means that it has a fixed value, and conditions is the field with those.
	fixed      bool
	conditions string
	// keyed means that the key can be chosen.
	keyed bool
}

var actionForms = [...]actionForm{
	spec.ActionGenericKey:     {name: "genericKey", fixed: true, keyed: true},
	spec.ActionRequestHeader:  {name: "requestHeaders", header: "headerName", keyed: true},
	spec.ActionQueryParameter: {name: "queryParameters", header: "queryParameterName", keyed: true},
	spec.ActionRemoteAddress:  {name: "remoteAddress"},
	spec.ActionMaskedAddress:  {name: "maskedRemoteAddress"},
	spec.ActionHeaderMatch:    {name: "headerValueMatch", fixed: true, keyed: true, conditions: "headers"},
	spec.ActionQueryMatch:     {name: "queryParameterValueMatch", fixed: true, keyed: true, conditions: "queryParameters"},
	spec.ActionDestination:    {name: "destinationCluster"},
}

func (w *writer) limitAction(doc *written, path string, a *spec.RateLimitAction) *value {
	if int(a.Kind) >= len(actionForms) {
		w.lost(doc, path, fmt.Sprintf("%d is not a kind of action", a.Kind))
		return objectValue()
	}
	form := actionForms[a.Kind]
	v, unused := objectValue(), *a
	unused.Kind = 0
	if form.header != "" {
		v.set(form.header, exactText(&a.Name))
		v.set("skipIfAbsent", boolValue(a.SkipIfAbsent))
		unused.Name, unused.SkipIfAbsent = "", false
	}
	if form.keyed {
		v.set("descriptorKey", textValue(a.Key))
		unused.Key = ""
	}
	if form.fixed {
		v.set("descriptorValue", textValue(a.Value))
		unused.Value = ""
	}
	if form.conditions != "" {
		if a.ExpectNoMatch {
			v.set("expectMatch", falseValue())
		}
		v.set(form.conditions, listValue(a.Conditions, func(c *spec.ActionCondition) *value {
			return w.actionCondition(doc, path, c, form.conditions == "headers")
		}))
		unused.Conditions, unused.ExpectNoMatch = nil, false
	}
	if a.Kind == spec.ActionMaskedAddress {
		v.set("v4PrefixMaskLen", w.count(doc, path, a.IPv4Bits)).set("v6PrefixMaskLen", w.count(doc, path, a.IPv6Bits))
		unused.IPv4Bits, unused.IPv6Bits = 0, 0
	}
	if len(unused.Conditions) > 0 || unused.Key+unused.Value+unused.Name != "" || unused.SkipIfAbsent || unused.ExpectNoMatch || unused.IPv4Bits+unused.IPv6Bits != 0 {
		doc.comment(path, form.name+" does not use all of its fields: those are not written")
	}
	return objectValue().set(form.name, v)
}

func falseValue() *value { return &value{form: boolean, scalar: "false"} }

// actionCondition returns a matcher of a header or of a query parameter.
func (w *writer) actionCondition(doc *written, path string, c *spec.ActionCondition, header bool) *value {
	v := objectValue().set("name", exactText(&c.Name))
	exact := func(name string) *value { return objectValue().set(name, exactText(&c.Match.Value)) }
	switch c.Match.Kind {
	case spec.MatchAny:
		// Not is written into it, because a query parameter has no invertMatch.
		return v.set("presentMatch", &value{form: boolean, scalar: fmt.Sprint(!c.Not)}).set("treatMissingHeaderAsEmpty", boolValue(c.MissingIsEmpty))
	case spec.MatchExact:
		v.set("stringMatch", exact("exact"))
	case spec.MatchPrefix:
		v.set("stringMatch", exact("prefix"))
	case spec.MatchRegex:
		v.set("stringMatch", objectValue().set("safeRegex", exact("regex")))
	default:
		w.lost(doc, path, fmt.Sprintf("%d is not a kind of match", c.Match.Kind))
	}
	if c.Match.Kind == spec.MatchPrefix && c.Match.Value == "" {
		w.lost(doc, path, "an empty prefix is true for every value")
	}
	if !header && (c.Not || c.MissingIsEmpty) {
		w.lost(doc, path, "a query parameter has neither invertMatch nor treatMissingHeaderAsEmpty")
		return v
	}
	return v.set("invertMatch", boolValue(c.Not)).set("treatMissingHeaderAsEmpty", boolValue(c.MissingIsEmpty))
}

// spelled returns a value with the names of its fields in the form of Envoy. It is for
// values without maps of any names.
func spelled(v *value) *value {
	out := *v
	out.keys, out.elements = nil, nil
	for i, e := range v.elements {
		out.elements = append(out.elements, spelled(e))
		if v.form == object {
			out.keys = append(out.keys, key{name: snakeCase(v.keys[i].name)})
		}
	}
	return &out
}
