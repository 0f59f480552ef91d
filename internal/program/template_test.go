package program

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegexTemplate(t *testing.T) {
	for rewrite, want := range map[string]string{``: ``, `\0\9`: `${0}${9}`, `\\`: `\`, `$`: `$$`, `a\1b`: `a${1}b`} {
		got, ok := regexTemplate(rewrite)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, rewrite := range []string{`\`, `\x`, `a\`, `\\\`} {
		_, ok := regexTemplate(rewrite)
		require.False(t, ok, rewrite)
	}
}
