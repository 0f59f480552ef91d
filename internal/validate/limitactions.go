package validate

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// actionNames are Envoy's names of the kinds of actions.
var actionNames = [...]string{
	spec.ActionGenericKey:     "genericKey",
	spec.ActionRequestHeader:  "requestHeaders",
	spec.ActionQueryParameter: "queryParameters",
	spec.ActionRemoteAddress:  "remoteAddress",
	spec.ActionMaskedAddress:  "maskedRemoteAddress",
	spec.ActionHeaderMatch:    "headerValueMatch",
	spec.ActionQueryMatch:     "queryParameterValueMatch",
	spec.ActionDestination:    "destinationCluster",
}

// limitDescriptor validates what a policy counts.
func (v *validator) limitDescriptor(s *site, d *spec.RateLimitDescriptor) {
	if len(d.Actions) == 0 {
		e := s.field("actions")
		e.errorf(spec.CodeMissing, "a descriptor has no action, one or more is expected")
	}
	for i := range d.Actions {
		e := s.element("actions", i)
		v.limitAction(&e, &d.Actions[i])
	}
	if d.Hits < 0 {
		e := s.field("hitsAddend")
		e.errorf(spec.CodeInvalid, "%d is not a cost, 1 or more is expected", d.Hits)
	}
}

func (v *validator) limitAction(at *site, a *spec.RateLimitAction) {
	if int(a.Kind) >= len(actionNames) {
		at.errorf(spec.CodeInvalid, "%d is not a kind of action", a.Kind)
		return
	}
	s := at.field(actionNames[a.Kind])
	switch a.Kind {
	case spec.ActionRequestHeader:
		v.headerAction(&s, a)
	case spec.ActionQueryParameter:
		if a.Name == "" {
			e := s.field("queryParameterName")
			e.errorf(spec.CodeMissing, "the name of the query parameter is missing")
		}
	case spec.ActionGenericKey, spec.ActionHeaderMatch, spec.ActionQueryMatch:
		if a.Value == "" {
			e := s.field("descriptorValue")
			e.errorf(spec.CodeMissing, "the value of the entry is missing")
		}
	case spec.ActionMaskedAddress:
		maskLength(&s, "v4PrefixMaskLen", a.IPv4Bits, 32)
		maskLength(&s, "v6PrefixMaskLen", a.IPv6Bits, 128)
	}
	if a.Kind == spec.ActionHeaderMatch || a.Kind == spec.ActionQueryMatch {
		v.actionConditions(&s, a)
	}
	unused := func(field string, given bool) {
		if given {
			e := s.field(field)
			e.errorf(spec.CodeConflict, "this kind of action does not use it")
		}
	}
	named := a.Kind == spec.ActionRequestHeader || a.Kind == spec.ActionQueryParameter
	unused("headerName", a.Name != "" && !named)
	unused("skipIfAbsent", a.SkipIfAbsent && !named)
	unused("descriptorValue", a.Value != "" && a.Kind != spec.ActionGenericKey && a.Kind != spec.ActionHeaderMatch && a.Kind != spec.ActionQueryMatch)
	unused("headers", len(a.Conditions) > 0 && a.Kind != spec.ActionHeaderMatch && a.Kind != spec.ActionQueryMatch)
	unused("expectMatch", a.ExpectNoMatch && a.Kind != spec.ActionHeaderMatch && a.Kind != spec.ActionQueryMatch)
	unused("v4PrefixMaskLen", a.IPv4Bits != 0 && a.Kind != spec.ActionMaskedAddress)
	unused("v6PrefixMaskLen", a.IPv6Bits != 0 && a.Kind != spec.ActionMaskedAddress)
}

func (v *validator) headerAction(s *site, a *spec.RateLimitAction) {
	if a.Key == "" {
		e := s.field("descriptorKey")
		e.errorf(spec.CodeMissing, "the key of the entry is missing")
	}
	e := s.field("headerName")
	if v.limitHeaderName(&e, a.Name) {
		v.forgeable(&e, a.Name)
	}
}

// limitHeaderName validates the name of a header, or of a pseudo-header.
func (v *validator) limitHeaderName(s *site, name string) bool {
	switch {
	case name == "":
		s.errorf(spec.CodeMissing, "the name of the header is missing")
	case !isToken(strings.TrimPrefix(name, ":")):
		s.errorf(spec.CodeInvalid, "%q is not the name of a header", name)
	case strings.HasPrefix(name, ":") && !slices.Contains(pseudoHeaders, strings.ToLower(name)):
		s.suggestf(spec.CodeInvalid, suggest.Closest(name, pseudoHeaders), "no request has a pseudo-header %q", name)
	default:
		return true
	}
	return false
}

// actionConditions validates the conditions of an action.
func (v *validator) actionConditions(s *site, a *spec.RateLimitAction) {
	list := "headers"
	if a.Kind == spec.ActionQueryMatch {
		list = "queryParameters"
	}
	if len(a.Conditions) == 0 {
		e := s.field(list)
		e.errorf(spec.CodeMissing, "there is no condition, one or more is expected")
	}
	for i := range a.Conditions {
		c := &a.Conditions[i]
		e := s.element(list, i)
		name := e.field("name")
		if a.Kind == spec.ActionHeaderMatch {
			v.limitHeaderName(&name, c.Name)
		} else if c.Name == "" {
			name.errorf(spec.CodeMissing, "the name of the query parameter is missing")
		}
		v.stringMatch(&e, c.Match, false)
	}
}

func maskLength(s *site, field string, bits, most int) {
	if bits < 0 || bits > most {
		e := s.field(field)
		e.errorf(spec.CodeInvalid, "%d is not the length of a prefix, 1 to %d is expected", bits, most)
	}
}
