package balance

import "slices"

// A view is the state of the levels for the ejections at one moment: which
// hosts are chosen, and how often.
type view struct {
	levels []levelView
	// loads are the percentages of requests that each level gets; their sum is
	// 100.
	loads []int
	// health are the percentages of requests that each level could take.
	health []int
	// out marks the ejected hosts.
	out []bool
}

// A levelView is one level at one moment.
type levelView struct {
	// groups are the localities with hosts to choose from.
	groups []*group
	// ends are the cumulative weights of the groups, if there are several.
	ends []float64
	// panic is set if ejected hosts are used too.
	panic bool
	// out marks the hosts that a table skips, or is nil if none is.
	out []bool
}

// overprovisioning is how much a level or a locality can take, in percent of
// its requests (Envoy's default of overprovisioning_factor).
const overprovisioning = 140

// newView looks at all hosts.
func (b *Balancer) newView() *view {
	v := &view{
		levels: make([]levelView, len(b.levels)),
		loads:  make([]int, len(b.levels)),
		health: make([]int, len(b.levels)),
		out:    make([]bool, len(b.hosts)),
	}
	// Each host is read once, so that the results are consistent.
	for i := range b.hosts {
		v.out[i] = b.hosts[i].State.Ejected.Load()
	}
	healthy := make([]int, len(b.levels))
	total := 0
	for i := range b.levels {
		for _, at := range b.levels[i].hosts {
			if !v.out[at] {
				healthy[i]++
			}
		}
		if n := len(b.levels[i].hosts); n > 0 {
			v.health[i] = min(100, overprovisioning*healthy[i]/n)
		}
		total += v.health[i]
	}
	total = min(100, total)
	b.distribute(v, healthy, total)
	for i := range b.levels {
		if v.levels[i].panic {
			v.levels[i].groups = []*group{b.newGroup(b.levels[i].hosts)}
			continue
		}
		if healthy[i] < len(b.levels[i].hosts) {
			v.levels[i].out = v.out
		}
		b.weigh(v, i)
	}
	return v
}

// distribute sets the load of each level, and whether it is in panic.
func (b *Balancer) distribute(v *view, healthy []int, total int) {
	if total == 100 {
		spill(v.loads, v.health, total)
		return
	}
	all, hosts := true, 0
	for i := range b.levels {
		n := len(b.levels[i].hosts)
		hosts += n
		v.levels[i].panic = n > 0 && 100*healthy[i] < int(b.config.PanicThreshold)*n
		all = all && v.levels[i].panic
	}
	switch {
	case all && hosts > 0:
		// If every level is in panic, size decides instead of health.
		for i := range b.levels {
			v.loads[i] = 100 * len(b.levels[i].hosts) / hosts
		}
		v.loads[0] += 100 - sum(v.loads)
	case total == 0:
		v.loads[0] = 100
	default:
		spill(v.loads, v.health, total)
	}
}

// spill distributes 100 percent: each level takes what its health allows, in
// order. The first level that takes any also gets what rounding lost. total is
// the sum of health, at most 100 and not 0.
func spill(loads, health []int, total int) {
	left, first := 100, -1
	for i, h := range health {
		if first < 0 && h > 0 {
			first = i
		}
		loads[i] = min(left, 100*h/total)
		left -= loads[i]
	}
	loads[first] += left
}

// chooseLevel returns the level whose share of 100 percent contains r.
func chooseLevel(loads []int, r uint64) int {
	at := int(r % 100)
	for i, load := range loads {
		if at < load {
			return i
		}
		at -= load
	}
	return 0
}

// remoteLoads returns the loads without the levels that were tried. Only every
// second retry updates these levels.
func (b *Balancer) remoteLoads(v *view, tried []*State) []int {
	health := slices.Clone(v.health)
	for _, state := range tried[:len(tried)/2*2] {
		at := slices.IndexFunc(b.hosts, func(h Host) bool { return h.State == state })
		if at >= 0 && b.levelOf[at] >= 0 {
			health[b.levelOf[at]] = 0
		}
	}
	total := min(100, sum(health))
	if total == 0 {
		return v.loads
	}
	loads := make([]int, len(health))
	spill(loads, health, total)
	return loads
}

// weigh makes groups of the healthy hosts of a level. A locality keeps its
// weight until too many of its hosts are ejected for the others to take its
// requests.
func (b *Balancer) weigh(v *view, at int) {
	l, end := &v.levels[at], 0.0
	for _, of := range b.levels[at].localities {
		healthy := make([]int32, 0, len(of.hosts))
		for _, at := range of.hosts {
			if !v.out[at] {
				healthy = append(healthy, at)
			}
		}
		if len(healthy) == 0 {
			continue
		}
		share := float64(overprovisioning) / 100 * float64(len(healthy)) / float64(len(of.hosts))
		end += of.weight * min(1, share)
		l.groups = append(l.groups, b.newGroup(healthy))
		l.ends = append(l.ends, end)
	}
}

// choose draws a locality by its weight.
func (l *levelView) choose(r uint64) *group {
	at := fraction(r) * l.ends[len(l.ends)-1]
	for i, end := range l.ends {
		if at < end {
			return l.groups[i]
		}
	}
	return l.groups[len(l.groups)-1]
}

// fraction maps a random number to [0,1).
func fraction(r uint64) float64 { return float64(r>>11) / (1 << 53) }

func sum(numbers []int) int {
	total := 0
	for _, n := range numbers {
		total += n
	}
	return total
}
