package limit

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
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
	dir  atomic.Pointer[directory]
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

func newTable(c *pace, maxPages int) *table {
	t := &table{pace: c, pages: 1, max: min(max(maxPages, 1), 1<<maxDepth)}
	t.spread = min(t.max, 4*runtime.GOMAXPROCS(0))
	d := &directory{pages: make([]atomic.Pointer[page], 1)}
	d.pages[0].Store(new(page))
	t.dir.Store(d)
	t.depths[0] = 1
	t.every.Store(math.MaxInt64)
	return t
}

// page returns the page of a key. It may have changed when it is locked.
func (t *table) page(key uint64) *page {
	d := t.dir.Load()
	return d.pages[key>>(64-d.depth)].Load()
}

// take takes a token from the bucket of a key.
func (t *table) take(key uint64, now int64) Verdict {
	// A clock that was set back makes the difference large.
	if uint64(now-t.swept.Load()) >= uint64(t.every.Load()) {
		t.sweep(now)
	}
	for {
		p := t.page(key)
		s := p.find(key)
		if s == nil {
			if t.open(p, key, now) {
				return Verdict{Allowed: true, used: t.pace.token, pace: t.pace}
			}
			continue
		}
		for {
			state := s.state.Load()
			if state < 0 || s.key.Load() != key {
				p.wait()
				break
			}
			next, v := t.pace.take(state, now)
			if next == state || s.state.CompareAndSwap(state, next) {
				return v
			}
		}
	}
}

// used returns how many steps the bucket of a key needs to be full.
func (t *table) used(key uint64, now int64) int64 {
	for {
		p := t.page(key)
		p.mu.Lock()
		if !p.covers(key) {
			p.mu.Unlock()
			continue
		}
		var used int64
		if s := p.find(key); s != nil {
			used = t.pace.used(s.state.Load(), now)
		}
		p.mu.Unlock()
		return used
	}
}

// open adds the bucket of a new key, from which one token is taken. It returns false
// if the page is not that of the key, or has the key already.
func (t *table) open(p *page, key uint64, now int64) bool {
	waited := !p.mu.TryLock()
	if waited {
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if !p.covers(key) || p.find(key) != nil {
		return false
	}
	if waited && t.divide(p, t.spread) {
		return false
	}
	s := p.room(key, t.pace, now)
	if s == nil {
		if t.divide(p, t.max) {
			return false
		}
		s = p.evict(key, t.pace, now)
	}
	state, _ := t.pace.take(0, now)
	s.give(key, state)
	return true
}

// divide moves the keys of the second half of a page to a new page. It returns
// false if the table has the most pages that it may have. The page must be locked.
func (t *table) divide(p *page, most int) bool {
	t.mu.Lock()
	grows := t.pages < most && p.depth < maxDepth
	if grows {
		t.pages++
	}
	t.mu.Unlock()
	if !grows {
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
