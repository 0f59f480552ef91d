package balance

import "github.com/lateengo/gateway/internal/upstream/internal/xxhash64"

// A maglev is a table with a host in each entry. When hosts join or leave, few
// entries change (Envoy's MAGLEV, with the same entries; the algorithm is
// Google's).
type maglev struct{ hosts []int32 }

// A chooser is a host that fills a table.
type chooser struct {
	next, skip uint64
	index      int32
	weight     float64
	// due is the value that round number times weight must reach for the next
	// turn.
	due float64
}

// step goes to the next entry in the host's order.
func (c *chooser) step(size uint64) {
	if c.next += c.skip; c.next >= size {
		c.next -= size
	}
}

// newMaglev builds a table of hosts that are sorted by address. size is prime,
// so that each host goes through all entries in its own order. The hosts take
// turns to choose their next free entry, as often as their weight allows.
func newMaglev(hosts []tableHost, size uint64) *maglev {
	if len(hosts) == 0 {
		return &maglev{}
	}
	choosers := make([]chooser, len(hosts))
	most := 0.0
	for i, h := range hosts {
		choosers[i] = chooser{
			next:   xxhash64.Sum(h.address, 0) % size,
			skip:   xxhash64.Sum(h.address, 1)%(size-1) + 1,
			index:  h.index,
			weight: h.weight,
		}
		most = max(most, h.weight)
	}
	t := &maglev{hosts: make([]int32, size)}
	for i := range t.hosts {
		t.hosts[i] = -1
	}
	for round, left := 1.0, size; ; round++ {
		for i := range choosers {
			c := &choosers[i]
			if round*c.weight < c.due {
				continue
			}
			c.due += most
			for t.hosts[c.next] >= 0 {
				c.step(size)
			}
			t.hosts[c.next] = c.index
			c.step(size)
			if left--; left == 0 {
				return t
			}
		}
	}
}

// maxProbes is how many entries are tried for a key of an ejected host before
// all entries are tried in order. So many tries fail only if almost no host is
// healthy.
const maxProbes = 64

func (t *maglev) at(hash, repick uint64, out []bool) int {
	size := uint64(len(t.hosts))
	if size == 0 {
		return -1
	}
	if repick > 0 {
		hash ^= -repick
	}
	at := hash % size
	for probe := uint64(1); ; probe++ {
		host := t.hosts[at]
		if out == nil || !out[host] {
			return int(host)
		}
		if probe > maxProbes {
			break
		}
		// Another entry for the same key, at random, so that the keys of one
		// host are spread over all others by their weights.
		at = mix(hash+probe*golden) % size
	}
	for range size {
		if at++; at == size {
			at = 0
		}
		if host := t.hosts[at]; !out[host] {
			return int(host)
		}
	}
	return -1
}

// mix makes all bits of a number depend on all others.
func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
