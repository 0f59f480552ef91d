package region

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lateengo/gateway/spec"
)

// text finds a text of a form within all bounds.
func (s *Solver) text(f *form, bounds []bound) (string, Verdict) {
	has := func(text string) bool {
		return f.admits(text) && !slices.ContainsFunc(bounds, func(b bound) bool { return b.compares(text) != b.want })
	}
	prefix := ""
	for i := range bounds {
		b := &bounds[i]
		if b.kind == spec.MatchAny && !b.want {
			return "", None
		}
		if !b.want || b.fold {
			continue
		}
		beginning := ""
		switch b.kind {
		case spec.MatchExact:
			if has(b.text) {
				return b.text, Found
			}
			return "", None
		case spec.MatchPrefix:
			beginning = b.text
		case spec.MatchRegex:
			beginning = literalBeginning(b.regex.String())
		}
		switch {
		case strings.HasPrefix(beginning, prefix):
			prefix = beginning
		case !strings.HasPrefix(prefix, beginning):
			return "", None
		}
	}
	for _, text := range f.naturalBehind(prefix) {
		if has(text) {
			return text, Found
		}
	}
	for i := range bounds {
		if b := &bounds[i]; b.want && b.fold && has(b.text) {
			return b.text, Found
		}
	}
	if f.closed {
		return "", None
	}
	t := textSearch{form: f, has: has, doubtful: !isPlainText(prefix)}
	if f.language != nil {
		bounds = slices.Concat(bounds, f.language())
	}
	t.automata(s, bounds)
	return t.run(prefix)
}

// naturalBehind returns texts with a prefix that a person would write.
func (f *form) naturalBehind(prefix string) []string {
	if prefix == "" {
		return f.natural
	}
	if f.closed {
		return slices.DeleteFunc(slices.Clone(f.natural), func(text string) bool { return !strings.HasPrefix(text, prefix) })
	}
	out := make([]string, 0, 3+len(f.natural))
	for _, text := range f.natural {
		if len(text) > 1 && strings.HasPrefix(text, prefix) {
			out = append(out, text)
		}
	}
	out = append(out, prefix)
	if f.join != "" && !strings.HasSuffix(prefix, f.join) {
		out = append(out, prefix+f.join+"1")
	}
	return append(out, prefix+"1")
}

// A textSearch goes through texts, the shortest first, until one is within all bounds.
type textSearch struct {
	form       *form
	components []component
	has        func(string) bool
	// doubtful means that a text that is not within the bounds was thought to be, so
	// that finding none proves nothing.
	doubtful bool
	runes    []rune
	states   []int32 // of all visited states: that of the form, and one for each component
	trail    []visited
	numbers  map[string]struct{}
	key      []byte
}

// A component is an automaton and whether it must accept.
type component struct {
	automaton
	want bool
}

// visited is how a state was reached.
type visited struct {
	from int32
	by   rune
}

// automata makes the automata of bounds.
func (t *textSearch) automata(s *Solver, bounds []bound) {
	var excluded [2]*trie
	for i := range bounds {
		b := &bounds[i]
		switch {
		case b.kind == spec.MatchAny:
		case b.kind == spec.MatchRegex:
			e := s.automatonOf(b.regex)
			if e == nil {
				t.doubtful = true
				continue
			}
			t.components = append(t.components, component{e, b.want})
		case !isPlainText(b.text):
			t.doubtful = true
		case b.want:
			one := newTrie(b.fold)
			one.add(&b.comparison)
			t.components = append(t.components, component{one, true})
		default:
			kind := 0
			if b.fold {
				kind = 1
			}
			if excluded[kind] == nil {
				excluded[kind] = newTrie(b.fold)
				t.components = append(t.components, component{excluded[kind], false})
			}
			excluded[kind].add(&b.comparison)
		}
	}
}

// alphabet sets the runes that stand for all others, the preferred ones first.
func (t *textSearch) alphabet(prefix string) {
	var cuts []rune
	for _, c := range t.components {
		cuts = c.cuts(cuts)
	}
	// If no bound tells it from its neighbors, a neighbor does as well as a %.
	if slices.Contains(cuts, '%') || slices.Contains(cuts, '%'+1) || strings.Contains(prefix, "%") {
		cuts = append(cuts, t.form.escapes...)
	}
	cuts = append(cuts, t.form.cuts...)
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	preferred := []rune(t.form.preferred)
	// best is the rank of the preferred rune of each class.
	best := make([]int, len(cuts))
	for i := range best {
		best[i] = len(preferred)
	}
	for rank, r := range preferred {
		i, found := slices.BinarySearch(cuts, r)
		if !found {
			i--
		}
		if i >= 0 {
			best[i] = min(best[i], rank)
		}
	}
	type ranked struct {
		r    rune
		rank int
	}
	var all []ranked
	for i, low := range cuts {
		if low < 0 || low > unicode.MaxRune || !t.form.allowed(low) {
			continue
		}
		if best[i] < len(preferred) {
			all = append(all, ranked{preferred[best[i]], best[i]})
			continue
		}
		high := rune(unicode.MaxRune)
		if i+1 < len(cuts) {
			high = cuts[i+1] - 1
		}
		if r, ok := readable(low, high); ok {
			all = append(all, ranked{r, len(preferred) + int(r)})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return a.rank - b.rank })
	t.runes = make([]rune, len(all))
	for i := range all {
		t.runes[i] = all[i].r
	}
}

// readable returns a rune of a class, one that can be read if there is one. It returns
// false for a class that no text has.
func readable(low, high rune) (rune, bool) {
	for r := low; r <= min(high, low+64); r++ {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r, true
		}
	}
	for r := low; r <= high; r++ {
		if utf8.ValidRune(r) {
			return r, true
		}
	}
	return 0, false
}

// run looks for a text that begins with prefix.
func (t *textSearch) run(prefix string) (string, Verdict) {
	t.alphabet(prefix)
	t.numbers = map[string]struct{}{}
	width := 1 + len(t.components)
	current := make([]int32, width)
	for i, c := range t.components {
		current[1+i] = c.start()
	}
	next := make([]int32, width)
	for _, r := range prefix {
		if !t.form.allowed(r) && r != utf8.RuneError || !t.step(next, current, r) {
			return "", t.none()
		}
		current, next = next, current
	}
	t.visit(current, visited{from: -1})
	for at := 0; at < len(t.trail); at++ {
		copy(current, t.states[at*width:])
		if t.ends(current) {
			text := prefix + t.spelled(at)
			if t.has(text) {
				return text, Found
			}
			t.doubtful = true
		}
		if len(t.trail) > maxStates {
			return "", GaveUp
		}
		for _, r := range t.runes {
			if t.step(next, current, r) {
				t.visit(next, visited{int32(at), r})
			}
		}
	}
	return "", t.none()
}

func (t *textSearch) none() Verdict {
	for _, c := range t.components {
		if e, ok := c.automaton.(*expression); ok && e.overflown {
			return GaveUp
		}
	}
	if t.doubtful {
		return GaveUp
	}
	return None
}

// step sets next to the state after a rune. It returns false if no text within the bounds
// goes on from there.
func (t *textSearch) step(next, current []int32, r rune) bool {
	if next[0] = t.form.step(current[0], r); next[0] == dead {
		return false
	}
	for i := range t.components {
		c := &t.components[i]
		state := c.step(current[1+i], r)
		if holds, ok := c.settled(state); ok && holds != c.want {
			return false
		}
		next[1+i] = state
	}
	return true
}

// ends reports whether a text may end in a state.
func (t *textSearch) ends(state []int32) bool {
	if !t.form.ends(state[0]) {
		return false
	}
	for i := range t.components {
		if c := &t.components[i]; c.accepts(state[1+i]) != c.want {
			return false
		}
	}
	return true
}

// visit notes a state unless it was visited before.
func (t *textSearch) visit(state []int32, v visited) {
	t.key = t.key[:0]
	for _, n := range state {
		t.key = binary.AppendVarint(t.key, int64(n))
	}
	if _, ok := t.numbers[string(t.key)]; ok {
		return
	}
	t.numbers[string(t.key)] = struct{}{}
	t.states = append(t.states, state...)
	t.trail = append(t.trail, v)
}

// spelled returns the text that leads to a state.
func (t *textSearch) spelled(at int) string {
	var runes []rune
	for i := int32(at); t.trail[i].from >= 0; i = t.trail[i].from {
		runes = append(runes, t.trail[i].by)
	}
	slices.Reverse(runes)
	return string(runes)
}
