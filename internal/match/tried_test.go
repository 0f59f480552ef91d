package match

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/regex"
)

// The clause that is found is one of those that are tried, and these are in order.
func TestTriedHasWhatIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	found, less := 0, 0
	for n := range 150 {
		r := randomPaths[n%len(randomPaths)]
		r.Rand = random
		clauses := make([]Clause, scanned+1+r.IntN(60))
		for i := range clauses {
			m := r.match()
			uri, rest, err := Compile(&m, regex.Cache{})
			require.NoError(t, err)
			clauses[i] = Clause{URI: uri, Conditions: rest}
		}
		l := List{clauses: clauses, index: newIndex(clauses)}
		for range 100 {
			v := r.request()
			tried := l.Tried(v)
			require.True(t, slices.IsSorted(tried))
			require.Len(t, slices.Compact(slices.Clone(tried)), len(tried), "no clause is tried twice")
			if at := l.Find(v); at >= 0 {
				found++
				require.Contains(t, tried, int32(at))
			}
			if len(tried) < len(clauses)/2 {
				less++
			}
		}
	}
	require.Greater(t, found, 1000)
	require.Greater(t, less, 1000, "the index leaves clauses out")
}

// A list without an index tries all of its clauses.
func TestTriedWithoutAnIndex(t *testing.T) {
	l := NewList(make([]Clause, 3))
	require.Equal(t, []int32{0, 1, 2}, l.Tried(&View{Path: "/"}))
}
