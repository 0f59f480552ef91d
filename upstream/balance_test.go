package upstream

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func hosts(weights ...int) []*host {
	var all []*host
	for _, w := range weights {
		all = append(all, &host{weight: w})
	}
	return all
}

// picks says how often each host is picked out of n times, and lets go at once.
func picks(s *hostSet, n int) []int {
	counts := make([]int, len(s.hosts))
	random := rand.New(rand.NewPCG(1, 2)).Uint64
	for range n {
		h := s.pick(random)
		for i := range s.hosts {
			if s.hosts[i] == h {
				counts[i]++
			}
		}
		h.active.Add(-1)
	}
	return counts
}

// Without load each host gets its share.
func TestPickByWeight(t *testing.T) {
	for _, weights := range [][]int{{1}, {1, 1}, {5, 5, 5}, {1, 3}, {90, 10}, {1, 2, 3, 4}, {1, 1, 1, 1, 100}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			const n = 100_000
			total := 0
			for _, w := range weights {
				total += w
			}
			for i, count := range picks(newHostSet(hosts(weights...)), n) {
				share := float64(weights[i]) / float64(total)
				require.InDelta(t, share, float64(count)/n, 0.01)
			}
		})
	}
}

func TestPickOfNone(t *testing.T) {
	require.Nil(t, newHostSet(nil).pick(rand.Uint64))
}

// Of the two hosts drawn the one with fewer requests is picked.
func TestPickLeastRequest(t *testing.T) {
	draw := func(i, j, n uint64) func() uint64 {
		return func() uint64 { return (i<<32/n+1)<<32 | (j<<32/n + 1) }
	}
	for _, row := range []struct {
		active []int64
		i, j   uint64
		want   int
	}{
		{[]int64{0, 0, 0}, 0, 1, 0},
		{[]int64{1, 0, 0}, 0, 1, 1},
		{[]int64{1, 1, 0}, 0, 1, 0},
		{[]int64{1, 1, 0}, 1, 0, 1},
		{[]int64{5, 1, 0}, 0, 0, 0},
		{[]int64{5, 6, 9}, 2, 1, 1},
	} {
		s := newHostSet(hosts(1, 1, 1))
		for i, active := range row.active {
			s.hosts[i].active.Store(active)
		}
		require.Same(t, s.hosts[row.want], s.pick(draw(row.i, row.j, 3)), "%v", row)
		require.Equal(t, row.active[row.want]+1, s.hosts[row.want].active.Load())
	}
}

// Under load requests in flight are in proportion to the weights.
func TestPickUnderLoad(t *testing.T) {
	s := newHostSet(hosts(1, 3))
	random := rand.New(rand.NewPCG(3, 4)).Uint64
	for range 4000 {
		s.pick(random)
	}
	require.InDelta(t, 1000, s.hosts[0].active.Load(), 50)
	require.InDelta(t, 3000, s.hosts[1].active.Load(), 50)
}

func BenchmarkPick(b *testing.B) {
	for name, weights := range map[string][]int{"even": {1, 1, 1, 1}, "weighted": {1, 2, 3, 4}} {
		s := newHostSet(hosts(weights...))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					s.pick(rand.Uint64).active.Add(-1)
				}
			})
		})
	}
}
