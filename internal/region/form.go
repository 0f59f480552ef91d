package region

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/escape"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A form is the texts that the value of a dimension can be. A search for a value goes
// through the states of the form, which may lead to a few other texts too: admits decides.
type form struct {
	// required means that the value is always present, and present that it can be.
	required, present bool
	// admits reports whether a text can be the value.
	admits func(text string) bool
	// natural are values that a person would write, the preferred one first. closed
	// means that there are no others.
	natural []string
	closed  bool
	// join is what a person would write between a prefix and more text.
	join string
	// allowed reports whether a rune can occur, and cuts are the runes where that, or
	// step, changes.
	allowed func(r rune) bool
	cuts    []rune
	// escapes are the cuts that count too if a bound tells % from other runes.
	escapes []rune
	// step returns the state after a rune, or dead. The first state is 0.
	step func(state int32, r rune) int32
	// ends reports whether a text may end in a state.
	ends func(state int32) bool
	// preferred are runes that a person would write, the preferred one first.
	preferred string
	// language are bounds that every value is within. It may be nil: step, ends and
	// admits do not say all that a search must know about an authority.
	language func() []bound
}

// dead is the state from which no text is a value.
const dead = -1

// anyStep is the step of a form that is any runes.
func anyStep(int32, rune) int32 { return 0 }

func anyEnd(int32) bool { return true }

// cutsOf returns the runes below limit at which a property changes.
func cutsOf(allowed func(rune) bool, limit rune) []rune {
	out := []rune{0}
	for r := rune(1); r <= limit; r++ {
		if allowed(r) != allowed(r-1) {
			out = append(out, r)
		}
	}
	return out
}

const (
	lowerFirst = "1a0bcdefghijklmnopqrstuvwxyz23456789ABCDEFGHIJKLMNOPQRSTUVWXYZ/-_.~"
	nameFirst  = "a1bcdefghijklmnopqrstuvwxyz023456789-."
	upperFirst = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789abcdefghijklmnopqrstuvwxyz"
)

// The states of a path.
const (
	pathBegins int32 = iota
	pathSegment
	// pathSlash is behind a slash; pathDot and pathDots are a segment of dots so far.
	pathSlash
	pathDot
	pathDots
	pathQuery
	// pathEscape is behind a %, and the 16 states after it are behind a % and a digit.
	pathEscape
)

// pathEscapes are the runes that can be a part of an escape.
var pathEscapes = func() []rune {
	out := []rune{'%', '%' + 1}
	for _, r := range "0123456789abcdefABCDEF" {
		out = append(out, r, r+1)
	}
	return out
}()

var pathForms = sync.OnceValue(func() (forms [4]form) {
	for n := range forms {
		forms[n] = newPathForm(spec.PathNormalization(n))
	}
	return forms
})

// pathForm returns the form of normalized paths.
func pathForm(n spec.PathNormalization) form { return pathForms()[n%4] }

func newPathForm(n spec.PathNormalization) form {
	f := form{required: true, present: true, natural: []string{"/", "/1"}, join: "/", preferred: lowerFirst}
	f.admits = func(text string) bool {
		if text == "" || text[0] != '/' {
			return false
		}
		for i := range len(text) {
			if text[i] <= ' ' || text[i] == 0x7f || text[i] == '?' {
				return false
			}
		}
		normal, ok := match.Normalize(n, text)
		return ok && normal == text
	}
	bytes := [utf8.RuneSelf]bool{}
	for c := range bytes {
		// An escape needs its two digits.
		bytes[c] = c == '%' || f.admits("/a"+string(rune(c)))
	}
	f.allowed = func(r rune) bool {
		if r >= utf8.RuneSelf {
			return n == spec.NormalizeNone
		}
		return r >= 0 && bytes[r]
	}
	f.cuts = append(cutsOf(f.allowed, utf8.RuneSelf), '.', '.'+1, '/', '/'+1)
	if n != spec.NormalizeNone {
		f.escapes = pathEscapes
	}
	var kept [256]bool // escapes that are normal
	for c := range kept {
		kept[c] = f.admits(fmt.Sprintf("/a%%%02X", c))
	}
	merges := n == spec.NormalizeMergeSlashes || n == spec.NormalizeDecodeAndMergeSlashes
	f.step = func(state int32, r rune) int32 {
		switch {
		case state == pathBegins && r != '/':
			return dead
		case n == spec.NormalizeNone:
			return pathSegment
		case r == '%':
			return pathEscape
		}
		if digit, ok := hexDigit(r); ok && state == pathEscape {
			return pathEscape + 1 + digit
		} else if ok && state > pathEscape {
			if !kept[(state-pathEscape-1)<<4|digit] {
				return dead
			}
			return pathSegment
		}
		switch {
		case r == '/':
			if state == pathDot || state == pathDots || state == pathSlash && merges {
				return dead
			}
			return pathSlash
		case r == '.' && state == pathSlash:
			return pathDot
		case r == '.' && state == pathDot:
			return pathDots
		}
		return pathSegment
	}
	f.ends = func(state int32) bool { return state == pathSegment || state == pathSlash || state >= pathEscape }
	return f
}

func hexDigit(r rune) (int32, bool) {
	if r < 0 || r >= utf8.RuneSelf {
		return 0, false
	}
	digit, ok := escape.HexDigit(byte(r))
	return int32(digit), ok
}

// targetForm returns the form of a path with its query.
func targetForm(n spec.PathNormalization) form {
	f := pathForm(n)
	path := f
	f.admits = func(text string) bool {
		p, query, found := strings.Cut(text, "?")
		return path.admits(p) && (!found || isQuery(query))
	}
	f.allowed = func(r rune) bool { return r == '?' || path.allowed(r) || queryRune(r) }
	f.cuts = append(cutsOf(f.allowed, utf8.RuneSelf), append(cutsOf(path.allowed, utf8.RuneSelf), '.', '.'+1, '/', '/'+1, '?', '?'+1)...)
	f.step = func(state int32, r rune) int32 {
		switch {
		case state == pathQuery:
			return pathQuery
		case r == '?' && path.ends(state):
			return pathQuery
		case !path.allowed(r):
			return dead
		}
		return path.step(state, r)
	}
	f.ends = func(state int32) bool { return state == pathQuery || path.ends(state) }
	return f
}

// queryRune reports whether a rune can be in a query.
func queryRune(r rune) bool { return r > ' ' && r != 0x7f && r != '#' }

func isQuery(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !queryRune(r) })
}

func newQueryForm() form {
	f := form{
		present: true, natural: []string{"1", "", "true"}, preferred: lowerFirst, step: anyStep, ends: anyEnd,
		admits:  func(text string) bool { return isQuery(text) && !strings.Contains(text, "&") },
		allowed: func(r rune) bool { return r != '&' && queryRune(r) },
	}
	f.cuts = append(cutsOf(f.allowed, utf8.RuneSelf), utf8.RuneSelf)
	return f
}

var (
	queryForms  = sync.OnceValue(newQueryForm)
	headerForms = sync.OnceValue(newHeaderForm)
	methodForm  = sync.OnceValue(newMethodForm)
)

// queryForm returns the form of a query parameter.
func queryForm(name string) form {
	f := queryForms()
	f.present = isQuery(name) && !strings.ContainsAny(name, "&=")
	return f
}

// parameterForm returns the form of a query parameter that is compared decoded: any text.
func parameterForm() form {
	return form{
		present: true, natural: []string{"1", "", "true"}, preferred: lowerFirst, step: anyStep, ends: anyEnd,
		admits:  func(string) bool { return true },
		allowed: func(r rune) bool { return r >= 0 }, cuts: []rune{0, utf8.RuneSelf},
	}
}

// The states of a header's value.
const (
	headerBegins int32 = iota
	headerText
	headerSpace
)

func isSpace(r rune) bool { return r == ' ' || r == '\t' }

func newHeaderForm() form {
	f := form{
		present: true, natural: []string{"1", "true", ""}, preferred: lowerFirst,
		admits: func(text string) bool {
			return strings.Trim(text, " \t") == text && !strings.ContainsFunc(text, func(r rune) bool { return r < 0x80 && field.IsControl(byte(r)) })
		},
		allowed: func(r rune) bool { return r >= 0x80 || r >= 0 && !field.IsControl(byte(r)) },
		step: func(state int32, r rune) int32 {
			switch {
			case !isSpace(r):
				return headerText
			case state == headerBegins:
				return dead
			}
			return headerSpace
		},
		ends: func(state int32) bool { return state != headerSpace },
	}
	f.cuts = append(cutsOf(f.allowed, utf8.RuneSelf), ' ', ' '+1, '\t', '\t'+1, utf8.RuneSelf)
	return f
}

// headerForm returns the form of a header.
func headerForm(name string) form {
	f := headerForms()
	f.present = field.IsName(name)
	return f
}

func newMethodForm() form {
	return form{
		required: true, present: true, preferred: upperFirst, admits: isToken, step: anyStep,
		natural: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions},
		allowed: tokenByte, ends: anyEnd, cuts: cutsOf(tokenByte, utf8.RuneSelf),
	}
}

func tokenByte(r rune) bool { return r >= 0 && r < 0x80 && field.IsName(string(r)) }

// schemeForm returns the form of the scheme, which is one of a few.
func schemeForm(schemes []string) form {
	return form{required: true, present: true, natural: schemes, closed: true, admits: func(text string) bool { return slices.Contains(schemes, text) }}
}

func authorityRune(r rune) bool {
	return r == ':' || r == '[' || r == ']' || r > ' ' && r < 0x7f && hosts.Valid(string(r))
}

var authorityCuts = sync.OnceValue(func() []rune { return cutsOf(authorityRune, utf8.RuneSelf) })

// authorityForm returns the form of the authority in a space.
func authorityForm(s *Space) form {
	f := form{required: true, present: true, preferred: nameFirst, step: anyStep, ends: anyEnd, allowed: authorityRune, cuts: authorityCuts()}
	valid := hosts.Valid
	if s.edge().Semantics.ReadsPorts() {
		valid = doubt.IsAuthority
	}
	if s.Strict {
		valid = doubt.IsDNSAuthority
	}
	f.language = func() []bound { return authorityBounds(s) }
	f.admits = func(text string) bool {
		if _, dotted := hosts.WithoutFinalDot(text); dotted && s.edge().Semantics.DropsFinalDot() {
			return false // no condition sees the dot
		}
		return valid(text) && !slices.ContainsFunc(s.Hosts, func(h Host) bool { return !h.admits(text) })
	}
	for _, name := range naturalHosts(s) {
		if s.Port != 0 && s.Port != 80 && s.Port != 443 {
			f.natural = append(f.natural, name+":"+strconv.Itoa(s.Port))
		}
		f.natural = append(f.natural, name)
	}
	return f
}

// naturalHosts returns names that a person would write for the domains of a space.
func naturalHosts(s *Space) []string {
	longest := "*"
	for i := range s.Hosts {
		if d := s.Hosts[i].Domain; len(d) > len(longest) || longest == "*" {
			longest = d
		}
	}
	suffix, wildcard := strings.CutPrefix(longest, "*")
	switch {
	case !wildcard:
		return []string{longest}
	case suffix == "":
		return []string{"example.com", "www.example.com", "other.test"}
	case suffix[0] == '.':
		return []string{"www" + suffix, "a" + suffix, "other" + suffix}
	}
	return []string{"a" + suffix, "www" + suffix, "other" + suffix}
}

// authorityBounds returns what the domains of a space require of the authority, and that it
// is a name or an address in brackets, perhaps with a port.
func authorityBounds(s *Space) []bound {
	if s.authorities != nil {
		return s.authorities
	}
	names := []string{`(?:\[[^\[\]]*\]|[^:\[\]]*)`}
	for i := range s.Hosts {
		d := s.Hosts[i].Domain
		suffix, wildcard := strings.CutPrefix(d, "*")
		switch {
		case !wildcard:
			names = append(names, `(?i:`+regexp.QuoteMeta(d)+`)`)
		case suffix != "":
			names = append(names, `(?i:[^:\[\]]+`+regexp.QuoteMeta(suffix)+`)`)
		}
	}
	if len(names) > 1 {
		names = names[1:]
	}
	var out []bound
	for _, name := range names {
		if re, err := regexp.Compile(`\A` + name + `(?::[^:\[\]]*)?\z`); err == nil {
			out = append(out, bound{comparison: comparison{kind: spec.MatchRegex, text: name, regex: re}, want: true})
		}
	}
	s.authorities = slices.Clip(out)
	return s.authorities
}
