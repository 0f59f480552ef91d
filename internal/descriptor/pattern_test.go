package descriptor

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pattern means the same as a regular expression on the joined text.
func FuzzPattern(f *testing.F) {
	for _, c := range [][3]string{
		{"path_/a*", "path", "/abc"}, {"path_/a*b*c", "path", "/a1b2c"}, {"path_*", "path", ""},
		{"pa*th_x", "path", "x"}, {"*", "", ""}, {"a_ab*ba", "a", "aba"}, {"**", "a", "b"}, {"a*_b_*", "a", "b_"},
	} {
		f.Add(c[0], c[1], c[2])
	}
	f.Fuzz(func(t *testing.T, name, key, value string) {
		p := newPattern(name)
		require.Equal(t, strings.Contains(name, "*"), p != nil)
		if p == nil {
			return
		}
		parts := strings.Split(name, "*")
		for i := range parts {
			// A byte a rune, so that bytes that are not UTF-8 compare as bytes.
			parts[i] = regexp.QuoteMeta(latin1(parts[i]))
		}
		want := regexp.MustCompile(`(?s)^` + strings.Join(parts, `.*`) + `$`).MatchString(latin1(key + "_" + value))
		require.Equal(t, want, p.matches(key, value))
	})
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
