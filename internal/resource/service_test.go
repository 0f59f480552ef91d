package resource

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// The order of services does not depend on that of their declarations: Kubernetes first,
// then age, name and namespace.
func TestCompareServices(t *testing.T) {
	want := []spec.Service{
		{Name: "z", Kubernetes: true},
		{Name: "a", Kubernetes: true, Created: time.Unix(1, 0)},
		{Name: "a", Namespace: "n"},
		{Name: "b", Namespace: "a"},
		{Name: "b", Namespace: "b"},
		{Name: "a", Namespace: "a", Created: time.Unix(1, 0)},
	}
	for range 20 {
		got := slices.Clone(want)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, func(a, b spec.Service) int { return CompareServices(&a, &b) })
		require.Equal(t, want, got)
	}
}
