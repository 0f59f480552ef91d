package regex

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatchesSomePath(t *testing.T) {
	for expression, want := range map[string]bool{
		"/a":            true,
		".*":            true,
		".*/b":          true,
		"^/a$":          true,
		"(?i)/A":        true,
		"[/a]b":         true,
		"(a|/b)":        true,
		"a*/b":          true,
		"a?b?/":         true,
		`\/a`:           true,
		"[^a].*":        true,
		"(":             true,
		"a":             false,
		"products/.*":   false,
		"^products":     false,
		"(a|b)/.*":      false,
		"[a-z]+/x":      false,
		"":              false,
		"a*":            false,
		"(?i)products/": false,
		`\w+`:           false,
	} {
		require.Equal(t, want, MatchesSomePath(expression), "%q", expression)
	}
}

func TestHasBareDot(t *testing.T) {
	for expression, want := range map[string]bool{
		"https://a.example.com":         true,
		`https://a\.example.com`:        true,
		"https://.*.example.com":        true,
		`https://(a|b).example\.com`:    true,
		`https://a\.example\.com`:       false,
		`https://.*\.example\.com`:      false,
		`https://[a-z]+\.example\.com`:  false,
		`https://.+`:                    false,
		"(":                             false,
		`https?://localhost(:[0-9]+)?$`: false,
	} {
		require.Equal(t, want, HasBareDot(expression), "%q", expression)
	}
}
