package escape

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAll(t *testing.T) {
	for text, want := range map[string]string{
		"":          "",
		"abc":       "abc",
		"a%20b":     "a b",
		"%41%42":    "AB",
		"%2f%2F":    "//",
		"a+b":       "a+b",
		"%":         "%",
		"%4":        "%4",
		"%zz%41":    "%zzA",
		"%%341":     "%41",
		"100%":      "100%",
		"%00":       "\x00",
		"\xff%ff":   "\xff\xff",
		"%e2%82%ac": "€",
	} {
		t.Run(text, func(t *testing.T) { require.Equal(t, want, All(text)) })
	}
}
