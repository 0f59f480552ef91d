package regex

import (
	"regexp/syntax"
	"strings"
)

// MatchesSomePath reports whether an expression can match a whole path, which begins
// with a slash. It returns true if it cannot tell.
func MatchesSomePath(expression string) bool {
	if strings.HasPrefix(expression, "/") || strings.HasPrefix(expression, ".") {
		return true
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return true
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return true
	}
	seen := make([]bool, len(prog.Inst))
	// begins reports whether a match from an instruction on can begin with a slash.
	var begins func(pc uint32) bool
	begins = func(pc uint32) bool {
		if seen[pc] {
			return false
		}
		seen[pc] = true
		switch i := &prog.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			return begins(i.Out) || begins(i.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			return begins(i.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			return i.MatchRune('/')
		}
		// Nothing, or the empty text, which is no path.
		return false
	}
	return begins(uint32(prog.Start))
}

// HasBareDot reports whether an expression has a dot for any one character between
// literal characters, as in "a.example.com", where the dot itself was probably meant.
func HasBareDot(expression string) bool {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	return err == nil && hasBareDot(parsed)
}

func hasBareDot(e *syntax.Regexp) bool {
	isDot := func(i int) bool {
		op := e.Sub[i].Op
		return op == syntax.OpAnyChar || op == syntax.OpAnyCharNotNL
	}
	for i, sub := range e.Sub {
		if e.Op == syntax.OpConcat && isDot(i) && i > 0 && i+1 < len(e.Sub) && e.Sub[i+1].Op == syntax.OpLiteral {
			return true
		}
		if hasBareDot(sub) {
			return true
		}
	}
	return false
}
