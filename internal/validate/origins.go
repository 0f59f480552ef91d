package validate

import (
	"net/url"
	"strings"

	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/spec"
)

// origins warns of a CORS policy that allows untrusted sites, or nobody. Browsers
// send an origin as scheme://host or scheme://host:port, in lower case.
func (v *validator) origins(s *site, c *spec.CORS) {
	for i, origin := range c.AllowOrigins {
		e := s.element("corsPolicy.allowOrigins", i)
		switch {
		case origin.Value == "":
			// Another check reports an error for it.
		case v.allowsEverything(origin):
			if c.AllowCredentials {
				e.warnf("", "every site may send requests with the user's credentials, and read the answers: allowCredentials is true and %s allows every origin", describe(origin))
			}
		case origin.Kind == spec.MatchExact:
			exactOrigin(&e, origin.Value)
		case origin.Kind == spec.MatchPrefix:
			prefixOrigin(&e, origin.Value)
		case origin.Kind == spec.MatchRegex && regex.HasBareDot(origin.Value):
			e.warnf("", `%s allows more origins than it seems to: a dot matches any character. Write \. for a literal dot`, describe(origin))
		}
	}
}

// allowsEverything reports whether a condition allows every origin in Envoy: it
// matches the text "*".
func (v *validator) allowsEverything(origin spec.StringMatch) bool {
	switch origin.Kind {
	case spec.MatchExact:
		return origin.Value == "*"
	case spec.MatchPrefix:
		return strings.HasPrefix("*", origin.Value)
	case spec.MatchRegex:
		r, err := v.Regexes.Compile(origin.Value)
		return err == nil && r.MatchString("*")
	}
	return false
}

// exactOrigin warns of an origin that no browser sends, and of "null".
func exactOrigin(s *site, origin string) {
	u, err := url.Parse(origin)
	switch {
	case origin == "null":
		s.warnf("", `"null" is the origin of every sandboxed document and of files: it allows untrusted sites`)
	case err != nil || u.Scheme == "" || u.Host == "":
		s.warnf("", "%q allows nobody: an origin is a scheme and a host, such as https://example.com", origin)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		s.warnSuggestf("", u.Scheme+"://"+u.Host, "%q allows nobody: an origin has no path", origin)
	case strings.ToLower(origin) != origin:
		s.warnSuggestf("", strings.ToLower(origin), "%q allows nobody: browsers send origins in lower case", origin)
	}
}

// prefixOrigin warns of a prefix that does not end after the host.
func prefixOrigin(s *site, prefix string) {
	_, host, found := strings.Cut(prefix, "://")
	switch {
	case !found || host == "":
		s.warnf("", "prefix %q allows every host: any site can have an origin that begins like this", prefix)
	case strings.Contains(host, "/"):
		s.warnf("", "prefix %q allows nobody: an origin has no path", prefix)
	case !strings.Contains(host, ":"):
		s.warnf("", "prefix %q also allows other sites, such as %s.evil.example: use exact, or a prefix that ends with the colon before the port", prefix, prefix)
	}
}
