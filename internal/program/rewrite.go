package program

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// Rewritten returns a copy of r with another path, and with the rewrite's
// authority.
func (p *Rewrite) Rewritten(r *http.Request, ctx context.Context, path string) *http.Request {
	out := r.Clone(ctx)
	setTarget(out, path)
	if p.authority != "" {
		out.Host = p.authority
	}
	return out
}

// A Rewrite is a compiled spec.Rewrite. The zero value and nil change nothing.
type Rewrite struct {
	uri string
	// join makes the prefix and the rest meet at one slash.
	join      bool
	Regex     *regexProgram
	authority string
}

// A regexProgram is a compiled spec.RegexRewrite.
type regexProgram struct {
	*regexp.Regexp
	// template is the replacement in the syntax of package regexp, and text is
	// the declared one.
	template, text string
	// void means that the replacement names a group that the expression does
	// not have: RE2 then leaves the text unchanged.
	void bool
}

func NewRewrite(rw *spec.Rewrite, s semantics.Mode) *Rewrite {
	if rw == nil {
		return nil
	}
	p := &Rewrite{uri: rw.URI, authority: rw.Authority, join: s.JoinsAtOneSlash()}
	if rw.URIRegex != nil {
		re, err := regexp.Compile(rw.URIRegex.Match)
		template, ok := regexTemplate(rw.URIRegex.Rewrite)
		if err == nil && ok {
			p.Regex = &regexProgram{re, template, rw.URIRegex.Rewrite, HighestGroup(rw.URIRegex.Rewrite) > re.NumSubexp()}
		}
	}
	return p
}

// changesPath reports whether the path is rewritten.
func (p *Rewrite) changesPath() bool {
	return p != nil && (p.uri != "" || p.Regex != nil)
}

// Path returns the rewritten path of a request that matches u.
func (p *Rewrite) Path(path string, u *match.URI) string {
	switch {
	case p.Regex != nil && p.Regex.void:
		return path
	case p.Regex != nil:
		return p.Regex.ReplaceAllString(path, p.Regex.template)
	case p.uri == "":
		return path
	case p.join && u.Kind == spec.MatchPrefix:
		return joinPrefix(p.uri, path, u.MatchedLength(path))
	}
	return p.uri + path[u.MatchedLength(path):]
}

// joinPrefix replaces the first n bytes of path. If they end at a segment's
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

// HighestGroup returns the highest group that a replacement names.
func HighestGroup(rewrite string) int {
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

// regexTemplate translates a replacement from RE2's syntax to that of package
// regexp. ok is false if a backslash precedes anything except a digit or a
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
