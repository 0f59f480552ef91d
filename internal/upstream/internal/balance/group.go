package balance

import (
	"sync/atomic"
	"time"
)

// A group is a set of hosts that a policy chooses from: the healthy ones of one
// locality and priority, or all of them in a panic. It is never empty. Only the
// position of its rotation changes.
type group struct {
	members []member
	// draw draws by weight. It is nil if all weights are equal, or ignored.
	draw *alias
	// rotation is the order of RoundRobin.
	rotation *rotation
	// oldest is when the first member joined, and warm is when the last one
	// ends its warmup. warming is set until a request notices that all warmups
	// are over.
	oldest, warm time.Time
	warming      atomic.Bool
}

// newGroup makes a group of the hosts with the given indices.
func (b *Balancer) newGroup(hosts []int32) *group {
	g := &group{members: make([]member, len(hosts))}
	even := true
	for i, at := range hosts {
		h := &b.hosts[at]
		g.members[i] = member{state: h.State, index: at, weight: max(h.Weight, 1), added: h.Added}
		even = even && g.members[i].weight == g.members[0].weight
	}
	switch b.config.Policy {
	case LeastRequest:
		if !even {
			g.draw = newAlias(g.members)
		}
	case RoundRobin:
		g.rotation = newRotation(g.members, even, b.config.Random())
	default:
		return g
	}
	if w := b.config.Warmup; w != nil && len(hosts) > 1 {
		g.oldest = g.members[0].added
		for _, m := range g.members {
			if m.added.Before(g.oldest) {
				g.oldest = m.added
			}
			if end := m.added.Add(w.Duration); end.After(g.warm) {
				g.warm = end
			}
		}
		g.warming.Store(g.warm.After(b.config.Now()))
	}
	return g
}

// pick chooses a host, and returns its index.
func (g *group) pick(c *Config) int {
	if len(g.members) == 1 {
		return int(g.members[0].index)
	}
	if g.warming.Load() {
		if now := c.Now(); now.Before(g.warm) {
			return g.pickWarming(c, now)
		}
		g.warming.Store(false)
	}
	var m *member
	switch c.Policy {
	case LeastRequest:
		m = g.leastRequest(c)
	case RoundRobin:
		m = &g.members[g.rotation.next()]
	default:
		m = &g.members[below(c.Random(), len(g.members))]
	}
	return int(m.index)
}

// pickWarming chooses a host while some hosts get less than their weight.
func (g *group) pickWarming(c *Config, now time.Time) int {
	if c.Policy == LeastRequest {
		return int(g.leastLoaded(c, now).index)
	}
	return int(g.rotateWarming(c, now).index)
}
