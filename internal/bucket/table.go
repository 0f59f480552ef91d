package bucket

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A table has the buckets of a limit with a key. It is an extendible hash table: a
// directory leads from the first bits of a key to its page. A page without room is
// divided in two. When the table has its maximum of pages, a new key gets the slot
// of the fullest bucket in its two groups. So new clients always get in, and a
// bucket that refuses requests stays unless such buckets fill the page.
//
// A full bucket is the same as none, so its slot is free. Requests sweep the pages
// at times, and merge those that are nearly empty. This needs no goroutine.
//
// Keys are keyed hashes of 64 bits, with seeds that clients do not know. Two keys
// share a bucket only if all bits are equal. For a new key among ten million others
// the probability is 5e-13.
type table struct {
	pace *pace
	// clock is nil for the clock of the process.
	clock func() time.Time
	// budget bounds the pages of several tables together. It may be nil.
	budget *Budget
	dir    atomic.Pointer[directory]
	// swept is the time of the last sweep, every how often to sweep.
	swept, every atomic.Int64
	_            [64]byte // what follows changes more often

	// mu protects what follows, and changes of the directory. It is locked after
	// pages.
	mu         sync.Mutex
	pages, max int
	// spread is how many pages the table may have only so that requests do not
	// wait for each other.
	spread int
	// depths counts the pages of each depth.
	depths [maxDepth + 1]int

	sweeping sync.Mutex
	// cursor is the first key of the next page to sweep. sweeping protects it.
	cursor uint64
}

// A directory has a page for each beginning of a key. A page with a shorter prefix
// appears several times.
type directory struct {
	depth uint64
	pages []atomic.Pointer[page]
}

const (
	// maxDepth keeps the bits that select a page apart from those that select a
	// group.
	maxDepth = 23
	// sparse is how many buckets two pages have at most when they are merged. It
	// is far from what makes a page divide.
	sparse = pageSlots * 3 / 8
	// sweepPages is how many pages a request sweeps at most.
	sweepPages = 64
)

func newTable(c *pace, maxPages int, budget *Budget, clock func() time.Time) *table {
	t := &table{pace: c, budget: budget, clock: clock, pages: 1, max: min(max(maxPages, 1), 1<<maxDepth)}
	t.spread = min(t.max, 4*runtime.GOMAXPROCS(0))
	d := &directory{pages: make([]atomic.Pointer[page], 1)}
	d.pages[0].Store(new(page))
	t.dir.Store(d)
	t.depths[0] = 1
	t.every.Store(t.interval())
	budget.join(t)
	return t
}

// page returns the page of a key. It may have changed when it is locked.
func (t *table) page(key uint64) *page {
	d := t.dir.Load()
	return d.pages[key>>(64-d.depth)].Load()
}

// due reports whether it is time for a sweep. A clock that was set back makes the
// difference large.
func (t *table) due(at int64) bool {
	return uint64(at-t.swept.Load()) >= uint64(t.every.Load())
}

// take takes from the bucket of a key.
func (t *table) take(key uint64, now, cost int64) Verdict {
	for {
		p := t.page(key)
		s := p.find(key)
		if s == nil {
			if v, opened := t.open(p, key, now, cost); opened {
				return v
			}
			continue
		}
		for {
			state := s.state.Load()
			if state < 0 || s.key.Load() != key {
				p.wait()
				break
			}
			next, v := t.pace.take(state, now, cost)
			if next == state || s.state.CompareAndSwap(state, next) {
				return v
			}
		}
	}
}

// locked calls a function with the slot of a key, or nil, while the page is locked.
func (t *table) locked(key uint64, use func(*slot)) {
	for {
		p := t.page(key)
		p.mu.Lock()
		if p.covers(key) {
			use(p.find(key))
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
}

// used reports whether a bucket is not full.
func (t *table) used() bool {
	_, now := t.present()
	d := t.dir.Load()
	for i := range d.pages {
		p := d.pages[i].Load()
		if i > 0 && p == d.pages[i-1].Load() {
			continue
		}
		for g := range p.groups {
			for i := range p.groups[g] {
				if t.pace.live(p.groups[g][i].state.Load(), now) {
					return true
				}
			}
		}
	}
	return false
}

// open adds the bucket of a new key and takes from it. It returns false if the page is
// not that of the key, or has the key already.
func (t *table) open(p *page, key uint64, now, cost int64) (Verdict, bool) {
	state, v := t.pace.take(0, now, cost)
	if !t.pace.live(state, now) {
		return v, true // more hits than the burst
	}
	waited := !p.mu.TryLock()
	if waited {
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if !p.covers(key) || p.find(key) != nil {
		return v, false
	}
	if waited && t.divide(p, t.spread) {
		return v, false
	}
	s := p.room(key, t.pace, now)
	if s == nil {
		if t.divide(p, t.max) {
			return v, false
		}
		s = p.evict(key, t.pace, now)
	}
	s.give(key, state)
	return v, true
}

// divide moves the keys of the second half of a page to a new page. It returns
// false if the table has the most pages that it may have. The page must be locked.
func (t *table) divide(p *page, most int) bool {
	if !t.grow(p, most) {
		return false
	}
	second := &page{depth: p.depth + 1, prefix: p.prefix<<1 | 1}
	for g := range p.groups {
		for i := range p.groups[g] {
			s := &p.groups[g][i]
			key := s.key.Load()
			if key == 0 || key>>(63-p.depth)&1 == 0 {
				continue
			}
			second.groups[g][i].give(key, s.take())
			s.give(0, 0)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.depths[p.depth]--
	p.depth, p.prefix = second.depth, p.prefix<<1
	t.depths[p.depth] += 2
	t.publish(second)
	t.every.Store(t.interval())
	return true
}

// grow reserves a page for the second half of a page, or returns false.
func (t *table) grow(p *page, most int) bool {
	t.mu.Lock()
	grows := t.pages < most && p.depth < maxDepth && !t.budget.spent(t.pages)
	if grows {
		t.pages++
	}
	t.mu.Unlock()
	if !grows || t.budget.take(t) {
		return grows
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pages--
	return false
}

// publish enters a page in the directory.
func (t *table) publish(p *page) {
	d := t.dir.Load()
	if p.depth > d.depth {
		twice := &directory{depth: d.depth + 1, pages: make([]atomic.Pointer[page], 2*len(d.pages))}
		for i := range d.pages {
			old := d.pages[i].Load()
			twice.pages[2*i].Store(old)
			twice.pages[2*i+1].Store(old)
		}
		d = twice
		defer t.dir.Store(d)
	}
	each := uint64(1) << (d.depth - p.depth)
	for i := range each {
		d.pages[p.prefix*each+i].Store(p)
	}
}
