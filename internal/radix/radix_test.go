package radix_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/radix"
)

func walk(t *radix.Tree, s string) []int32 {
	var out []int32
	for w := t.Walk(s); ; {
		n, ok := w.Next()
		if !ok {
			return out
		}
		out = append(out, n)
	}
}

func TestWalk(t *testing.T) {
	keys := []string{"/", "/foo", "/foo/", "/foobar", "", "/b"}
	tree := radix.Build(keys)
	for s, want := range map[string][]int32{
		"":         {4},
		"x":        {4},
		"/":        {4, 0},
		"/fo":      {4, 0},
		"/foo":     {4, 0, 1},
		"/foo/":    {4, 0, 1, 2},
		"/foo/x":   {4, 0, 1, 2},
		"/foobar":  {4, 0, 1, 3},
		"/foobars": {4, 0, 1, 3},
		"/b":       {4, 0, 5},
		"/B":       {4, 0},
	} {
		require.Equal(t, want, walk(tree, s), "%q", s)
	}
}

func TestEmpty(t *testing.T) {
	require.Empty(t, walk(new(radix.Tree), "/x"))
	require.Empty(t, walk(radix.Build(nil), ""))
}

func TestWalkEqualsScan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, r.IntN(7))
		for i := range b {
			b[i] = "ab/"[r.IntN(3)]
		}
		return string(b)
	}
	for range 2000 {
		set := map[string]bool{}
		for range r.IntN(30) {
			set[word()] = true
		}
		var keys []string
		for k := range set {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		tree := radix.Build(keys)
		s := word() + word()
		var want []int32
		for i, k := range keys {
			if strings.HasPrefix(s, k) {
				want = append(want, int32(i))
			}
		}
		slices.SortFunc(want, func(a, b int32) int { return len(keys[a]) - len(keys[b]) })
		require.Equal(t, want, walk(tree, s), "keys %q, string %q", keys, s)
	}
}
