package balance

import (
	"cmp"
	"slices"
)

// A table maps each hash to a host.
type table interface {
	// at returns the index of the host for a hash, or -1 if it finds none.
	// repick counts the hosts for the same hash that were rejected. Hosts in
	// out are skipped, in a way that does not move the keys of others. If out
	// is nil, no host is skipped.
	at(hash, repick uint64, out []bool) int
}

// A tableHost is a host with its share of a table.
type tableHost struct {
	index   int32
	address string
	// weight is a fraction of the total weight, which is 1.
	weight float64
}

// newTable builds the table of the policy. The order of hosts does not matter.
func (c *Config) newTable(hosts []tableHost) table {
	slices.SortFunc(hosts, func(a, b tableHost) int {
		return cmp.Or(cmp.Compare(a.address, b.address), cmp.Compare(a.index, b.index))
	})
	if c.Policy == Maglev {
		return newMaglev(hosts, c.TableSize)
	}
	return newRing(hosts, c.MinimumRingSize)
}

// shares returns the hosts of a level with their fractions of its weight.
func (l *level) shares(hosts []Host) []tableHost {
	localities := 0.0
	for _, of := range l.localities {
		localities += of.weight
	}
	all := make([]tableHost, 0, len(l.hosts))
	for _, of := range l.localities {
		total := 0.0
		for _, at := range of.hosts {
			total += float64(max(hosts[at].Weight, 1))
		}
		for _, at := range of.hosts {
			weight := float64(max(hosts[at].Weight, 1)) * (of.weight / localities) / total
			all = append(all, tableHost{index: at, address: hosts[at].Address, weight: weight})
		}
	}
	return all
}
