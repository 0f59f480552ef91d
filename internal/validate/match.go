package validate

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// pseudoHeaders are the pseudo-headers of a request.
var pseudoHeaders = []string{":authority", ":method", ":path", ":scheme"}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}

func (v *validator) match(s *site, m *spec.Match, vs *boundService) {
	v.uri(s, m)
	v.requestLine(s, m)
	if len(m.Headers) > 0 {
		v.headerConditions(s, "headers", m.Headers)
	}
	if len(m.WithoutHeaders) > 0 {
		v.headerConditions(s, "withoutHeaders", m.WithoutHeaders)
	}
	var few [8]string
	for _, name := range orderedKeys(few[:0], m.QueryParams) {
		e := s.entry("queryParams", name)
		if name == "" {
			e.errorf(spec.CodeMissing, "the name of a query parameter is missing")
		}
		v.stringMatch(&e, m.QueryParams[name], false)
	}
	v.server(s, m, vs)
	v.sources(s, m)
	v.contradictions(s, m, vs)
}

func (v *validator) uri(s *site, m *spec.Match) {
	e := s.field("uri")
	if !v.stringMatch(&e, m.URI, true) {
		return
	}
	switch uri := m.URI; uri.Kind {
	case spec.MatchRegex:
		if m.IgnoreURICase {
			e := s.field("ignoreUriCase")
			e.warnf("", "has no effect on a regex: write (?i) in the expression")
		}
		if !regex.MatchesSomePath(uri.Value) {
			e.warnf("", "%s matches no request: it is compared with the whole path, which begins with /", describe(uri))
		}
	case spec.MatchExact, spec.MatchPrefix:
		switch {
		case uri.Value == "" && uri.Kind == spec.MatchPrefix:
		case !strings.HasPrefix(uri.Value, "/"):
			e.warnf("", "%s matches no request: a path begins with /", describe(uri))
		case strings.ContainsAny(uri.Value, "?#"):
			e.warnf("", "%s matches no request: a path is compared without query and fragment", describe(uri))
		case strings.Contains(uri.Value, "*"):
			e.warnSuggestf("", withoutStar(uri), "%s matches the character *: it is not a wildcard", describe(uri))
		}
	}
}

// withoutStar returns the prefix that was probably meant by a prefix with a final
// star, or "".
func withoutStar(uri spec.StringMatch) string {
	prefix, found := strings.CutSuffix(uri.Value, "*")
	if !found || uri.Kind != spec.MatchPrefix || strings.Contains(prefix, "*") {
		return ""
	}
	return prefix
}

// requestLine validates the conditions on method, scheme and authority.
func (v *validator) requestLine(s *site, m *spec.Match) {
	if m.Method.Kind != spec.MatchAny {
		e := s.field("method")
		if v.stringMatch(&e, m.Method, false) && m.Method.Kind == spec.MatchExact {
			if upper := strings.ToUpper(m.Method.Value); upper != m.Method.Value && slices.Contains(methods, upper) {
				e.warnSuggestf("", upper, "%s matches no request: methods are case-sensitive", describe(m.Method))
			}
		}
	}
	if m.Scheme.Kind != spec.MatchAny {
		e := s.field("scheme")
		if v.stringMatch(&e, m.Scheme, false) && m.Scheme.Kind == spec.MatchExact && m.Scheme.Value != "http" && m.Scheme.Value != "https" {
			e.warnf("", `%s matches no request: a scheme is "http" or "https"`, describe(m.Scheme))
		}
	}
	if m.Authority.Kind != spec.MatchAny {
		e := s.field("authority")
		v.stringMatch(&e, m.Authority, false)
	}
}

func (v *validator) headerConditions(s *site, field string, conditions map[string]spec.StringMatch) {
	var few [8]string
	for _, name := range orderedKeys(few[:0], conditions) {
		m := conditions[name]
		e := s.entry(field, name)
		if !v.headerConditionName(&e, name) {
			continue
		}
		without := field == "withoutHeaders"
		if without && m == spec.Regex("*") {
			// Only here, Istio interprets it as presence.
			continue
		}
		if v.stringMatch(&e, m, false) && without && m == spec.Regex(".*") {
			e.warnf("", "is never true, so no request matches: .* also matches a missing header; write {} to require absence")
		}
	}
}

// orderedKeys appends the keys of a map to the empty slice keys, in order.
func orderedKeys[V any](keys []string, m map[string]V) []string {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// headerConditionName validates the header name of a condition.
func (v *validator) headerConditionName(s *site, name string) bool {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		s.errorf(spec.CodeMissing, "the name of a header is missing")
	case strings.HasPrefix(lower, "@request.auth.claims"):
		s.errorf(spec.CodeUnsupported, "routing by the claims of a token is not executed")
	case strings.HasPrefix(name, ":") && isToken(name[1:]):
		if !slices.Contains(pseudoHeaders, lower) {
			s.warnSuggestf("", suggest.Closest(name, pseudoHeaders), "no request has a pseudo-header %q", name)
		}
		return true
	case !isToken(name):
		s.errorf(spec.CodeInvalid, "%q is not the name of a header", name)
	case lower == "uri" || lower == "scheme" || lower == "method" || lower == "authority":
		s.warnf("", "compares a header named %q: to compare the request's own %s, use the field next to headers", name, lower)
		return true
	default:
		return true
	}
	return false
}

// server validates the conditions on the server: its port and gateway.
func (v *validator) server(s *site, m *spec.Match, vs *boundService) {
	if m.Port != 0 {
		e := s.field("port")
		if problem := resource.PortProblem(m.Port); problem != "" {
			e.errorf(spec.CodeInvalid, "%s", problem)
		} else if !v.hasPort(m.Port, vs) {
			e.warnf("", "no server of the VirtualService's gateways has port %d: no request matches", m.Port)
		}
	}
	for i, reference := range m.Gateways {
		e := s.element("gateways", i)
		v.gatewayReference(&e, reference, vs.name.Namespace, vs.Origin.Fields != nil)
		name := resource.GatewayNamed(reference, vs.name.Namespace)
		if v.gateways[name] != nil && reference != "*" && !vs.delegate && !vs.every && !slices.Contains(vs.gateways, name) {
			e.warnf("", "the VirtualService is not bound to Gateway %s: no request matches there", name)
		}
	}
}

// hasPort reports whether a server that a VirtualService is bound to may have a
// port.
func (v *validator) hasPort(port int, vs *boundService) bool {
	switch {
	case vs.delegate || len(v.declarations.Servers) == 0:
		return true
	case vs.every:
		return slices.Contains(v.everyGateway.ports, port)
	case len(vs.gateways) == 0:
		return true
	}
	return slices.ContainsFunc(vs.gateways, func(name resource.Name) bool {
		return slices.Contains(v.gateways[name].ports, port)
	})
}

// sources validates the conditions on the workload that sends a request, which
// at an ingress gateway is the gateway itself.
func (v *validator) sources(s *site, m *spec.Match) {
	if len(m.SourceLabels) > 0 {
		v.labels(s, "sourceLabels", m.SourceLabels)
		e := s.field("sourceLabels")
		if len(m.Gateways) > 0 {
			e.warnf("", "has no effect together with gateways")
		} else {
			e.warnf("", "describes the gateway's own workload, never the client of a request")
		}
	}
	if m.SourceNamespace == "" {
		return
	}
	e := s.field("sourceNamespace")
	switch {
	case !resource.IsLabel(m.SourceNamespace):
		e.errorf(spec.CodeInvalid, "%q is not the name of a namespace", m.SourceNamespace)
	case len(m.Gateways) > 0:
		e.warnf("", "has no effect together with gateways")
	}
}

// stringMatch validates a comparison and reports whether it is possible. An empty
// prefix matches everything, which only a URI may use.
func (v *validator) stringMatch(s *site, m spec.StringMatch, emptyPrefix bool) bool {
	switch m.Kind {
	case spec.MatchAny, spec.MatchExact:
		return true
	case spec.MatchPrefix:
		if m.Value == "" && !emptyPrefix {
			e := s.field("prefix")
			e.errorf(spec.CodeMissing, "the prefix is empty: omit it to require presence")
			return false
		}
		return true
	case spec.MatchRegex:
		if _, err := v.Regexes.Compile(m.Value); err != nil {
			e := s.field("regex")
			e.errorf(spec.CodeInvalid, "%s %v", quoted(m.Value), err)
			return false
		}
		return true
	}
	s.errorf(spec.CodeInvalid, "%d is not a kind of match", m.Kind)
	return false
}

// describe describes a StringMatch.
func describe(m spec.StringMatch) string {
	switch m.Kind {
	case spec.MatchExact:
		return "exact " + quoted(m.Value)
	case spec.MatchPrefix:
		return "prefix " + quoted(m.Value)
	case spec.MatchRegex:
		return "regex " + quoted(m.Value)
	}
	return "any value"
}

// quoted returns s in quotes, shortened if it is long.
func quoted(s string) string {
	const most = 60
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", s[:cut])
}

// isToken reports whether s is an HTTP token, as required for header names.
func isToken(s string) bool { return field.IsName(s) }
