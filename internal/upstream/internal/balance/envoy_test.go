package balance

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// ports returns hosts at 127.0.0.1, from port 90 on, as in Envoy's tests, from
// which the numbers below come.
func ports(weights ...uint32) []Host {
	hosts := weighted(weights...)
	for i := range hosts {
		hosts[i].Address = fmt.Sprintf("127.0.0.1:%d", 90+i)
	}
	return hosts
}

func TestEnvoysRing(t *testing.T) {
	b := New(Config{Policy: RingHash, MinimumRingSize: 12}, ports(1, 1, 1, 1, 1, 1))
	r := b.levels[0].table.(*ring)
	require.Equal(t, []uint64{
		833437586790550860, 928266305478181108, 1033482794131418490, 3551244743356806947,
		3851675632748031481, 5583722120771150861, 6311230543546372928, 7700377290971790572,
		13144177310400110813, 13444792449719432967, 15516499411664133160, 16117243373044804889,
	}, r.hashes)
	require.Equal(t, []int32{4, 2, 0, 5, 3, 1, 1, 3, 5, 2, 4, 0}, r.hosts)
	for hash, want := range map[uint64]int{
		0: 4, math.MaxUint64: 4, 3551244743356806947: 5, 3551244743356806948: 3, 16117243373044804880: 0,
	} {
		require.Equal(t, want, b.Pick(Request{Hash: hash, Hashed: true}))
	}
}

func TestEnvoysMaglev(t *testing.T) {
	for _, row := range []struct {
		hosts []Host
		size  uint64
		want  []int32 // the first entries
	}{
		{ports(1, 1, 1, 1, 1, 1), 7, []int32{2, 4, 0, 1, 5, 0, 3}},
		{ports(1, 2), 17, []int32{1, 0, 0, 1, 0, 1, 1, 0, 1, 1}},
	} {
		got := New(Config{Policy: Maglev, TableSize: row.size}, row.hosts).levels[0].table.(*maglev).hosts
		require.Len(t, got, int(row.size))
		require.Equal(t, row.want, got[:len(row.want)])
	}
}

func TestEnvoysMaglevWeights(t *testing.T) {
	got := make([]int, 2)
	for _, host := range New(Config{Policy: Maglev, TableSize: 17}, ports(1, 2)).levels[0].table.(*maglev).hosts {
		got[host]++
	}
	require.Equal(t, []int{6, 11}, got)
}
