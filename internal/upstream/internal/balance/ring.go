package balance

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

// A ring is a circle of hashes, several for each host. A key belongs to the
// next hash (Envoy's RING_HASH, with the same hashes).
type ring struct {
	// hashes are sorted, and hosts has the host of each.
	hashes []uint64
	hosts  []int32
	// starts are indexed by the leading bits of a hash. Each is the index of
	// the first hash that is not less than any hash with these bits. Hashes are
	// evenly spread, so few steps remain from there.
	starts []uint32
	shift  uint
}

// maxRingSize limits a ring, as in Envoy's default.
const maxRingSize = 8 << 20

// newRing builds a ring of hosts that are sorted by address.
func newRing(hosts []tableHost, minimum uint64) *ring {
	if len(hosts) == 0 {
		return &ring{}
	}
	least := 1.0
	for _, h := range hosts {
		least = min(least, h.weight)
	}
	// Enough hashes to give the host with the smallest weight a whole number of
	// them.
	size := min(math.Ceil(least*float64(minimum))/least, maxRingSize)

	type entry struct {
		hash uint64
		host int32
	}
	entries := make([]entry, 0, int(math.Ceil(size)))
	var key []byte
	current, target := 0.0, 0.0
	for _, h := range hosts {
		key = append(append(key[:0], h.address...), '_')
		prefix := len(key)
		target += size * h.weight
		for i := int64(0); current < target; i++ {
			key = strconv.AppendInt(key[:prefix], i, 10)
			entries = append(entries, entry{xxhash64.Sum(key, 0), h.index})
			current++
		}
	}
	// Sorting is stable for the rare equal hashes.
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.hash, b.hash) })

	r := &ring{hashes: make([]uint64, len(entries)), hosts: make([]int32, len(entries))}
	for i, e := range entries {
		r.hashes[i], r.hosts[i] = e.hash, e.host
	}
	r.index()
	return r
}

// index fills starts, which has no more entries than hashes.
func (r *ring) index() {
	n := uint(bits.Len(uint(len(r.hashes))) - 1)
	r.shift = 64 - n
	r.starts = make([]uint32, 1<<n)
	at := 0
	for i := range r.starts {
		for at < len(r.hashes) && r.hashes[at]>>r.shift < uint64(i) {
			at++
		}
		r.starts[i] = uint32(at)
	}
}

func (r *ring) at(hash, repick uint64, out []bool) int {
	n := uint64(len(r.hashes))
	if n == 0 {
		return -1
	}
	// A shift by 64 gives 0.
	at := uint64(r.starts[hash>>r.shift])
	for at < n && r.hashes[at] < hash {
		at++
	}
	at = (at + repick) % n
	for range n {
		host := r.hosts[at]
		if out == nil || !out[host] {
			return int(host)
		}
		if at++; at == n {
			at = 0
		}
	}
	return -1
}
