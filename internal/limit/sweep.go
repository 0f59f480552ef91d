package limit

import (
	"math"
	"sync/atomic"
)

// sweep looks at the next pages and merges those that are nearly empty.
func (t *table) sweep(now int64) {
	if !t.sweeping.TryLock() {
		return
	}
	defer t.sweeping.Unlock()
	since := now - t.swept.Load()
	if since < 0 && -since <= t.pace.ahead-t.pace.burst {
		return // a later request was first
	}
	if since >= 0 && since < t.every.Load() {
		return
	}
	t.swept.Store(now)
	for range sweepPages {
		t.sweepPage(now)
		if t.cursor == 0 {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.every.Store(t.interval())
			return
		}
	}
}

// interval returns how often to sweep so that all pages get their turn in about the
// time in which a bucket fills.
func (t *table) interval() int64 {
	if t.pages == 1 {
		return math.MaxInt64
	}
	return max(1, t.pace.ahead/int64(1+t.pages/sweepPages))
}

// sweepPage merges the page at the cursor with the page before it, and the merged
// one with the one before that, as far as possible. The pages before the cursor
// have already been merged, so one pass reduces an empty table to one page.
func (t *table) sweepPage(now int64) {
	p := t.page(t.cursor)
	p.mu.Lock()
	covers, depth, prefix := p.covers(t.cursor), p.depth, p.prefix
	p.mu.Unlock()
	if !covers {
		return // it is divided at the moment
	}
	t.cursor = (prefix + 1) << (64 - depth) // 0 after the last
	for ; prefix&1 == 1; depth, prefix = depth-1, prefix>>1 {
		first := t.page((prefix - 1) << (64 - depth))
		second := t.page(prefix << (64 - depth))
		if first == second || !t.merge(first, second, depth, prefix, now) {
			return
		}
	}
}

// merge moves the keys of a page to the page before it, if both have the given
// depth and few keys.
func (t *table) merge(first, second *page, depth, prefix uint64, now int64) bool {
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	if first.gone || first.depth != depth || first.prefix != prefix-1 ||
		second.gone || second.depth != depth || second.prefix != prefix ||
		first.count(t.pace, now)+second.count(t.pace, now) > sparse {
		return false
	}
	for g := range second.groups {
		for i := range second.groups[g] {
			s := &second.groups[g][i]
			key := s.key.Load()
			if key == 0 {
				continue
			}
			state := s.take()
			s.give(0, 0)
			if !t.pace.live(state, now) {
				continue
			}
			to := first.room(key, t.pace, now)
			if to == nil {
				// The page is not half full: this hardly ever happens.
				to = first.evict(key, t.pace, now)
			}
			to.give(key, state)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	second.gone = true
	first.depth, first.prefix = depth-1, prefix>>1
	t.pages--
	t.depths[depth] -= 2
	t.depths[depth-1]++
	t.publish(first)
	t.fold()
	return true
}

// fold halves the directory while no page needs its last bit.
func (t *table) fold() {
	d := t.dir.Load()
	for d.depth > 0 && t.depths[d.depth] == 0 {
		half := &directory{depth: d.depth - 1, pages: make([]atomic.Pointer[page], len(d.pages)/2)}
		for i := range half.pages {
			half.pages[i].Store(d.pages[2*i].Load())
		}
		d = half
	}
	t.dir.Store(d)
}
