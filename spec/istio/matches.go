package istio

import (
	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

func httpMatch(m *networking.HTTPMatchRequest) spec.Match {
	to := spec.Match{
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
		// Istio interprets this as presence, and refuses it everywhere else.
		if match == spec.Regex("*") {
			to.WithoutHeaders[name] = spec.StringMatch{}
		}
	}
	return to
}

// stringMatch translates m. Without a type it matches any value.
func stringMatch(m *networking.StringMatch) spec.StringMatch {
	switch match := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return spec.Exact(match.Exact)
	case *networking.StringMatch_Prefix:
		return spec.Prefix(match.Prefix)
	case *networking.StringMatch_Regex:
		return spec.Regex(match.Regex)
	}
	return spec.StringMatch{}
}

func stringMatches(m map[string]*networking.StringMatch) map[string]spec.StringMatch {
	if len(m) == 0 {
		return nil
	}
	to := make(map[string]spec.StringMatch, len(m))
	for name, match := range m {
		to[name] = stringMatch(match)
	}
	return to
}
