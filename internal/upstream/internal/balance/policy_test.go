package balance

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Without load each host gets its share.
func TestShares(t *testing.T) {
	many := make([]uint32, 40)
	for i := range many {
		many[i] = uint32(i%4 + 1)
	}
	for _, weights := range [][]uint32{{1}, {0, 0}, {5, 5, 5}, {1, 3}, {0, 3}, {90, 10}, {1, 2, 3, 4}, {1, 1, 1, 1, 100}, {1, 10_000}, {70_001, 30_011}, many} {
		each(t, func(t *testing.T, p Policy) {
			b := New(Config{Policy: p, MinimumRingSize: 30_000, Random: newRandom()}, weighted(weights...))
			total := 0.0
			for _, w := range weights {
				total += float64(max(w, 1))
			}
			for i, got := range shares(b, 60_000) {
				want := 100 * float64(max(weights[i], 1)) / total
				if p == Random {
					want = 100 / float64(len(weights))
				}
				require.InDelta(t, want, got, 0.9, "host %d of %v", i, weights)
			}
		})
	}
}

func TestNoHosts(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		require.Equal(t, -1, New(Config{Policy: p}, nil).Pick(Request{}))
		require.Equal(t, -1, New(Config{Policy: p, PanicThreshold: 50}, nil).Pick(Request{Hash: 1, Hashed: true}))
		require.Equal(t, -1, New(Config{Policy: p, Locality: &LocalitySetting{OutlierDetection: true}}, nil).Pick(Request{}))
	})
}

func TestEjectedHosts(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		hosts := weighted(1, 2, 3)
		b := New(Config{Policy: p, Random: newRandom()}, hosts)
		for _, row := range []struct {
			out  []int
			want []int // hosts that are picked
		}{
			{nil, []int{0, 1, 2}},
			{[]int{1}, []int{0, 2}},
			{[]int{1, 2}, []int{0}},
			{[]int{0, 1, 2}, nil},
		} {
			for i := range hosts {
				hosts[i].State.Ejected.Store(slices.Contains(row.out, i))
			}
			b.Update()
			got := counts(b, 1000)
			for i := range hosts {
				require.Equal(t, slices.Contains(row.want, i), got[i] > 0, "host %d with %v out: %v", i, row.out, got)
			}
			if row.want == nil {
				require.Equal(t, 1000, got[len(hosts)])
			}
		}
	})
}

// Of the two drawn hosts the one with fewer requests is picked, and the first
// one if both have the same number.
func TestLeastRequest(t *testing.T) {
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
		hosts := even(3)
		for i, active := range row.active {
			hosts[i].State.Active.Store(active)
		}
		b := New(Config{Random: draw(row.i, row.j, 3)}, hosts)
		require.Equal(t, row.want, b.Pick(Request{}), "%v", row)
	}
}

// Two consecutive requests may go to the same host.
func TestLeastRequestIsNoRotation(t *testing.T) {
	b := New(Config{Random: newRandom()}, even(2))
	again, last := 0, -1
	for range 1000 {
		i := b.Pick(Request{})
		if i == last {
			again++
		}
		last = i
	}
	require.InDelta(t, 500, again, 60)
}

// With different weights each host gets requests in proportion to
// weight/(requests+1).
func TestLeastRequestWeighted(t *testing.T) {
	for _, row := range []struct {
		weights []uint32
		active  []int64
	}{
		{[]uint32{1, 3}, []int64{0, 0}},
		{[]uint32{1, 3}, []int64{0, 2}},
		{[]uint32{1, 3}, []int64{1, 11}},
		{[]uint32{1, 2, 4}, []int64{99, 0, 3}},
		{[]uint32{1, 2}, []int64{-1, 0}}, // between two steps of a count
	} {
		hosts, total := weighted(row.weights...), 0.0
		for i, n := range row.active {
			hosts[i].State.Active.Store(n)
			total += float64(row.weights[i]) / float64(max(n, 0)+1)
		}
		b := New(Config{Random: newRandom()}, hosts)
		for i, got := range shares(b, 100_000) {
			want := 100 * float64(row.weights[i]) / float64(max(row.active[i], 0)+1) / total
			require.InDelta(t, want, got, 0.6, "host %d of %v", i, row)
		}
	}
}

// With many hosts this is nearly so: a busy host among idle ones gets hardly
// any requests.
func TestLeastRequestWeightedMany(t *testing.T) {
	weights := make([]uint32, 100)
	for i := range weights {
		weights[i] = uint32(1 + i%2)
	}
	hosts := weighted(weights...)
	hosts[1].State.Active.Store(99)
	got := shares(New(Config{Random: newRandom()}, hosts), 200_000)
	require.Less(t, got[1], 0.05)
	require.InDelta(t, 100*2/148.0, got[3], 0.15)
	require.InDelta(t, 100*1/148.0, got[2], 0.15)
}

func TestRoundRobinEven(t *testing.T) {
	begun := make(map[int]bool)
	random := newRandom()
	for range 50 {
		b := New(Config{Policy: RoundRobin, Random: random}, even(5))
		first := b.Pick(Request{})
		begun[first] = true
		for i := range 20 {
			require.Equal(t, (first+1+i)%5, b.Pick(Request{}))
		}
	}
	require.Len(t, begun, 5, "a rotation begins anywhere")
}

// In a round each host comes up as often as its weight, at even distances.
func TestRoundRobinWeighted(t *testing.T) {
	for _, row := range []struct {
		weights []uint32
		want    string // one round
	}{
		{[]uint32{1, 3}, "1011"},
		{[]uint32{2, 6}, "1011"},
		{[]uint32{1, 1, 2}, "2012"},
		{[]uint32{5, 1, 1}, "0001200"},
	} {
		hosts := weighted(row.weights...)
		members := make([]member, len(hosts))
		for i, h := range hosts {
			members[i].weight = h.Weight
		}
		r := newRotation(members, false, 0)
		r.turn.Store(1<<64 - 1)
		got := ""
		for range row.want {
			got += fmt.Sprint(r.next())
		}
		require.Equal(t, row.want, got, "%v", row.weights)
	}
}

// However large the weights, no host is ever far from its share, or waits much
// longer than it should.
func TestRoundRobinIsSmooth(t *testing.T) {
	for _, weights := range [][]uint32{{1, 3}, {3, 7, 11}, {100, 1, 1}, {70_001, 30_011, 20_021}, {1_000_003, 999_983}, {4_000_000_000, 1_000_000_000}} {
		b := New(Config{Policy: RoundRobin, Random: newRandom()}, weighted(weights...))
		total := 0.0
		for _, w := range weights {
			total += float64(w)
		}
		got, last := make([]float64, len(weights)), make([]int, len(weights))
		for turn := 1; turn <= 20_000; turn++ {
			i := b.Pick(Request{})
			if gap := turn - last[i]; float64(gap) > 2.7*total/float64(weights[i])+1 {
				t.Fatalf("%v: host %d waited %d turns until %d", weights, i, gap, turn)
			}
			got[i], last[i] = got[i]+1, turn
			for i, w := range weights {
				if due := float64(turn) * float64(w) / total; math.Abs(due-got[i]) > 5 {
					t.Fatalf("%v: host %d had %v of %v turns at %d", weights, i, got[i], due, turn)
				}
			}
		}
	}
}

// An avoided host is picked only if there is no other. The exception is a hash
// that keeps leading to it, after five more picks.
func TestTriedHosts(t *testing.T) {
	each(t, func(t *testing.T, p Policy) {
		hosts := even(2)
		b := New(Config{Policy: p, Random: newRandom()}, hosts)
		again := 0
		for i := range 10_000 {
			first := b.Pick(Request{Hash: uint64(i) * golden, Hashed: true})
			if first == b.Pick(Request{Hash: uint64(i) * golden, Hashed: true, Tried: []*State{hosts[first].State}}) {
				again++
			}
		}
		if p == RingHash || p == Maglev {
			// Five more picks in a row: 10,000/32.
			require.Less(t, again, 450)
		} else {
			require.Zero(t, again)
		}
		require.NotEqual(t, -1, b.Pick(Request{Tried: []*State{hosts[0].State, hosts[1].State}}))

		one := even(1)
		require.Equal(t, 0, New(Config{Policy: p}, one).Pick(Request{Tried: []*State{one[0].State}}))
	})
}

// A host is picked up to six times, and then any other untried one.
func TestRepicks(t *testing.T) {
	draws := 0
	hosts := even(4)
	b := New(Config{Policy: Random, Random: func() uint64 { draws++; return 0 }}, hosts)
	draws = 0
	require.Equal(t, 1, b.Pick(Request{Tried: []*State{hosts[0].State}}))
	require.Equal(t, 7, draws)
	hosts[1].State.Ejected.Store(true)
	require.Equal(t, 2, b.Pick(Request{Tried: []*State{hosts[0].State}}))
	require.Equal(t, 3, b.Pick(Request{Tried: []*State{hosts[0].State, hosts[2].State}}))
	require.Equal(t, 0, b.Pick(Request{Tried: []*State{hosts[0].State, hosts[2].State, hosts[3].State}}))
	hosts[1].State.Ejected.Store(false)
	draws = 0
	require.Equal(t, 0, b.Pick(Request{Tried: []*State{hosts[1].State}}))
	require.Equal(t, 1, draws)
}

func TestWarmupFactor(t *testing.T) {
	for _, row := range []struct {
		w    Warmup
		age  time.Duration
		want float64
	}{
		{Warmup{time.Minute, 10, 1}, 0, 0.1},
		{Warmup{time.Minute, 10, 1}, -time.Hour, 0.1},
		{Warmup{time.Minute, 10, 1}, 6 * time.Second, 0.1},
		{Warmup{time.Minute, 10, 1}, 30 * time.Second, 0.5},
		{Warmup{time.Minute, 10, 0}, 30 * time.Second, 0.5},
		{Warmup{time.Minute, 10, 1}, time.Minute, 1},
		{Warmup{time.Minute, 10, 1}, time.Hour, 1},
		{Warmup{time.Minute, 10, 2}, 15 * time.Second, 0.5},
		{Warmup{time.Minute, 10, 0.5}, 30 * time.Second, 0.25},
		{Warmup{time.Minute, 60, 1}, 30 * time.Second, 0.6},
		{Warmup{time.Second, 0, 1}, 0, 0.001},
		{Warmup{}, 0, 1},
	} {
		require.InDelta(t, row.want, row.w.factor(row.age), 1e-9, "%+v", row)
	}
}

// A new host's share grows over the warmup.
func TestWarmup(t *testing.T) {
	for _, p := range []Policy{LeastRequest, RoundRobin} {
		for _, weights := range [][]uint32{{1, 1, 1, 1}, {1, 2, 3, 2}} {
			for _, row := range []struct {
				age    time.Duration
				factor float64
			}{
				{0, 0.1}, {3 * time.Second, 0.1}, {30 * time.Second, 0.5}, {59 * time.Second, 59. / 60}, {time.Minute, 1}, {time.Hour, 1},
			} {
				hosts := weighted(weights...)
				for i := range hosts {
					hosts[i].Added = epoch.Add(-time.Hour)
				}
				hosts[2].Added = epoch
				now := epoch
				b := New(Config{
					Policy: p, Random: newRandom(), Now: func() time.Time { return now },
					Warmup: &Warmup{Duration: time.Minute, MinimumPercent: 10, Aggression: 1},
				}, hosts)
				now = epoch.Add(row.age)
				total := -float64(weights[2]) * (1 - row.factor)
				for _, w := range weights {
					total += float64(w)
				}
				got := shares(b, 50_000)
				require.InDelta(t, 100*float64(weights[2])*row.factor/total, got[2], 1, "policy %d, weights %v, %+v", p, weights, row)
				require.InDelta(t, 100*float64(weights[1])/total, got[1], 1, "policy %d, weights %v, %+v", p, weights, row)
			}
		}
	}
}

// If all hosts are equally new, all get requests; and once no host is new, the
// clock is not read.
func TestWarmupOfAll(t *testing.T) {
	for _, p := range []Policy{LeastRequest, RoundRobin} {
		for _, n := range []int{4, 40} {
			hosts := even(n)
			for i := range hosts {
				hosts[i].Added = epoch
			}
			now, looks := epoch, 0
			b := New(Config{
				Policy: p, Random: newRandom(), Now: func() time.Time { looks++; return now },
				Warmup: &Warmup{Duration: time.Minute},
			}, hosts)
			for _, got := range shares(b, 40_000) {
				require.InDelta(t, 100/float64(n), got, 1)
			}
			now, looks = epoch.Add(time.Minute), 0
			counts(b, 100)
			require.Equal(t, 1, looks)
		}
	}
}
