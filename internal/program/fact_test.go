package program

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

// TestRewritesAlike compares the answer with what happens to many paths.
func TestRewritesAlike(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	text := func(parts ...string) string {
		var b strings.Builder
		b.WriteString("/")
		for range random.IntN(4) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		return b.String()
	}
	clause := func(mode semantics.Mode, prefix string) *Clause {
		c := &Clause{Clause: &match.Clause{URI: match.URI{Kind: spec.MatchPrefix, Text: prefix}}, Route: &Route{}}
		if random.IntN(4) > 0 {
			c.Route.Rewrite = NewRewrite(&spec.Rewrite{URI: text("/", "a")}, mode)
		}
		return c
	}
	alike := 0
	for range 20_000 {
		mode := semantics.Mode(random.IntN(2))
		long := text("/", "a")
		a, b := clause(mode, long), clause(mode, long[:1+random.IntN(len(long))])
		if !a.RewritesAlike(b) {
			continue
		}
		require.True(t, b.RewritesAlike(a))
		alike++
		for range 20 {
			path := long + text("/", "/", "a")[random.IntN(2):]
			require.Equal(t, a.PathAfter(path), b.PathAfter(path), "%v: %s -> %q and %s -> %q of %s",
				mode, a.URI.Text, a.PathChange(), b.URI.Text, b.PathChange(), path)
		}
	}
	require.Greater(t, alike, 100)
}

func TestShares(t *testing.T) {
	for _, c := range []struct {
		weight, total uint64
		want          string
	}{{1, 1, ""}, {90, 100, "90% "}, {1, 2, "50% "}, {1, 3, "1/3 "}, {2, 6, "1/3 "}, {5, 1000, "1/200 "}} {
		require.Equal(t, c.want, shareText(c.weight, c.total))
	}
}
