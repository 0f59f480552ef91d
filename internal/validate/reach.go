package validate

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/yield"
	"github.com/lateengo/gateway/spec"
)

// A reach finds redundant matches: an earlier match matches all of their requests.
// It is the same match, or has a shorter prefix with the same other conditions or
// none. In uncertain cases a reach reports nothing.
type reach struct {
	// conditions numbers the sets of conditions other than the URI. The empty set
	// is noConditions.
	conditions map[string]int32
	// prefixes has, by number, the lengths of the taken prefixes. filter has a bit
	// for the hash of each prefix, which avoids most useless lookups of prefixes of
	// a path.
	prefixes []lengthSet
	filter   []uint64
	takers   map[taken]taker
	// size is the largest number of matches in the maps so far.
	size int
	// foldings reports whether a taken URI ignores letter case.
	foldings bool
	// regexes are the taken regexes under anyConditions.
	regexes []string

	buffer []byte
	found  []taker
}

const (
	noConditions = 0
	// anyConditions is the number of matches with any conditions.
	anyConditions = 1
	firstNumber   = 2
)

// A taken is a set of requests: those that satisfy the conditions and the URI.
type taken struct {
	conditions int32
	uri        uriSet
}

// A uriSet is a URI condition in normal form. If it matches every path, it is the
// prefix "". If it ignores letter case, its text is in lower case.
type uriSet struct {
	kind spec.MatchKind
	fold bool
	text string
}

// A taker is a match of a route; the route is -1 if there is none.
type taker struct{ route, match int }

func uriSetOf(m *spec.Match) uriSet {
	switch {
	case m.URI.Kind == spec.MatchAny, m.URI == spec.Prefix("/"), m.URI == spec.Prefix(""), m.URI == spec.Regex(".*"):
		return uriSet{kind: spec.MatchPrefix}
	case m.IgnoreURICase && m.URI.Kind != spec.MatchRegex:
		return uriSet{m.URI.Kind, true, lowerLetters(m.URI.Value)}
	}
	return uriSet{m.URI.Kind, false, m.URI.Value}
}

// lowerLetters returns s with its ASCII letters in lower case.
func lowerLetters(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func (r *reach) reset(routes []spec.Route) {
	size := 0
	for i := range routes {
		size += max(1, len(routes[i].Match))
	}
	// The cost of clearing a map depends on its largest size.
	if r.takers == nil || r.size > 64 && r.size > 8*size {
		r.takers, r.conditions = make(map[taken]taker, size), make(map[string]int32)
		r.size = size
	}
	r.size = max(r.size, size)
	clear(r.takers)
	clear(r.conditions)
	words := 1 << bits.Len(uint(size/4))
	r.filter = slices.Grow(r.filter[:0], words)[:words]
	clear(r.filter)
	r.prefixes = append(r.prefixes[:0], lengthSet{}, lengthSet{})
	r.foldings, r.regexes = false, r.regexes[:0]
}

// number returns the number of a match's conditions other than the URI.
func (r *reach) number(m *spec.Match) int32 {
	r.buffer = appendConditions(r.buffer[:0], m)
	if len(r.buffer) == 0 {
		return noConditions
	}
	if n, ok := r.conditions[string(r.buffer)]; ok {
		return n
	}
	n := int32(firstNumber + len(r.conditions))
	r.conditions[string(r.buffer)] = n
	r.prefixes = append(r.prefixes, lengthSet{})
	return n
}

// take records that a match takes its requests.
func (r *reach) take(conditions int32, uri uriSet, by taker) {
	switch uri.kind {
	case spec.MatchPrefix:
		r.prefixes[conditions].add(len(uri.text))
		hash := firstHash(conditions, uri.fold)
		for i := range len(uri.text) {
			hash = nextHash(hash, uri.text[i])
		}
		word, bit := r.bit(hash)
		r.filter[word] |= bit
	case spec.MatchRegex:
		if conditions == anyConditions {
			r.regexes = append(r.regexes, uri.text)
		}
	}
	r.foldings = r.foldings || uri.fold
	key := taken{conditions, uri}
	if _, ok := r.takers[key]; !ok {
		r.takers[key] = by
	}
}

// taker returns the first match that takes all requests with the conditions and the
// URI, as far as known.
func (r *reach) taker(conditions int32, uri uriSet) (taker, bool) {
	if by, ok := r.takers[taken{conditions, uri}]; ok {
		return by, true
	}
	if r.prefixes[conditions].has(0) {
		return r.takers[taken{conditions, uriSet{kind: spec.MatchPrefix}}], true
	}
	if uri.kind == spec.MatchRegex {
		return taker{}, false
	}
	if by, ok := r.prefixTaker(conditions, uri.fold, uri.text); ok {
		return by, true
	}
	if !r.foldings || uri.fold {
		return taker{}, false
	}
	folded := uriSet{uri.kind, true, lowerLetters(uri.text)}
	if by, ok := r.takers[taken{conditions, folded}]; ok {
		return by, true
	}
	return r.prefixTaker(conditions, true, folded.text)
}

// prefixTaker returns the first match that takes all paths with a prefix of text,
// as far as known.
func (r *reach) prefixTaker(conditions int32, fold bool, text string) (taker, bool) {
	lengths := &r.prefixes[conditions]
	hash, hashed := firstHash(conditions, fold), 0
	for n := lengths.next(1); n >= 0 && n <= len(text); n = lengths.next(n + 1) {
		for ; hashed < n; hashed++ {
			hash = nextHash(hash, text[hashed])
		}
		if word, bit := r.bit(hash); r.filter[word]&bit == 0 {
			continue
		}
		if by, ok := r.takers[taken{conditions, uriSet{spec.MatchPrefix, fold, text[:n]}}]; ok {
			return by, true
		}
	}
	return taker{}, false
}

// firstHash and nextHash hash a prefix byte by byte (FNV-1a).
func firstHash(conditions int32, fold bool) uint64 {
	hash := nextHash(14695981039346656037, byte(conditions))
	if fold {
		hash = nextHash(hash, 1)
	}
	return hash ^ uint64(conditions)<<32
}

func nextHash(hash uint64, c byte) uint64 { return (hash ^ uint64(c)) * 1099511628211 }

// bit returns the position of a hash in the filter, whose length is a power of two.
func (r *reach) bit(hash uint64) (word int, bit uint64) {
	hash ^= hash >> 32
	return int(hash >> 6 & uint64(len(r.filter)-1)), 1 << (hash & 63)
}

// reachable reports routes and matches of a VirtualService without requests,
// because earlier ones match all of them.
func (v *validator) reachable(s *site, vs *boundService) {
	r := &v.reach
	r.reset(vs.Routes)
	redirects := slices.ContainsFunc(vs.Routes, func(r spec.Route) bool { return r.Redirect != nil })
	everything := []spec.Match{{}}
	for i := range vs.Routes {
		yield.Each(i)
		route := &vs.Routes[i]
		matches := route.Match
		if len(matches) == 0 {
			matches = everything
		}
		if v.findings.HasGaps() && v.unreadableMatch(s, vs, i) {
			continue
		}
		if route.Redirect != nil {
			v.redirectLoop(s, vs, i, matches)
		}
		r.found = r.found[:0]
		covered := 0
		for j := range matches {
			conditions, uri := r.number(&matches[j]), uriSetOf(&matches[j])
			by, ok := r.taker(conditions, uri)
			if !ok && conditions != noConditions {
				by, ok = r.taker(noConditions, uri)
			}
			switch {
			case ok:
				covered++
			case route.Delegate != nil:
				// Requests that the delegate's routes do not match continue here.
				by.route = -1
			default:
				r.take(conditions, uri, taker{i, j})
				by.route = -1
			}
			if redirects {
				r.take(anyConditions, uri, taker{i, j})
			}
			r.found = append(r.found, by)
		}
		if covered > 0 {
			at := v.routeSite(s, vs, i)
			r.report(&at, vs, i, covered)
		}
	}
}

// unreadableMatch reports whether the Source could not read the conditions of a
// route.
func (v *validator) unreadableMatch(s *site, vs *boundService, route int) bool {
	at := v.routeSite(s, vs, route)
	match := at.field("match")
	return match.incomplete()
}

// report reports the redundant matches of a route.
func (r *reach) report(at *site, vs *boundService, route, covered int) {
	if covered == len(r.found) {
		at.warnf(codeUnreachable, "is never reached: earlier routes match all of its requests: %s", r.routesFound(vs))
		return
	}
	for j, by := range r.found {
		if by.route < 0 {
			continue
		}
		e := at.element("match", j)
		if by.route == route {
			e.warnf(codeIneffective, "has no effect: match[%d] matches all of its requests", by.match)
		} else {
			e.warnf(codeIneffective, "has no effect: %s already matches all of its requests", routeName(vs, by.route))
		}
	}
}

// routesFound returns the names of the routes that take the requests.
func (r *reach) routesFound(vs *boundService) string {
	var names []string
	for _, by := range r.found {
		if name := routeName(vs, by.route); !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) == 4 {
			names[3] = "others"
			break
		}
	}
	return strings.Join(names, " and ")
}

// routeName returns the name of a VirtualService's route for a finding.
func routeName(vs *boundService, i int) string {
	if name := vs.Routes[i].Name; name != "" {
		return fmt.Sprintf("http[%d] %q", i, name)
	}
	return fmt.Sprintf("http[%d]", i)
}

// redirectLoop reports a redirect to a path that the same route matches, unless an
// earlier route might match it.
func (v *validator) redirectLoop(s *site, vs *boundService, i int, matches []spec.Match) {
	d := vs.Routes[i].Redirect
	if d.Authority != "" || d.Scheme != "" || d.Port != 0 || d.DerivePort != spec.PortDerivationNone {
		return
	}
	field, location := "redirect.uri", d.URI
	if d.URI == "" {
		field, location = "redirect.prefixRewrite", d.PrefixRewrite
	}
	path, _, _ := strings.Cut(location, "?")
	if path == "" {
		return
	}
	if path[0] != '/' {
		path = "/" + path
	}
	if v.mayBeTaken(path) {
		return
	}
	for j := range matches {
		m := &matches[j]
		if len(appendConditions(v.reach.buffer[:0], m)) > 0 || d.URI == "" && m.URI.Kind == spec.MatchExact {
			continue
		}
		if v.takes(uriSetOf(m), path) {
			at := v.routeSite(s, vs, i)
			e := at.field(field)
			e.warnf("", "redirects to itself: the route matches %s again", quoted(path))
			return
		}
	}
}

// mayBeTaken reports whether an earlier match might match a path.
func (v *validator) mayBeTaken(path string) bool {
	if _, ok := v.reach.taker(anyConditions, uriSet{kind: spec.MatchExact, text: path}); ok {
		return true
	}
	return slices.ContainsFunc(v.reach.regexes, func(expression string) bool {
		return v.takes(uriSet{kind: spec.MatchRegex, text: expression}, path)
	})
}

func (v *validator) takes(uri uriSet, path string) bool {
	if uri.fold {
		path = lowerLetters(path)
	}
	switch uri.kind {
	case spec.MatchExact:
		return path == uri.text
	case spec.MatchPrefix:
		return strings.HasPrefix(path, uri.text)
	}
	re, err := v.Regexes.Compile(uri.text)
	return err == nil && re.MatchString(path)
}

// appendConditions appends the canonical form of a match's conditions other than
// the URI. It appends nothing if there are none.
func appendConditions(b []byte, m *spec.Match) []byte {
	b = appendCondition(b, 'm', "", m.Method)
	b = appendCondition(b, 's', "", m.Scheme)
	b = appendCondition(b, 'a', "", m.Authority)
	b = appendConditionMap(b, 'h', m.Headers, true)
	b = appendConditionMap(b, 'w', m.WithoutHeaders, true)
	b = appendConditionMap(b, 'q', m.QueryParams, false)
	if m.Port != 0 {
		b = binary.AppendVarint(append(b, 'p'), int64(m.Port))
	}
	for _, gateway := range m.Gateways {
		b = appendText(append(b, 'g'), gateway)
	}
	if len(m.SourceLabels) > 0 {
		for _, key := range slices.Sorted(maps.Keys(m.SourceLabels)) {
			b = appendText(appendText(append(b, 'l'), key), m.SourceLabels[key])
		}
	}
	if m.SourceNamespace != "" {
		b = appendText(append(b, 'n'), m.SourceNamespace)
	}
	return b
}

func appendConditionMap(b []byte, mark byte, conditions map[string]spec.StringMatch, fold bool) []byte {
	var few [8]string
	for _, name := range orderedKeys(few[:0], conditions) {
		m := conditions[name]
		if fold {
			name = lowerLetters(name)
		}
		b = append(b, mark)
		b = appendText(b, name)
		b = append(b, byte(m.Kind))
		b = appendText(b, m.Value)
	}
	return b
}

func appendCondition(b []byte, mark byte, name string, m spec.StringMatch) []byte {
	if m.Kind == spec.MatchAny {
		return b
	}
	return appendText(append(appendText(append(b, mark), name), byte(m.Kind)), m.Value)
}

// appendText appends s and separates it clearly from the text that follows.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A lengthSet is a set of lengths.
type lengthSet struct {
	short uint64
	long  []int
}

func (l *lengthSet) add(n int) {
	if n < 64 {
		l.short |= 1 << n
	} else if i, found := slices.BinarySearch(l.long, n); !found {
		l.long = slices.Insert(l.long, i, n)
	}
}

func (l *lengthSet) has(n int) bool { return l.next(n) == n }

// next returns the smallest length that is at least n, or -1.
func (l *lengthSet) next(n int) int {
	if n < 64 {
		if rest := l.short >> n; rest != 0 {
			return n + bits.TrailingZeros64(rest)
		}
	}
	if i, _ := slices.BinarySearch(l.long, n); i < len(l.long) {
		return l.long[i]
	}
	return -1
}
