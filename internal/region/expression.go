package region

import (
	"encoding/binary"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode"
)

// An expression is an automaton for a regular expression: the sets of states of its
// program, made when they are needed. It matches what Regexp.MatchString matches.
type expression struct {
	prog *syntax.Prog
	// floating means that a match may begin anywhere.
	floating bool
	// words and lines mean that the program looks at the runes around a place.
	words, lines bool
	sets         []instructions
	numbers      map[string]int32
	steps        map[step]int32
	starts       int32
	changes      []rune
	// overflown means that there were too many sets. Then the steps mean nothing.
	overflown bool

	stack []uint32
	seen  []bool
	key   []byte
}

// instructions are the instructions where a match may go on, and a rune that stands for
// the one before.
type instructions struct {
	at     []uint32
	before rune
	// accepts is 1 if a match may end here, -1 if not, and 0 if that is not known.
	accepts int8
}

type step struct {
	state int32
	r     rune
}

const (
	// maxInstructions is the longest program that is looked at.
	maxInstructions = 4000
	// maxSets is how many sets of one program are kept.
	maxSets = 20000
	// matched is the state of a text that matches, whatever follows.
	matched int32 = 0
)

// automatonOf returns the automaton of an expression, or nil if that is too long.
func (s *Solver) automatonOf(re *regexp.Regexp) *expression {
	text := re.String()
	if e, ok := s.expressions[text]; ok && (e == nil || !e.overflown) {
		return e
	}
	if s.expressions == nil {
		s.expressions = map[string]*expression{}
	}
	e := newExpression(text)
	s.expressions[text] = e
	return e
}

func newExpression(text string) *expression {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(prog.Inst) > maxInstructions {
		return nil
	}
	e := &expression{prog: prog, numbers: map[string]int32{}, steps: map[step]int32{}, seen: make([]bool, len(prog.Inst))}
	e.floating = prog.StartCond()&syntax.EmptyBeginText == 0
	for i := range prog.Inst {
		e.look(&prog.Inst[i])
	}
	if e.words {
		e.changes = append(e.changes, '0', '9'+1, 'A', 'Z'+1, '_', '_'+1, 'a', 'z'+1)
	}
	if e.lines {
		e.changes = append(e.changes, '\n', '\n'+1)
	}
	slices.Sort(e.changes)
	e.changes = slices.Compact(e.changes)
	e.sets = append(e.sets, instructions{accepts: 1})
	e.starts = e.number([]uint32{uint32(prog.Start)}, -1)
	return e
}

// look notes what an instruction distinguishes.
func (e *expression) look(i *syntax.Inst) {
	switch i.Op {
	case syntax.InstEmptyWidth:
		op := syntax.EmptyOp(i.Arg)
		e.words = e.words || op&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0
		e.lines = e.lines || op&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		if len(i.Rune) == 1 {
			r := i.Rune[0]
			e.changes = append(e.changes, r, r+1)
			if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					e.changes = append(e.changes, f, f+1)
				}
			}
			return
		}
		for j := 0; j+1 < len(i.Rune); j += 2 {
			e.changes = append(e.changes, i.Rune[j], i.Rune[j+1]+1)
		}
	}
}

func (e *expression) cuts(to []rune) []rune { return append(to, e.changes...) }

func (e *expression) start() int32 { return e.starts }

// stands returns a rune that stands for r as the one before a place.
func (e *expression) stands(r rune) rune {
	switch {
	case e.lines && r == '\n':
		return '\n'
	case e.words && syntax.IsWordChar(r):
		return 'a'
	}
	return ' '
}

// number returns the state for a set of instructions.
func (e *expression) number(at []uint32, before rune) int32 {
	slices.Sort(at)
	e.key = binary.AppendVarint(e.key[:0], int64(before))
	for _, pc := range at {
		e.key = binary.AppendUvarint(e.key, uint64(pc))
	}
	if n, ok := e.numbers[string(e.key)]; ok {
		return n
	}
	if len(e.sets) >= maxSets {
		e.overflown = true
		return matched
	}
	n := int32(len(e.sets))
	e.sets = append(e.sets, instructions{at: slices.Clone(at), before: before})
	e.numbers[string(e.key)] = n
	return n
}

// follow calls take for each instruction that reads a rune, and reports whether a match
// ends before it. flags are the conditions that hold in this place.
func (e *expression) follow(state int32, flags syntax.EmptyOp, take func(*syntax.Inst)) bool {
	ends := false
	e.stack = append(e.stack[:0], e.sets[state].at...)
	clear(e.seen)
	for len(e.stack) > 0 {
		pc := e.stack[len(e.stack)-1]
		e.stack = e.stack[:len(e.stack)-1]
		if e.seen[pc] {
			continue
		}
		e.seen[pc] = true
		switch i := &e.prog.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			e.stack = append(e.stack, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			e.stack = append(e.stack, i.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(i.Arg)&^flags == 0 {
				e.stack = append(e.stack, i.Out)
			}
		case syntax.InstMatch:
			ends = true
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if take != nil {
				take(i)
			}
		}
	}
	return ends
}

func (e *expression) step(state int32, r rune) int32 {
	if state == matched {
		return matched
	}
	key := step{state, r}
	if next, ok := e.steps[key]; ok {
		return next
	}
	var at []uint32
	next := matched
	ends := e.follow(state, syntax.EmptyOpContext(e.sets[state].before, r), func(i *syntax.Inst) {
		if i.MatchRune(r) && !slices.Contains(at, i.Out) {
			at = append(at, i.Out)
		}
	})
	if !ends {
		if start := uint32(e.prog.Start); e.floating && !slices.Contains(at, start) {
			at = append(at, start)
		}
		next = e.number(at, e.stands(r))
	}
	e.steps[key] = next
	return next
}

func (e *expression) accepts(state int32) bool {
	s := &e.sets[state]
	if s.accepts == 0 {
		s.accepts = -1
		if e.follow(state, syntax.EmptyOpContext(s.before, -1), nil) {
			s.accepts = 1
		}
	}
	return s.accepts > 0
}

func (e *expression) settled(state int32) (holds, ok bool) {
	return state == matched, state == matched || len(e.sets[state].at) == 0
}
