package validate

import (
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// contradictions warns of conditions of a match that exclude each other.
func (v *validator) contradictions(s *site, m *spec.Match, vs *boundService) {
	var few [8]string
	for _, name := range orderedKeys(few[:0], m.WithoutHeaders) {
		with, ok := m.Headers[name]
		if ok && v.excludes(with, m.WithoutHeaders[name]) {
			e := s.entry("withoutHeaders", name)
			e.warnf("", "excludes every request that headers requires, with %s: no request matches", describe(with))
		}
	}
	if m.Authority.Kind == spec.MatchExact || m.Authority.Kind == spec.MatchPrefix {
		if !vs.delegate && !v.authorityServed(m.Authority, vs) {
			e := s.field("authority")
			e.warnf("", "%s matches no request: the VirtualService gets only requests for its hosts", describe(m.Authority))
		}
	}
}

// excludes reports whether no value of a header can satisfy with but not without.
// It returns false if it cannot decide this.
func (v *validator) excludes(with, without spec.StringMatch) bool {
	switch {
	case without.Kind == spec.MatchAny, without == spec.Regex(".*"), without == spec.Regex("*"), with == without:
		return true
	case with.Kind == spec.MatchExact:
		return v.satisfies(with.Value, without)
	case with.Kind == spec.MatchPrefix && without.Kind == spec.MatchPrefix:
		return strings.HasPrefix(with.Value, without.Value)
	}
	return false
}

func (v *validator) satisfies(value string, m spec.StringMatch) bool {
	switch m.Kind {
	case spec.MatchExact:
		return value == m.Value
	case spec.MatchPrefix:
		return strings.HasPrefix(value, m.Value)
	case spec.MatchRegex:
		r, err := v.Regexes.Compile(m.Value)
		return err == nil && r.MatchString(value)
	}
	return true
}

// authorityServed reports whether one of the VirtualService's hosts can satisfy a
// condition on the Host header.
func (v *validator) authorityServed(authority spec.StringMatch, vs *boundService) bool {
	name := strings.ToLower(authority.Value)
	for _, host := range vs.Hosts {
		names := []string{host, resource.FullName(host, vs.name.Namespace)}
		names = append(names, resource.MeshNames(names[1])...)
		for _, host := range names {
			host = strings.ToLower(host)
			switch {
			case strings.HasPrefix(host, "*") && authority.Kind == spec.MatchPrefix:
				return true
			case hosts.Within(hosts.WithoutPort(name), host):
				return true
			case authority.Kind == spec.MatchPrefix && (strings.HasPrefix(host, name) || strings.HasPrefix(name, host+":")):
				return true
			}
		}
	}
	return false
}
