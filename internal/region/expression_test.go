package region

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/regex"
)

func TestLiteralBeginning(t *testing.T) {
	for expression, want := range map[string]string{
		"/a": "/a", "/a+": "/a", "/a*": "/", "/a?b": "/", "/a{2}": "/", "/a.b": "/a", `/a\.b`: "/a.b", `/a\d`: "/a", `/a\\b`: `/a\b`, "/(a|b)": "/", "/a|/b": "", "/a(b|c)|d": "",
		"(?i)/a": "", "/a(?i)b": "/a", "[/]a": "", "/a[|]b": "/a", "/a[]|]b": "/a", "/a[^]|]b": "/a", "/[[:alpha:]]|b": "", `/a\|b`: "/a|b", `\Q/a|b`: "/a|b", "/é+": "/é", "/aé?": "/a", "^/a": "", "/a$": "/a", "": "",
	} {
		re, err := regex.Cache{}.Compile(expression)
		if expression == "" {
			re, err = regexp.Compile(`\A(?:)\z`)
		}
		require.NoError(t, err)
		require.Equal(t, want, literalBeginning(re.String()), expression)
	}
	require.Empty(t, literalBeginning("/a"), "it may begin anywhere")
}

// agrees compares the automaton of an expression with the expression itself, also for the
// beginnings of a text.
func agrees(t *testing.T, expression, text string) {
	t.Helper()
	re, err := regexp.Compile(expression)
	if err != nil {
		return
	}
	e := newExpression(re.String())
	if e == nil {
		return
	}
	if whole, err := (regex.Cache{}).Compile(expression); err == nil && whole.MatchString(text) {
		require.True(t, strings.HasPrefix(text, literalBeginning(whole.String())), "%q %q", expression, text)
	}
	state := e.start()
	for i, r := range text {
		require.Equal(t, re.MatchString(text[:i]), e.accepts(state), "%q %q", expression, text[:i])
		if holds, ok := e.settled(state); ok {
			require.Equal(t, holds, re.MatchString(text), "%q is settled by %q of %q", expression, text[:i], text)
		}
		state = e.step(state, r)
		if e.overflown {
			return
		}
	}
	require.Equal(t, re.MatchString(text), e.accepts(state), "%q %q", expression, text)
}

var agreeing = []string{
	`\A(?:/a+|b)\z`, `a`, `^a$`, `(?m)^a$`, `\bab\b`, `\Bb`, `\A(?:\Bb)\z`, `(?i)straße`, `(?i)k`, `[^a]`, `(?s).`, `.`, `a|\b`, `\A(?:(?:a|b){2,3})\z`, `\A(?:[\pL-[a]]*)\z`,
	`\A(?:)\z`, `\z`, `$`, `(?m)$`, `x*`, `\A(?:a.c)\z`, `(a(b)?)+$`, `[[:word:]]+\n`, `(?U)a+b`, `\x{fffd}`,
}

func TestExpressionsMatchWhatRegexpMatches(t *testing.T) {
	for _, expression := range agreeing {
		for _, text := range []string{"", "a", "/a", "/aab", "ab", "a b", "b", "bb", "aba", "K", "\u212a", "ſ", "STRASSE", "straße", "STRAẞE", "a\nb", "\n", "x\na\n", "a.c", "abc", "é", "\ufffd", "_a_", "a_b "} {
			agrees(t, expression, text)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, expression := range agreeing {
		f.Add(expression, "/ab\n K")
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) < 200 && len(text) < 60 && strings.ToValidUTF8(text, "") == text {
			agrees(t, expression, text)
		}
	})
}

// An expression with too many sets of states is given up, not misread.
func TestExpressionsBeyondTheBounds(t *testing.T) {
	var s Solver
	long := regexp.MustCompile(`\A(?:` + strings.Repeat("(?:abcdefghij){90}", 7) + `)\z`)
	require.Nil(t, s.automatonOf(long))

	wide := newExpression(`\A(?:.*a.{15})\z`)
	state := wide.start()
	random := uint32(1)
	for range 200_000 {
		random = random*1664525 + 1013904223
		state = wide.step(state, rune('a'+random>>31))
	}
	require.True(t, wide.overflown)
}
