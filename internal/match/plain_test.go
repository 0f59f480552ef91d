package match_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A path that is plain as it was sent is plain when it is normalized: a destination of a
// strict gateway gets no other.
func TestPlainPathsStayPlain(t *testing.T) {
	words := []string{"/", "/", "a", "4", ".", "..", "%", "%25", "%2", "%2e", "%2F", "%2f", "%5C", "%5c", "%41", "%34", "%31", "%3B", ";", `\`, "%c0", "%ae", "%AF", "%20", "%EF", "%BC", "%8E", "%7e", "é"}
	random := rand.New(rand.NewPCG(14, 3))
	plain := 0
	for range 60_000 {
		path := "/"
		for range random.IntN(7) {
			path += words[random.IntN(len(words))]
		}
		if !doubt.PathIsPlain(path) {
			continue
		}
		for n := spec.NormalizeBase; n <= spec.NormalizeNone; n++ {
			if normal, ok := match.Normalize(n, path); ok {
				plain++
				if !doubt.PathIsPlain(normal) {
					t.Fatalf("%s: %s becomes %s", n, path, normal)
				}
			}
		}
	}
	require.Greater(t, plain, 10_000)
}
