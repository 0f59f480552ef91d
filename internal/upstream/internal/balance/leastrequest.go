package balance

import "time"

// leastRequest chooses a host by its requests in progress.
func (g *group) leastRequest(c *Config) *member {
	if g.draw != nil {
		return g.leastLoaded(c, time.Time{})
	}
	// Both choices come from the two halves of one number.
	n := uint64(len(g.members))
	r := c.Random()
	m, other := &g.members[(r>>32)*n>>32], &g.members[(r&0xffffffff)*n>>32]
	if other.state.Active.Load() < m.state.Active.Load() {
		return other
	}
	return m
}

const (
	// fewHosts is the number of hosts up to which all are compared.
	fewHosts = 16
	// sampledHosts is how many are compared if there are more.
	sampledHosts = 4
)

// leastLoaded draws a host in proportion to weight/(active requests+1), and to
// the factor of its warmup if now is not zero. Envoy instead keeps a queue of
// hosts ordered by that number, which needs a lock. Drawing gives each host the
// same share without a lock: exactly with few hosts, and nearly with many. With
// many, a sample is drawn by weight, and one host of the sample by load.
func (g *group) leastLoaded(c *Config, now time.Time) *member {
	var candidates [fewHosts]*member
	var ends [fewHosts]float64
	n, end := len(g.members), 0.0
	if n <= fewHosts {
		for i := range g.members {
			m := &g.members[i]
			candidates[i] = m
			end += float64(m.weight) * m.readiness(c, now)
			ends[i] = end
		}
	} else {
		n = sampledHosts
		for i := range n {
			m := &g.members[g.drawByWeight(c.Random())]
			candidates[i] = m
			end += m.readiness(c, now)
			ends[i] = end
		}
	}
	at := fraction(c.Random()) * end
	for i := range n - 1 {
		if at < ends[i] {
			return candidates[i]
		}
	}
	return candidates[n-1]
}

// readiness is the part of its weight that a host should get.
func (m *member) readiness(c *Config, now time.Time) float64 {
	// A count may be briefly negative, and must not cause a division by zero.
	r := 1 / float64(max(m.state.Active.Load(), 0)+1)
	if !now.IsZero() {
		r *= c.Warmup.factor(now.Sub(m.added))
	}
	return r
}

// drawByWeight draws the index of a member.
func (g *group) drawByWeight(r uint64) int {
	if g.draw == nil {
		return below(r, len(g.members))
	}
	return g.draw.at(r)
}
