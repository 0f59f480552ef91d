package bucket

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// sweepAll sweeps the table, and one that shares its budget: nobody else sweeps a table
// whose limit has no requests any more. No page may be locked.
func (t *table) sweepAll(at, now int64) {
	t.sweep(at, now)
	if o := t.budget.other(t); o != nil {
		if at, now := o.present(); o.due(at) {
			o.sweep(at, now)
		}
	}
}

// present returns the time, and that of buckets.
func (t *table) present() (at, now int64) {
	if t.clock == nil && t.pace.window.unit == 0 {
		at = t.pace.now()
		return at, at
	}
	clock := t.clock
	if clock == nil {
		clock = time.Now
	}
	return t.pace.moment(clock())
}

// sweep looks at the next pages and merges those that are nearly empty. The time is
// at, and that of buckets is now.
func (t *table) sweep(at, now int64) {
	if !t.sweeping.TryLock() {
		return
	}
	defer t.sweeping.Unlock()
	since := at - t.swept.Load()
	if since < 0 && -since <= int64(overtaking)*t.pace.steps {
		return // a later request was first
	}
	if since >= 0 && since < t.every.Load() {
		return
	}
	t.swept.Store(at)
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
// time in which a bucket fills. A table with one page sweeps those that share its budget.
func (t *table) interval() int64 {
	if t.pages == 1 && t.budget == nil {
		return math.MaxInt64
	}
	return max(1, t.pace.fill()/int64(1+t.pages/sweepPages))
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

// shrink merges two pages, whatever they have. It returns false if that is not possible
// at once. It waits for no lock of a page, because the caller may hold one.
func (t *table) shrink() bool {
	if !t.sweeping.TryLock() {
		return false
	}
	defer t.sweeping.Unlock()
	_, now := t.present()
	first, second := t.twins()
	if first == nil || !first.mu.TryLock() {
		return false
	}
	defer first.mu.Unlock()
	if !second.mu.TryLock() {
		return false
	}
	defer second.mu.Unlock()
	if first.gone || second.gone || first.depth != second.depth || first.prefix^1 != second.prefix {
		return false
	}
	t.join(first, second, now)
	return true
}

// twins returns two pages that were one, or nil. They are not the same each time.
func (t *table) twins() (first, second *page) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.dir.Load()
	entries := uint64(len(d.pages))
	if entries == 1 {
		return nil, nil
	}
	// The pages of a table that shrinks have nearly the same depth. Those that are
	// the deepest always have a twin.
	from := rand.Uint64N(entries) &^ 1
	for i := uint64(0); i < entries; i += 2 {
		at := (from + i) % entries
		if first, second = d.pages[at].Load(), d.pages[at+1].Load(); first != second {
			return first, second
		}
	}
	return nil, nil
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
	t.join(first, second, now)
	return true
}

// join moves the keys of a page to the page before it. If that has no room, the
// fullest buckets are lost. Both pages must be locked.
func (t *table) join(first, second *page, now int64) {
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
				to = first.squeeze(key, state, t.pace, now)
			}
			if to != nil {
				to.give(key, state)
			}
		}
	}
	depth := second.depth
	t.mu.Lock()
	defer t.mu.Unlock()
	second.gone = true
	first.depth, first.prefix = depth-1, second.prefix>>1
	t.pages--
	t.depths[depth] -= 2
	t.depths[depth-1]++
	t.publish(first)
	t.fold()
	t.budget.give(t)
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
