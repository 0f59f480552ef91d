package regex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegexCacheCompilesWholeValues(t *testing.T) {
	tests := []struct {
		expression, value string
		want              bool
	}{
		{`/v[0-9]+`, "/v12", true},
		{`/v[0-9]+`, "/v12/x", false},
		{`/v[0-9]+`, "/a/v12", false},
		{`a|b`, "b", true},
		{`a|b`, "ab", false},
		{`a|b`, "xb", false},
		{`(?i)abc`, "ABC", true},
		{`.*`, "", true},
		{`a.b`, "a\nb", false},
		{`a$`, "a\n", false},
		{`\Qa.b`, "a.b", true},
		{`\Qa.b`, "axb", false},
		{`\Qa.b\E+`, "a.bbb", true},
		{`(a)|\Qb`, "b", true},
		{`\\Qa`, `\Qa`, true},
		{`[)]`, ")", true},
	}
	for _, tt := range tests {
		re, err := Cache{}.Compile(tt.expression)
		require.NoError(t, err, tt.expression)
		require.Equal(t, tt.want, re.MatchString(tt.value), "%q on %q", tt.expression, tt.value)
	}
}

func TestRegexCacheRefuses(t *testing.T) {
	tests := []struct{ expression, want string }{
		{"", "is an empty expression"},
		{"(", "is not a valid RE2 expression: missing closing ): \"(\""},
		{"a)(b", "is not a valid RE2 expression: unexpected ): \"a)(b\""},
		{"a)|(?:b", "is not a valid RE2 expression: unexpected ): \"a)|(?:b\""},
		{"*", "is not a valid RE2 expression: missing argument to repetition operator: \"*\""},
		{`a\`, `is not a valid RE2 expression: trailing backslash at end of expression: ""`},
		{`(a)\1`, "is not a valid RE2 expression: invalid escape sequence: \"\\\\1\""},
		{"a(?=b)", "is not a valid RE2 expression: invalid or unsupported Perl syntax: \"(?=\""},
		{strings.Repeat("a", 1025), "is an expression of 1025 bytes, at most 1024 are allowed"},
	}
	for _, tt := range tests {
		_, err := Cache{}.Compile(tt.expression)
		require.EqualError(t, err, tt.want)
		_, err = Cache{}.CompilePart(tt.expression)
		require.EqualError(t, err, tt.want)
	}
	_, err := Cache{}.Compile(strings.Repeat("a", 1024))
	require.NoError(t, err)
}

func TestRegexCacheCompilesOnce(t *testing.T) {
	cache := Cache{}
	whole, err := cache.Compile("a+")
	require.NoError(t, err)
	again, err := cache.Compile("a+")
	require.NoError(t, err)
	require.Same(t, whole, again)

	part, err := cache.CompilePart("a+")
	require.NoError(t, err)
	require.NotSame(t, whole, part)
	require.Equal(t, []string{"aa"}, part.FindAllString("xaay", -1))
	again, err = cache.CompilePart("a+")
	require.NoError(t, err)
	require.Same(t, part, again)
}
