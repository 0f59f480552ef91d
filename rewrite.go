package gateway

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Rewrite returns a middleware that rewrites, on a copy, the requests whose
// path matched holds for; other requests pass unchanged. What a rewrite
// replaces is what matched says: see Rewrite.URI. The zero StringMatch is the
// prefix "/", the zero Rewrite changes nothing. The error joins an *Error for
// each problem.
//
// Behind it a chi router, a ServeMux and any other handler route by the
// rewritten path; within a mounted chi router both paths are relative to the
// mount. RawPath and escapes such as %2F stay as they came.
func Rewrite(rw spec.Rewrite, matched spec.StringMatch) (func(http.Handler) http.Handler, error) {
	m := spec.Match{URI: matched}
	r := spec.Route{Match: []spec.Match{m}, Rewrite: &rw, Origin: caller("Middleware", "", "")}
	if rw == (spec.Rewrite{}) {
		r.Rewrite = nil
	}
	if err := checkRoute(&r); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return aloneRewrite(&rw, &m, next) }, nil
}

// rewritten returns a copy of r with another path, and the rewrite's authority.
func (p *rewriteProgram) rewritten(r *http.Request, ctx context.Context, path string) *http.Request {
	out := r.Clone(ctx)
	setTarget(out, path)
	if p.authority != "" {
		out.Host = p.authority
	}
	return out
}

// A rewriteProgram is a Rewrite, compiled. The zero value, and nil, change
// nothing.
type rewriteProgram struct {
	uri string
	// join makes a prefix and the rest meet at one slash.
	join      bool
	regex     *regexProgram
	authority string
}

// A regexProgram is a RegexRewrite, compiled.
type regexProgram struct {
	*regexp.Regexp
	// template is the replacement in the syntax of package regexp, text the one
	// that was declared.
	template, text string
	// void says that the replacement names a group that the expression has not:
	// RE2 leaves the text as it is then.
	void bool
}

func compileRewrite(rw *spec.Rewrite, s semanticsMode) *rewriteProgram {
	if rw == nil {
		return nil
	}
	p := &rewriteProgram{uri: rw.URI, authority: rw.Authority, join: s.joinsAtOneSlash()}
	if rw.URIRegex != nil {
		re, err := regexp.Compile(rw.URIRegex.Match)
		template, ok := regexTemplate(rw.URIRegex.Rewrite)
		if err == nil && ok {
			p.regex = &regexProgram{re, template, rw.URIRegex.Rewrite, highestGroup(rw.URIRegex.Rewrite) > re.NumSubexp()}
		}
	}
	return p
}

// changesPath reports whether the path is rewritten.
func (p *rewriteProgram) changesPath() bool {
	return p != nil && (p.uri != "" || p.regex != nil)
}

// path returns the rewritten path of a request that u holds for.
func (p *rewriteProgram) path(path string, u *uriCondition) string {
	switch {
	case p.regex != nil && p.regex.void:
		return path
	case p.regex != nil:
		return p.regex.ReplaceAllString(path, p.regex.template)
	case p.uri == "":
		return path
	case p.join && u.kind == spec.MatchPrefix:
		return joinPrefix(p.uri, path, u.matchedLength(path))
	}
	return p.uri + path[u.matchedLength(path):]
}

// joinPrefix replaces the first n bytes of path. Where they end at a segment's
// end, prefix and rest meet at exactly one slash.
func joinPrefix(prefix, path string, n int) string {
	rest := path[n:]
	if !strings.HasPrefix(rest, "/") && (n == 0 || path[n-1] != '/') {
		return prefix + rest
	}
	prefix, rest = strings.TrimRight(prefix, "/"), strings.TrimLeft(rest, "/")
	if at := len(path) - len(rest) - 1; prefix == "" && at >= 0 && path[at] == '/' {
		return path[at:]
	}
	return prefix + "/" + rest
}

// highestGroup returns the highest group that a replacement names.
func highestGroup(rewrite string) int {
	highest := 0
	for i := 0; i+1 < len(rewrite); i++ {
		if rewrite[i] == '\\' {
			i++
			if c := rewrite[i]; '0' <= c && c <= '9' {
				highest = max(highest, int(c-'0'))
			}
		}
	}
	return highest
}

// regexTemplate translates a replacement from RE2's syntax into that of package
// regexp. ok is false if a backslash stands before anything but a digit or a
// backslash.
func regexTemplate(rewrite string) (template string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(rewrite); i++ {
		switch c := rewrite[i]; c {
		case '$':
			b.WriteString("$$")
		case '\\':
			i++
			switch {
			case i < len(rewrite) && rewrite[i] == '\\':
				b.WriteByte('\\')
			case i < len(rewrite) && '0' <= rewrite[i] && rewrite[i] <= '9':
				b.WriteString("${" + rewrite[i:i+1] + "}")
			default:
				return "", false
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
