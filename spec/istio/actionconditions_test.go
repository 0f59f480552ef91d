package istio

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The regular expressions mean the same as the comparisons that a StringMatch lacks.
func TestComparisonsAsRegularExpressions(t *testing.T) {
	lower := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c >= 'A' && c <= 'Z' {
				return c + 'a' - 'A'
			}
			return c
		}, s)
	}
	same := func(s string) string { return s }
	var r reader
	for _, written := range []string{"a", "a.b", "(", "Kelvin", "s\n", `\d`, "é", "[]"} {
		for name, compare := range map[string]func(s, x string) bool{
			"exact": func(s, x string) bool { return s == x }, "prefix": strings.HasPrefix, "suffix": strings.HasSuffix, "contains": strings.Contains,
		} {
			for _, ignoreCase := range []bool{false, true} {
				fold := same
				if ignoreCase {
					fold = lower
				}
				m := r.comparison(&value{form: text, scalar: written}, name, ignoreCase)
				if m.Kind.String() != "regex" {
					continue
				}
				expression := regexp.MustCompile("^(?:" + m.Value + ")$")
				for _, s := range []string{"", written, strings.ToUpper(written), strings.ToLower(written), "x" + written, written + "x", "\n" + written + "\n", "x\xff" + written, "\u212Aelvin", "axb", "1"} {
					require.Equal(t, compare(fold(s), fold(written)), expression.MatchString(s), "%s %q (%s): %q", name, written, m.Value, s)
				}
			}
		}
	}
}
