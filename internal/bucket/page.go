package bucket

import (
	"sync"
	"sync/atomic"
)

// A page has the buckets of all keys whose hashes begin with the same bits. Each
// key has two groups in which its bucket may be. A group is a cache line.
//
// Tokens are taken without the lock, by compare-and-swap of a state. The lock is
// for what changes the key of a slot: then the state is ownerless meanwhile, so
// that a compare-and-swap of the former owner fails.
type page struct {
	mu sync.Mutex
	// prefix is the common beginning of the hashes, depth its length in bits.
	prefix uint64
	depth  uint64
	// gone means that the keys are in another page now.
	gone   bool
	_      [39]byte // groups begin at a cache line
	groups [pageGroups]group
}

// pageGroups makes a page take 4096 bytes, and so begin at a cache line.
const (
	pageGroups = 63
	groupSlots = 4
	pageSlots  = pageGroups * groupSlots
)

type group [groupSlots]slot

// A slot is a place for a bucket. A key is a keyed hash of 64 bits, or 0 for none.
type slot struct {
	key   atomic.Uint64
	state atomic.Int64
}

// home and other return the indexes of a key's groups. They use bits in the middle
// of the key, because the keys in a page have the first bits in common.
func home(key uint64) uint64  { return (key & 0xffffffff) * pageGroups >> 32 }
func other(key uint64) uint64 { return (key >> 8 & 0xffffffff) * pageGroups >> 32 }

// covers reports whether a key belongs in the page. The page must be locked.
func (p *page) covers(key uint64) bool { return !p.gone && key>>(64-p.depth) == p.prefix }

// wait waits until a change of the page is complete.
func (p *page) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
}

// find returns the slot of a key, or nil. Without the lock it can miss a key that
// moves.
func (p *page) find(key uint64) *slot {
	if s := p.groups[home(key)].find(key); s != nil {
		return s
	}
	return p.groups[other(key)].find(key)
}

func (g *group) find(key uint64) *slot {
	for i := range g {
		if g[i].key.Load() == key {
			return &g[i]
		}
	}
	return nil
}

// free takes a slot whose bucket is full from its owner. It returns nil if there is
// none. The page must be locked.
func (g *group) free(c *pace, now int64) *slot {
	for i := range g {
		s := &g[i]
		state := s.state.Load()
		if !c.live(state, now) && s.state.CompareAndSwap(state, ownerless|state&owners) {
			return s
		}
	}
	return nil
}

// take takes a slot from its owner and returns its state.
func (s *slot) take() int64 {
	for {
		state := s.state.Load()
		if s.state.CompareAndSwap(state, ownerless|state&owners) {
			return state
		}
	}
}

// give gives a slot that was taken to another owner, or to none if key is 0.
func (s *slot) give(key uint64, state int64) {
	flags := (s.state.Load() + owner) & owners
	s.key.Store(key)
	s.state.Store(state&^owners | flags)
}

// choices returns the two groups of a key.
func (p *page) choices(key uint64) [2]*group {
	return [2]*group{&p.groups[home(key)], &p.groups[other(key)]}
}

// alternative returns the group of a key that is not g, unless both are the same.
func (p *page) alternative(key uint64, g *group) *group {
	if at := &p.groups[home(key)]; at != g {
		return at
	}
	return &p.groups[other(key)]
}

// room takes a slot for a new key from its owner. It is a free slot, or one whose
// owner can move to its other group. The result is nil if there is none. The page
// must be locked.
func (p *page) room(key uint64, c *pace, now int64) *slot {
	choices := p.choices(key)
	for _, g := range choices {
		if s := g.free(c, now); s != nil {
			return s
		}
	}
	for _, g := range choices {
		for i := range g {
			s := &g[i]
			if to := p.alternative(s.key.Load(), g).free(c, now); to != nil {
				to.give(s.key.Load(), s.take())
				return s
			}
		}
	}
	return nil
}

// evict takes the slot of the fullest bucket from its owner, for a new key. A bucket
// that refuses requests stays if another of the two groups of the key, or of the
// keys in these, does not. The page must be locked and have no room for the key.
func (p *page) evict(key uint64, c *pace, now int64) *slot {
	choices := p.choices(key)
	victim, over := choices[0].fullest(c, now)
	if v, o := choices[1].fullest(c, now); over && !o || over == o && v.state.Load() < victim.state.Load() {
		victim, over = v, o
	}
	if over {
		for _, g := range choices {
			for i := range g {
				s := &g[i]
				to, over := p.alternative(s.key.Load(), g).fullest(c, now)
				if !over {
					to.take()
					to.give(s.key.Load(), s.take())
					return s
				}
			}
		}
	}
	victim.take()
	return victim
}

// squeeze takes the slot of a bucket that is fuller than one which moves here from
// another page, or of one that refuses no requests if that does. It returns nil if there
// is none. The page must be locked and have no room for the key.
func (p *page) squeeze(key uint64, state int64, c *pace, now int64) *slot {
	if c.over(state, now) {
		return p.evict(key, c, now)
	}
	for _, g := range p.choices(key) {
		if s, over := g.fullest(c, now); !over && s.state.Load() < state {
			s.take()
			return s
		}
	}
	return nil
}

// fullest returns the slot with the fullest bucket, and whether that refuses
// requests. Those that do come last.
func (g *group) fullest(c *pace, now int64) (victim *slot, over bool) {
	var least int64
	for i := range g {
		state := g[i].state.Load()
		o := c.over(state, now)
		if victim == nil || over && !o || over == o && state < least {
			victim, least, over = &g[i], state, o
		}
	}
	return victim, over
}

// count returns how many buckets are not full.
func (p *page) count(c *pace, now int64) (n int) {
	for g := range p.groups {
		for i := range p.groups[g] {
			if c.live(p.groups[g][i].state.Load(), now) {
				n++
			}
		}
	}
	return n
}
