package balance

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

// A ring is a circle of hashes, several of each host, and a key belongs to the
// next one (Envoy's RING_HASH, with the same hashes).
type ring struct {
	// hashes are in order, and hosts says whose each one is.
	hashes []uint64
	hosts  []int32
	// starts are, for the hashes with the same leading bits, the index of the
	// first one that is not less than all of these. Hashes are spread evenly, so
	// that hardly a step is left to go from there.
	starts []uint32
	shift  uint
}

// maxRingSize limits a ring, as Envoy's default does.
const maxRingSize = 8 << 20

// newRing builds a ring of hosts that are in the order of their addresses.
func newRing(hosts []tableHost, minimum uint64) *ring {
	if len(hosts) == 0 {
		return &ring{}
	}
	least := 1.0
	for _, h := range hosts {
		least = min(least, h.weight)
	}
	// As many hashes as give the host with the least weight a whole number of them.
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

// index fills in starts, of which there are not more than hashes.
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
	// A shift by 64 leaves 0.
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
