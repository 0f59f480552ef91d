package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

// hashing are the policies that hash.
var hashing = map[string]Policy{"RingHash": RingHash, "Maglev": Maglev}

// keys are hashed keys of users.
func keys(n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = xxhash64.Sum(fmt.Sprintf("user-%d", i), 0)
	}
	return all
}

// owners returns the address of each key's host.
func owners(b *Balancer, keys []uint64) []string {
	all := make([]string, len(keys))
	for i, key := range keys {
		all[i] = b.hosts[b.Pick(Request{Hash: key, Hashed: true})].Address
	}
	return all
}

// moved returns how many keys changed their owner, except those of one owner.
func moved(before, after []string, except string) int {
	n := 0
	for i := range before {
		if before[i] != after[i] && before[i] != except {
			n++
		}
	}
	return n
}

func TestKeyStaysWithItsHost(t *testing.T) {
	for name, p := range hashing {
		t.Run(name, func(t *testing.T) {
			hosts := weighted(1, 2, 3, 1, 1, 5)
			b := New(Config{Policy: p}, hosts)
			before := owners(b, keys(2000))
			require.Equal(t, before, owners(b, keys(2000)))

			for i := range hosts {
				hosts[i].State.Active.Store(int64(i))
			}
			require.Equal(t, before, owners(New(Config{Policy: p}, hosts), keys(2000)), "another balancer")
			shuffled := slices.Clone(hosts)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			require.Equal(t, before, owners(New(Config{Policy: p}, shuffled), keys(2000)), "another order")
		})
	}
}

// Without a key any host is chosen.
func TestNoKey(t *testing.T) {
	for name, p := range hashing {
		t.Run(name, func(t *testing.T) {
			for _, n := range counts(New(Config{Policy: p, Random: newRandom()}, even(4)), 10_000)[:4] {
				require.InDelta(t, 2500, n, 500)
			}
		})
	}
}

// The keys of an ejected host move to all others. No other key moves, and when
// the host returns, all its keys move back.
func TestEjectionMovesOnlyItsKeys(t *testing.T) {
	for name, p := range hashing {
		t.Run(name, func(t *testing.T) {
			hosts := weighted(1, 2, 1, 2, 1, 2, 1, 2)
			b := New(Config{Policy: p}, hosts)
			before := owners(b, keys(20_000))
			eject(hosts, 3)
			b.Update()
			after := owners(b, keys(20_000))
			require.Zero(t, moved(before, after, hosts[3].Address))
			heirs := make(map[string]int)
			for i := range before {
				if before[i] == hosts[3].Address {
					heirs[after[i]]++
				}
			}
			require.Len(t, heirs, 7)
			require.NotContains(t, heirs, hosts[3].Address)

			eject(hosts, 0, 1, 2, 4, 5, 6)
			b.Update()
			for _, owner := range owners(b, keys(1000)) {
				require.Equal(t, hosts[7].Address, owner)
			}
			for i := range hosts {
				hosts[i].State.Ejected.Store(false)
			}
			b.Update()
			require.Equal(t, before, owners(b, keys(20_000)))
		})
	}
}

// The last healthy one of very many hosts is also found.
func TestLastHealthyHost(t *testing.T) {
	for name, p := range hashing {
		t.Run(name, func(t *testing.T) {
			hosts := even(1000)
			for i := range hosts {
				eject(hosts, i)
			}
			b := New(Config{Policy: p}, hosts)
			require.Equal(t, -1, b.Pick(Request{Hash: 1, Hashed: true}))
			hosts[777].State.Ejected.Store(false)
			b.Update()
			for _, key := range keys(200) {
				require.Equal(t, 777, b.Pick(Request{Hash: key, Hashed: true}))
			}
		})
	}
}

// A host that joins or leaves moves few keys except its own.
func TestMembershipMovesFewKeys(t *testing.T) {
	const n, all = 10, 8_000
	for name, row := range map[string]struct {
		config Config
		// most is how many keys of other hosts move, as a fraction of one
		// host's keys.
		most float64
	}{
		// The remaining hosts get more entries of a ring, which takes keys from
		// their neighbors.
		"RingHash": {Config{Policy: RingHash}, 1.1},
		"Maglev":   {Config{Policy: Maglev}, 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			hosts := even(n)
			whole := owners(New(row.config, hosts), keys(all))
			for gone := range hosts {
				rest := slices.Delete(slices.Clone(hosts), gone, gone+1)
				part := owners(New(row.config, rest), keys(all))
				require.Less(t, moved(whole, part, hosts[gone].Address), int(row.most*all/n), "without host %d", gone)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	for name, row := range map[string]struct {
		config Config
		delta  float64 // of the share
	}{
		"RingHash":       {Config{Policy: RingHash}, 0.30},
		"large RingHash": {Config{Policy: RingHash, MinimumRingSize: 50_000}, 0.05},
		"Maglev":         {Config{Policy: Maglev}, 0.03},
		"small Maglev":   {Config{Policy: Maglev, TableSize: 1009}, 0.06},
	} {
		for _, weights := range [][]uint32{{1, 1, 1, 1, 1}, {1, 2, 3, 4}, {90, 10}} {
			t.Run(fmt.Sprintf("%s/%v", name, weights), func(t *testing.T) {
				hosts, total := weighted(weights...), 0.0
				for _, w := range weights {
					total += float64(w)
				}
				got := make([]float64, len(hosts))
				b := New(row.config, hosts)
				const n = 60_000
				for i := range uint64(n) {
					// Evenly spaced hashes, so that only the table is uneven.
					got[b.Pick(Request{Hash: i * (math.MaxUint64 / n), Hashed: true})]++
				}
				for i := range hosts {
					share := float64(weights[i]) / total
					require.InDelta(t, 1, got[i]/n/share, row.delta, "host %d", i)
				}
			})
		}
	}
}

// A ring has Envoy's number of entries: a whole number for the host with the
// smallest weight, and at least the configured number.
func TestRingSize(t *testing.T) {
	for _, row := range []struct {
		weights []uint32
		minimum uint64
		want    []int
	}{
		{[]uint32{1}, 1024, []int{1024}},
		{[]uint32{1, 1}, 1024, []int{512, 512}},
		{[]uint32{1, 1, 1}, 1024, []int{342, 342, 342}},
		{[]uint32{1, 3}, 1024, []int{256, 768}},
		{[]uint32{1, 2}, 1024, []int{342, 684}},
		{[]uint32{1, 1, 1}, 1, []int{1, 1, 1}},
		{[]uint32{1, 2}, 1, []int{1, 2}},
	} {
		hosts := weighted(row.weights...)
		r := New(Config{Policy: RingHash, MinimumRingSize: row.minimum}, hosts).levels[0].table.(*ring)
		got := make([]int, len(hosts))
		for _, host := range r.hosts {
			got[host]++
		}
		require.Equal(t, row.want, got, "%+v", row)
	}
}

// The entries of a ring are the hashes of "address_0", "address_1" and so on, and
// a key belongs to the first one that is not less than its hash.
func TestRingEntries(t *testing.T) {
	hosts := even(3)
	b := New(Config{Policy: RingHash, MinimumRingSize: 12}, hosts)
	r := b.levels[0].table.(*ring)
	want := make(map[uint64]int)
	for i, h := range hosts {
		for k := range 4 {
			want[xxhash64.Sum(fmt.Sprintf("%s_%d", h.Address, k), 0)] = i
		}
	}
	got := make(map[uint64]int)
	for i, hash := range r.hashes {
		got[hash] = int(r.hosts[i])
	}
	require.Equal(t, want, got)
	require.True(t, slices.IsSorted(r.hashes))

	for i, hash := range r.hashes {
		next := r.hosts[(i+1)%len(r.hosts)]
		require.EqualValues(t, r.hosts[i], b.Pick(Request{Hash: hash, Hashed: true}))
		require.EqualValues(t, r.hosts[i], b.Pick(Request{Hash: hash - 1, Hashed: true}))
		require.EqualValues(t, next, b.Pick(Request{Hash: hash + 1, Hashed: true}))
	}
	require.EqualValues(t, r.hosts[0], b.Pick(Request{Hash: 0, Hashed: true}))
	require.EqualValues(t, r.hosts[0], b.Pick(Request{Hash: math.MaxUint64, Hashed: true}))
}

// The index finds the same entry as a search.
func TestRingIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 200; n++ {
		hosts := even(1 + n%7)
		r := New(Config{Policy: RingHash, MinimumRingSize: uint64(n)}, hosts).levels[0].table.(*ring)
		for range 200 {
			hash := random.Uint64()
			at, _ := slices.BinarySearch(r.hashes, hash)
			require.EqualValues(t, r.hosts[at%len(r.hosts)], r.at(hash, 0, nil))
		}
	}
}

// The table of the Maglev paper's method, entry by entry: each host in turn
// takes the first free one of offset, offset+skip and so on.
func TestMaglevEntries(t *testing.T) {
	const size = 31
	hosts := even(4)
	got := New(Config{Policy: Maglev, TableSize: size}, hosts).levels[0].table.(*maglev).hosts
	want := make(map[uint64]int32)
	taken := make([]uint64, len(hosts))
	for turn := 0; len(want) < size; turn++ {
		i := turn % len(hosts)
		for {
			offset := xxhash64.Sum(hosts[i].Address, 0) % size
			skip := xxhash64.Sum(hosts[i].Address, 1)%(size-1) + 1
			entry := (offset + taken[i]*skip) % size
			taken[i]++
			if _, ok := want[entry]; !ok {
				want[entry] = int32(i)
				break
			}
		}
	}
	for i := range got {
		require.Equal(t, want[uint64(i)], got[i], "entry %d", i)
	}
	b := New(Config{Policy: Maglev, TableSize: size}, hosts)
	for hash := range uint64(100) {
		require.EqualValues(t, want[hash%size], b.Pick(Request{Hash: hash, Hashed: true}))
	}
}

// A table with fewer entries than hosts leaves some hosts out, and its
// construction ends.
func TestMoreHostsThanEntries(t *testing.T) {
	hosts := even(20)
	b := New(Config{Policy: Maglev, TableSize: 5, Random: newRandom()}, hosts)
	require.Zero(t, counts(b, 1000)[20])
	for _, at := range b.levels[0].table.(*maglev).hosts {
		eject(hosts, int(at))
	}
	b.Update()
	got := counts(b, 1000)
	require.Zero(t, got[20])
	for i := range hosts {
		require.Equal(t, hosts[i].State.Ejected.Load(), got[i] == 0)
	}
}

func BenchmarkNewTable(b *testing.B) {
	for name, p := range hashing {
		for _, n := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%s/hosts=%d", name, n), func(b *testing.B) {
				hosts := even(n)
				b.ReportAllocs()
				for b.Loop() {
					New(Config{Policy: p}, hosts)
				}
			})
		}
	}
}
