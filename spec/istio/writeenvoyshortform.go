package istio

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// policyKey is the key of the first entry of all descriptors that are written for a
// policy. It keeps the limits of policies apart.
const policyKey = "policy"

// expanded returns a policy in the full form, with descriptors and limits that name it.
// The shadow mode of a limit is that of its node.
func (w *writer) expanded(doc *written, p *spec.RateLimitPolicy, id string) (descriptors []spec.RateLimitDescriptor, limits []spec.DescriptorLimit) {
	first := func(id string) spec.RateLimitAction {
		return spec.RateLimitAction{Kind: spec.ActionGenericKey, Key: policyKey, Value: id}
	}
	for i := range p.Limits {
		l, path := &p.Limits[i], fmt.Sprintf("spec.limits[%d]", i)
		if l.Mode == spec.LimitDisabled {
			continue
		}
		of := id
		if len(p.Limits) > 1 || p.Global != nil {
			of = fmt.Sprintf("%s limits[%d]", id, i)
		}
		w.shortFormLosses(doc, path, p, l)
		actions := append([]spec.RateLimitAction{first(of)}, w.conditionActions(doc, path+".when", l.When)...)
		for _, k := range l.Per {
			if k.RemoteAddress {
				actions = append(actions, spec.RateLimitAction{Kind: spec.ActionMaskedAddress, IPv6Bits: 64})
				continue
			}
			actions = append(actions, spec.RateLimitAction{Kind: spec.ActionRequestHeader, Name: k.Header, Key: k.Header})
		}
		descriptors = append(descriptors, spec.RateLimitDescriptor{Actions: actions})
		node := &spec.DescriptorLimit{Limit: &spec.DescriptorRate{Requests: l.Requests, Unit: l.Unit}, Shadow: l.Mode == spec.LimitShadow}
		for j := len(actions) - 1; j >= 0; j-- {
			a := &actions[j]
			node.Key, node.Value = a.Key, a.Value
			if a.Kind == spec.ActionMaskedAddress {
				node.Key = "masked_remote_address"
			}
			if j > 0 {
				node = &spec.DescriptorLimit{Descriptors: []spec.DescriptorLimit{*node}}
			}
		}
		limits = append(limits, *node)
	}
	if p.Global == nil {
		return descriptors, limits
	}
	tree := p.Global.Descriptors
	if len(tree) == 0 {
		for i := range w.declared.RateLimitDomains {
			if d := &w.declared.RateLimitDomains[i]; d.Name == p.Global.Domain {
				tree = d.Descriptors
			}
		}
	}
	for _, d := range p.Descriptors {
		d.Actions = append([]spec.RateLimitAction{first(id)}, d.Actions...)
		descriptors = append(descriptors, d)
	}
	return descriptors, append(limits, spec.DescriptorLimit{Key: policyKey, Value: id, Descriptors: tree})
}

// shortFormLosses says what a limit in the short form loses.
func (w *writer) shortFormLosses(doc *written, path string, p *spec.RateLimitPolicy, l *spec.RateLimit) {
	if l.Burst != 0 && l.Burst != l.Requests {
		w.lost(doc, path+".burst", "envoyproxy/ratelimit counts in windows, which have no burst")
	}
	if l.OnMissingKey == spec.MissingKeyShare || l.OnMissingKey == spec.MissingKeyDeny {
		w.lost(doc, path+".onMissingKey", "Envoy does not limit a request that lacks a part of the key")
	}
	if l.Response != nil {
		w.lost(doc, path+".response", "Envoy has one answer for all limits of a filter: use the response of the policy")
	}
	if !slices.Contains(units, l.Unit) {
		w.lost(doc, path+".unit", fmt.Sprintf("%v is not a unit of envoyproxy/ratelimit", l.Unit))
	}
}

// conditionActions returns the conditions of a limit as actions that make no entry if one
// of them is false.
func (w *writer) conditionActions(doc *written, path string, m *spec.Match) []spec.RateLimitAction {
	if m == nil {
		return nil
	}
	var headers, query []spec.ActionCondition
	add := func(name string, s spec.StringMatch) {
		if s.Kind != spec.MatchAny {
			headers = append(headers, spec.ActionCondition{Name: name, Match: s})
		}
	}
	add(":scheme", m.Scheme)
	add(":method", m.Method)
	add(":authority", m.Authority)
	add(":path", pathCondition(m.URI, m.IgnoreURICase))
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		headers = append(headers, spec.ActionCondition{Name: name, Match: m.Headers[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(m.WithoutHeaders)) {
		s := m.WithoutHeaders[name]
		headers = append(headers, spec.ActionCondition{Name: name, Match: s, Not: true, MissingIsEmpty: s.Kind != spec.MatchAny})
	}
	for _, name := range slices.Sorted(maps.Keys(m.QueryParams)) {
		query = append(query, spec.ActionCondition{Name: name, Match: m.QueryParams[name]})
	}
	var out []spec.RateLimitAction
	if len(headers) > 0 {
		out = append(out, spec.RateLimitAction{Kind: spec.ActionHeaderMatch, Key: "header_match", Value: "when", Conditions: headers})
	}
	if len(query) > 0 {
		out = append(out, spec.RateLimitAction{Kind: spec.ActionQueryMatch, Key: "query_match", Value: "when", Conditions: query})
	}
	return out
}

// pathCondition returns a condition on the path as one on :path, which has the query too.
func pathCondition(s spec.StringMatch, anyLetterCase bool) spec.StringMatch {
	const query = `(?:\?.*)?`
	expression := regexp.QuoteMeta(s.Value)
	if anyLetterCase {
		expression = anyCase(s.Value)
	}
	switch s.Kind {
	case spec.MatchExact:
		return spec.Regex("(?s)" + expression + query)
	case spec.MatchPrefix:
		if anyLetterCase {
			return spec.Regex("(?s)" + expression + ".*")
		}
	case spec.MatchRegex:
		return spec.Regex("(?:" + s.Value + ")" + query)
	}
	return s
}
