package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// redirectCodes are the possible statuses of a redirect.
var redirectCodes = []int{301, 302, 303, 307, 308}

func (v *validator) redirect(s *site, r *spec.Route) {
	d := r.Redirect
	if d.URI == "" && d.PrefixRewrite == "" && d.Authority == "" && d.Scheme == "" && d.Port == 0 && d.DerivePort == spec.PortDerivationNone {
		e := s.field("redirect")
		e.errorf(spec.CodeMissing, "the redirect changes nothing: one of uri, prefixRewrite, authority, scheme and port is expected")
	}
	if d.PrefixRewrite != "" {
		e := s.field("redirect.prefixRewrite")
		if d.URI != "" {
			e.errorf(spec.CodeConflict, "uri and prefixRewrite cannot be combined")
		}
		for i := range r.Match {
			if kind := r.Match[i].URI.Kind; kind != spec.MatchPrefix && kind != spec.MatchAny {
				e.errorf(spec.CodeInvalid, "there is no prefix to replace: match[%d] is %s", i, describe(r.Match[i].URI))
				break
			}
		}
		v.joints(&e, r, d.PrefixRewrite)
	}
	if d.Scheme != "" && d.Scheme != "http" && d.Scheme != "https" {
		e := s.field("redirect.scheme")
		e.suggestf(spec.CodeInvalid, suggest.Closest(d.Scheme, []string{"http", "https"}), `%q is not a scheme to redirect to, "http" or "https" is expected`, d.Scheme)
	}
	if d.Port != 0 && resource.PortProblem(d.Port) != "" {
		e := s.field("redirect.port")
		e.errorf(spec.CodeInvalid, "%s", resource.PortProblem(d.Port))
	}
	switch {
	case d.DerivePort > spec.PortDerivationRequestPort:
		e := s.field("redirect.derivePort")
		e.errorf(spec.CodeInvalid, "%d is not a way to derive a port", d.DerivePort)
	case d.DerivePort != spec.PortDerivationNone && d.Port != 0:
		e := s.field("redirect.derivePort")
		e.errorf(spec.CodeConflict, "port and derivePort cannot be combined")
	}
	if d.Port != 0 && withoutPort(d.Authority) != "" {
		e := s.field("redirect.authority")
		e.warnf("", "%q already has a port, and the answer adds port %d to it", d.Authority, d.Port)
	}
	switch code := s.field("redirect.redirectCode"); {
	case d.Code == 0 || slices.Contains(redirectCodes, d.Code):
	case d.Code < 300 || d.Code > 399:
		code.errorf(spec.CodeInvalid, "%d is not the code of a redirect: 301, 302, 303, 307 or 308 is expected", d.Code)
	default:
		code.errorf(spec.CodeUnsupported, "%d is not the code of a redirect that Envoy can send: 301, 302, 303, 307 or 308 is expected", d.Code)
	}
}

// Limits for the body of a direct response: Istio's webhook warns above the first
// and refuses above the second.
const (
	largeBody = 100 << 10
	maxBody   = 1 << 20
)

func (v *validator) directResponse(s *site, d *spec.DirectResponse) {
	if d.Status < 200 || d.Status > 599 {
		e := s.field("directResponse.status")
		e.errorf(spec.CodeInvalid, "%d is not a valid status, 200 to 599 is expected", d.Status)
	}
	e := s.field("directResponse.body")
	switch n := len(d.Body); {
	case n > maxBody:
		e.errorf(spec.CodeInvalid, "the body has %d bytes, at most %d are allowed", n, maxBody)
	case n > largeBody:
		e.warnf(codeSchema, "the body has %d bytes: more than %d make every copy of the configuration large", n, largeBody)
	}
}

func (v *validator) rewrite(s *site, r *spec.Route) {
	w := r.Rewrite
	switch {
	case w.URI == "" && w.URIRegex == nil && w.Authority == "":
		e := s.field("rewrite")
		e.errorf(spec.CodeMissing, "the rewrite changes nothing: one of uri, uriRegexRewrite and authority is expected")
	case w.URI != "" && w.URIRegex != nil:
		e := s.field("rewrite")
		e.errorf(spec.CodeConflict, "uri and uriRegexRewrite cannot be combined")
	}
	if w.URIRegex != nil {
		v.regexRewrite(s, w.URIRegex)
	}
	if i := strings.IndexFunc(w.Authority, notInHost); i >= 0 {
		e := s.field("rewrite.authority")
		e.errorf(spec.CodeInvalid, "%s is not a Host header: %q cannot be in one", quoted(w.Authority), w.Authority[i])
	}
	if w.URI == "" {
		return
	}
	e := s.field("rewrite.uri")
	switch {
	case strings.IndexFunc(w.URI, notInTarget) >= 0:
		e.errorf(spec.CodeInvalid, "%s cannot be sent: a path has no spaces and control characters", quoted(w.URI))
	case !strings.HasPrefix(w.URI, "/"):
		e.warnf("", "%s does not begin with /, so the path to the destination does not either", quoted(w.URI))
	default:
		v.joints(&e, r, w.URI)
	}
}

func notInHost(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' || r == '?' || r == '#' }

func notInTarget(r rune) bool { return r <= ' ' || r == 0x7f }

// joints warns if a rewritten prefix and the rest of the path meet with no slash or
// with two, because the two semantics then differ. It warns for one match only.
func (v *validator) joints(s *site, r *spec.Route, rewrite string) {
	for i := range max(1, len(r.Match)) {
		prefix := "/"
		if len(r.Match) > 0 {
			switch uri := r.Match[i].URI; uri.Kind {
			case spec.MatchAny:
			case spec.MatchPrefix:
				prefix = uri.Value
			default:
				continue
			}
		}
		if strings.HasSuffix(prefix, "/") == strings.HasSuffix(rewrite, "/") {
			continue
		}
		rest := "/1"
		if strings.HasSuffix(prefix, "/") {
			rest = "1"
		}
		envoy, native := rewrite+rest, strings.TrimSuffix(rewrite, "/")+"/1"
		now, other := fmt.Sprintf("%s%s becomes %s", prefix, rest, native), "Envoy semantics make it "+envoy
		if !v.Semantics.JoinsAtOneSlash() {
			now, other = fmt.Sprintf("%s%s becomes %s", prefix, rest, envoy), "Native semantics make it "+native
		}
		s.warnf("", "semantics differ: with prefix %q %s, %s", prefix, now, other)
		return
	}
}

func (v *validator) regexRewrite(s *site, w *spec.RegexRewrite) {
	expression, replacement := s.field("rewrite.uriRegexRewrite.match"), s.field("rewrite.uriRegexRewrite.rewrite")
	if w.Rewrite == "" {
		replacement.errorf(spec.CodeMissing, "the replacement is missing")
	} else if len(w.Rewrite) > regex.MaxLength {
		replacement.errorf(spec.CodeInvalid, "the replacement has %d bytes, at most %d are allowed", len(w.Rewrite), regex.MaxLength)
	}
	re, err := v.Regexes.CompilePart(w.Match)
	if err != nil {
		expression.errorf(spec.CodeInvalid, "%s %v", quoted(w.Match), err)
		return
	}
	missing := byte(0)
	for i := 0; i < len(w.Rewrite); i++ {
		if w.Rewrite[i] != '\\' {
			continue
		}
		i++
		switch {
		case i < len(w.Rewrite) && w.Rewrite[i] == '\\':
		case i == len(w.Rewrite) || w.Rewrite[i] < '0' || w.Rewrite[i] > '9':
			replacement.errorf(spec.CodeInvalid, `%s has a stray \: \0 to \9 are the groups, and \\ is a backslash`, quoted(w.Rewrite))
			return
		case int(w.Rewrite[i]-'0') > re.NumSubexp() && missing == 0:
			missing = w.Rewrite[i]
		}
	}
	if missing != 0 {
		replacement.warnf("", `there is no group \%c in %s, which has %d: the path stays as it is`, missing, quoted(w.Match), re.NumSubexp())
	}
}
