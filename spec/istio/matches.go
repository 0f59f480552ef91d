package istio

import (
	"fmt"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/lateengo/gateway"
)

func httpMatch(m *networking.HTTPMatchRequest) gateway.Match {
	to := gateway.Match{
		Name:            m.Name,
		URI:             stringMatch(m.Uri),
		IgnoreURICase:   m.IgnoreUriCase,
		Scheme:          stringMatch(m.Scheme),
		Method:          stringMatch(m.Method),
		Authority:       stringMatch(m.Authority),
		Headers:         stringMatches(m.Headers),
		WithoutHeaders:  stringMatches(m.WithoutHeaders),
		QueryParams:     stringMatches(m.QueryParams),
		Port:            int(m.Port),
		Gateways:        m.Gateways,
		SourceLabels:    m.SourceLabels,
		SourceNamespace: m.SourceNamespace,
		StatPrefix:      m.StatPrefix,
	}
	for name, match := range to.WithoutHeaders {
		// Istio takes this for presence, and refuses it everywhere else.
		if match == gateway.Regex("*") {
			to.WithoutHeaders[name] = gateway.StringMatch{}
		}
	}
	return to
}

// stringMatch returns what m holds for. Without a type it is any value.
func stringMatch(m *networking.StringMatch) gateway.StringMatch {
	switch match := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return gateway.Exact(match.Exact)
	case *networking.StringMatch_Prefix:
		return gateway.Prefix(match.Prefix)
	case *networking.StringMatch_Regex:
		return gateway.Regex(match.Regex)
	}
	return gateway.StringMatch{}
}

func stringMatches(m map[string]*networking.StringMatch) map[string]gateway.StringMatch {
	if len(m) == 0 {
		return nil
	}
	to := make(map[string]gateway.StringMatch, len(m))
	for name, match := range m {
		to[name] = stringMatch(match)
	}
	return to
}

// refuseClaims reports keys that stand for claims of a token rather than for
// headers, in the match at path.
func (r *reader) refuseClaims(m *networking.HTTPMatchRequest, path string) {
	for _, part := range []struct {
		field   string
		matches map[string]*networking.StringMatch
	}{{"headers", m.Headers}, {"withoutHeaders", m.WithoutHeaders}} {
		var claims []string
		for name := range part.matches {
			if strings.HasPrefix(strings.ToLower(name), "@request.auth.claims") {
				claims = append(claims, name)
			}
		}
		slices.Sort(claims)
		for _, name := range claims {
			r.errorAt(fmt.Sprintf("%s.%s[%s]@key", path, part.field, name),
				"is not executed by Lateen: tokens are not verified yet, so there are no claims to match")
		}
	}
}
