package radix_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lateengo/gateway/internal/radix"
)

// BenchmarkLongest measures the search for one of 1,000 keys: keys that end in
// a slash, keys that do not, and keys that are prefixes of each other.
func BenchmarkLongest(b *testing.B) {
	for _, c := range []struct {
		name string
		key  func(i int) string
	}{
		{"slash", func(i int) string { return fmt.Sprintf("/api/%s/v%d/products%d/", []string{"eu", "us"}[i%2], i%3, i) }},
		{"segment", func(i int) string { return fmt.Sprintf("/products%d", i) }},
		{"nested", func(i int) string { return fmt.Sprintf("/products%d", i/4) + "/items/of/type"[:i%4*3] }},
	} {
		b.Run(c.name, func(b *testing.B) {
			keys := make([]string, 1000)
			for i := range keys {
				keys[i] = c.key(i)
			}
			tree, _ := radix.Build(keys)
			random := rand.New(rand.NewPCG(3, 4))
			var paths [1024]string
			for i := range paths {
				paths[i] = keys[random.IntN(len(keys))] + []string{"", "/42", "/42/reviews"}[random.IntN(3)]
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				tree.Longest(paths[i])
				i = (i + 1) % len(paths)
			}
		})
	}
}
