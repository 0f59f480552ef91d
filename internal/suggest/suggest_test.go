package suggest

import (
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

func TestClosest(t *testing.T) {
	fields := []string{"match", "redirect", "directResponse", "rewrite", "retries", "route", "corsPolicy"}
	tests := []struct {
		name, word string
		known      []string
		want       string
	}{
		{"a letter dropped", "rewrit", fields, "rewrite"},
		{"a letter added", "matchh", fields, "match"},
		{"a letter replaced", "natch", fields, "match"},
		{"neighbours exchanged", "ruote", fields, "route"},
		{"letter case alone", "MATCH", fields, "match"},
		{"separators and case", "direct_response", fields, "directResponse"},
		{"hyphens and case", "Cors-Policy", fields, "corsPolicy"},
		{"two edits in seven letters", "rewryte", fields, "rewrite"},
		{"nothing near", "timeout", fields, ""},
		{"three letters allow one edit", "gat", []string{"get"}, "get"},
		{"three letters refuse two edits", "gag", []string{"get"}, ""},
		{"two letters allow none", "ab", []string{"ac"}, ""},
		{"the nearest of several", "routes", []string{"router1", "route"}, "route"},
		{"the earliest of equals", "vx1", []string{"vz1", "vy1"}, "vz1"},
		{"the word itself is no suggestion", "match", []string{"match"}, ""},
		{"the word itself is passed over for its neighbour", "match", []string{"match", "matchs"}, "matchs"},
		{"the empty word", "", fields, ""},
		{"no known words", "match", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, Closest(tt.word, tt.known))
		})
	}
}

func TestEditsIsADistance(t *testing.T) {
	short := func(s string) string { return s[:min(len(s), 12)] }
	symmetricAndBounded := func(a, b string) bool {
		a, b = short("x"+a), short("x"+b)
		d := edits(a, b, 100)
		return d == edits(b, a, 100) && (d == 0) == (a == b) && d <= max(len(a), len(b))
	}
	require.NoError(t, quick.Check(symmetricAndBounded, &quick.Config{MaxCount: 5000}))
}
