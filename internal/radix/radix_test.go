package radix_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/radix"
)

// A family is a tree and the parents of its keys.
type family struct {
	*radix.Tree
	parents []int32
}

func build(keys []string) family {
	t, parents := radix.Build(keys)
	return family{t, parents}
}

// chain returns the keys with which s begins, longest first.
func (f family) chain(s string) []int32 {
	var out []int32
	for n := f.Longest(s); n >= 0; n = f.parents[n] {
		out = append(out, n)
	}
	return out
}

func TestLongest(t *testing.T) {
	keys := []string{"/", "/foo", "/foo/", "/foobar", "", "/b", "/foo/bar/b", "/foo/bar/", "/foo.d/"}
	tree := build(keys)
	for s, want := range map[string][]int32{
		"":              {4},
		"x":             {4},
		"x/":            {4},
		"/":             {0, 4},
		"/fo":           {0, 4},
		"/foo":          {1, 0, 4},
		"/foo/":         {2, 1, 0, 4},
		"/foo/x":        {2, 1, 0, 4},
		"/foo/b/r":      {2, 1, 0, 4},
		"/foo/bar":      {2, 1, 0, 4},
		"/foo/bar/":     {7, 2, 1, 0, 4},
		"/foo/bar/b":    {6, 7, 2, 1, 0, 4},
		"/foo/bar/bc":   {6, 7, 2, 1, 0, 4},
		"/foo/bar/b//":  {6, 7, 2, 1, 0, 4},
		"/foo.d/":       {8, 1, 0, 4},
		"/foo.d":        {1, 0, 4},
		"/foobar":       {3, 1, 0, 4},
		"/foobars/bars": {3, 1, 0, 4},
		"/b":            {5, 0, 4},
		"/B":            {0, 4},
		"//":            {0, 4},
	} {
		require.Equal(t, want, tree.chain(s), "%q", s)
	}
}

func TestEmpty(t *testing.T) {
	for _, s := range []string{"", "/x", "/"} {
		require.Empty(t, family{Tree: new(radix.Tree)}.chain(s))
		require.Empty(t, build(nil).chain(s))
	}
	require.Equal(t, []int32{0}, build([]string{""}).chain("x"))
}

// Keys end at every position in a word, and strings at every position after it.
func TestLengths(t *testing.T) {
	const text = "/a/bc/def//ghi/jklm/nopqrst/uvwxyz0123456789abcdefghijkl/m"
	for n := range len(text) + 1 {
		tree := build([]string{text[:n]})
		for m := range len(text) + 1 {
			for _, s := range []string{text[:m], text[:m] + "x", text[:m] + "/", text[:m] + "/x\x00/"} {
				want := int32(-1)
				if strings.HasPrefix(s, text[:n]) {
					want = 0
				}
				require.Equal(t, want, tree.Longest(s), "key %q, string %q", text[:n], s)
				require.Equal(t, want, tree.LongestBytes([]byte(s)), "key %q, string %q", text[:n], s)
			}
		}
	}
}

// Keys at more cuts than a table has are still found, and do not affect others.
func TestManySlashes(t *testing.T) {
	for _, segment := range []string{"/", "/a", "/abc", "/abcdefg", "/abcdefgh"} {
		var keys []string
		for n := 55; n < 75; n++ {
			keys = append(keys, strings.Repeat(segment, n), strings.Repeat(segment, n)+"x", strings.Repeat(segment, n)+"x/")
		}
		r := rand.New(rand.NewPCG(5, 6))
		for range 50 {
			r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			some := keys[:1+r.IntN(len(keys))]
			tree := build(some)
			for _, s := range keys {
				for _, end := range []string{"", "/", "y", "/y/"} {
					require.Equal(t, scan(some, s+end), tree.chain(s+end), "keys %q, string %q", some, s+end)
				}
			}
		}
	}
}

// scan returns the expected chain.
func scan(keys []string, s string) []int32 {
	var out []int32
	for i, k := range keys {
		if strings.HasPrefix(s, k) {
			out = append(out, int32(i))
		}
	}
	slices.SortFunc(out, func(a, b int32) int { return len(keys[b]) - len(keys[a]) })
	return out
}

func TestLongestEqualsScan(t *testing.T) {
	sets := 3000
	if testing.Short() {
		sets = 400
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, words := range [][]string{
		{"a", "b", "/"},
		{"/a", "/b", "/ab", "a", "/"},
		{"/a/", "/abcdef/", "b/", "/"},                 // mostly cut
		{"/products", "/users", "/v1", "/", "12", "é"}, // longer than words
		{"/api/eu/v1/", "products1", "2", "/", "\x00"}, // a shared beginning
	} {
		word := func() string {
			s := ""
			for range r.IntN(7) {
				s += words[r.IntN(len(words))]
			}
			return s
		}
		for range sets {
			set := map[string]bool{}
			for range r.IntN(30) {
				set[word()] = true
			}
			keys := slices.Sorted(maps.Keys(set))
			r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			tree := build(keys)
			for range 20 {
				s := word() + word()
				require.Equal(t, scan(keys, s), tree.chain(s), "keys %q, string %q", keys, s)
				require.Equal(t, tree.Longest(s), tree.LongestBytes([]byte(s)))
			}
		}
	}
}
