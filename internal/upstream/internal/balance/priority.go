package balance

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// A level is the hosts of one priority. Lower levels get the requests that
// higher levels cannot take. A level is empty only if there are no hosts at
// all.
type level struct {
	hosts []int32
	// localities are the hosts by locality, or one entry for all hosts if
	// localities do not matter.
	localities []localityHosts
	// table is for policies that hash.
	table table
}

// localityHosts are the hosts in one locality.
type localityHosts struct {
	hosts  []int32
	weight float64
}

// prioritize divides hosts into levels, and returns these and the level of each
// host.
func (c *Config) prioritize(hosts []Host) ([]level, []int) {
	s := c.Locality
	priorities := make([]int, len(hosts))
	if s == nil {
		return levels(hosts, priorities, func([]int32) []localityHosts { return nil }), priorities
	}
	weigh := func(of []int32) []localityHosts { return byLocality(hosts, of) }
	switch {
	case len(s.Distribute) > 0:
		at := slices.IndexFunc(s.Distribute, func(d Distribute) bool { return s.Proxy.in(d.From) })
		if at >= 0 && s.Proxy != (Locality{}) {
			to := s.Distribute[at].To
			for i := range hosts {
				if !slices.ContainsFunc(to, func(w LocalityWeight) bool { return hosts[i].Locality.in(w.Locality) }) {
					priorities[i] = -1
				}
			}
			weigh = func(of []int32) []localityHosts { return distribute(hosts, byLocality(hosts, of), to) }
		}
	case s.OutlierDetection:
		for i := range hosts {
			priorities[i] = s.priority(&hosts[i])
		}
		compact(priorities)
	}
	return levels(hosts, priorities, weigh), priorities
}

// levels makes the levels of priorities, which have no gaps. -1 is no level.
func levels(hosts []Host, priorities []int, weigh func([]int32) []localityHosts) []level {
	all := make([]level, 1)
	for i := range hosts {
		if priorities[i] < 0 {
			continue
		}
		for len(all) <= priorities[i] {
			all = append(all, level{})
		}
		l := &all[priorities[i]]
		l.hosts = append(l.hosts, int32(i))
	}
	for i := range all {
		all[i].localities = weigh(all[i].hosts)
		if all[i].localities == nil {
			all[i].localities = []localityHosts{{hosts: all[i].hosts, weight: 1}}
		}
	}
	return all
}

// byLocality groups hosts by locality. The weight of each is that of its hosts.
func byLocality(hosts []Host, of []int32) []localityHosts {
	groups := make(map[Locality]*localityHosts)
	for _, at := range of {
		g := groups[hosts[at].Locality]
		if g == nil {
			g = &localityHosts{}
			groups[hosts[at].Locality] = g
		}
		g.hosts = append(g.hosts, at)
		g.weight += float64(max(hosts[at].Weight, 1))
	}
	all := make([]localityHosts, 0, len(groups))
	for _, at := range slices.SortedFunc(maps.Keys(groups), func(a, b Locality) int { return cmp.Compare(a.String(), b.String()) }) {
		all = append(all, *groups[at])
	}
	return all
}

// distribute gives each locality the weight of the first pattern that it
// matches. Localities of one pattern share its weight in proportion to their
// own, rounded up, because weights are whole numbers in Istio.
func distribute(hosts []Host, localities []localityHosts, to []LocalityWeight) []localityHosts {
	pattern := make([]int, len(localities))
	totals := make([]float64, len(to))
	for i, l := range localities {
		where := hosts[l.hosts[0]].Locality
		pattern[i] = slices.IndexFunc(to, func(w LocalityWeight) bool { return where.in(w.Locality) })
		totals[pattern[i]] += l.weight
	}
	for i := range localities {
		at := pattern[i]
		localities[i].weight = math.Ceil(localities[i].weight * float64(to[at].Weight) / totals[at])
	}
	return slices.DeleteFunc(localities, func(l localityHosts) bool { return l.weight == 0 })
}

// priority returns the priority of h. Lower numbers are used first.
func (s *LocalitySetting) priority(h *Host) int {
	priority := 0
	if len(s.FailoverPriority) > 0 {
		priority = s.byLabels(h)
		if len(s.Failover) == 0 {
			return priority
		}
	}
	if s.Proxy == (Locality{}) {
		return priority
	}
	distance := s.Proxy.distance(h.Locality)
	if distance == 3 {
		at := slices.IndexFunc(s.Failover, func(f Failover) bool { return f.From == s.Proxy.Region })
		if at >= 0 && s.Failover[at].To != h.Locality.Region {
			distance = 4
		}
	}
	return 5*priority + distance
}

// byLabels counts the labels from the first one that h does not share.
func (s *LocalitySetting) byLabels(h *Host) int {
	if len(s.ProxyLabels) == 0 && s.Proxy == (Locality{}) {
		return 0
	}
	for i, label := range s.FailoverPriority {
		name, want, given := strings.Cut(label, "=")
		if !given {
			want = labelOf(s.ProxyLabels, s.Proxy, name)
		}
		if labelOf(h.Labels, h.Locality, name) != want {
			return len(s.FailoverPriority) - i
		}
	}
	return 0
}

// labelOf returns a label, or the part of a locality that a topology label of
// Kubernetes or Istio means.
func labelOf(labels map[string]string, in Locality, name string) string {
	if value, ok := labels[name]; ok {
		return value
	}
	switch name {
	case "topology.kubernetes.io/region":
		return in.Region
	case "topology.kubernetes.io/zone":
		return in.Zone
	case "topology.istio.io/subzone":
		return in.Subzone
	}
	return ""
}

// compact makes priorities count from 0 without gaps.
func compact(priorities []int) {
	used := slices.Compact(slices.Sorted(slices.Values(priorities)))
	for i, p := range priorities {
		priorities[i], _ = slices.BinarySearch(used, p)
	}
}
