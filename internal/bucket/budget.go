package bucket

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"
)

// DefaultBudget is the default of NewBudget, in bytes.
const DefaultBudget = 256 << 20

// A Budget bounds the memory of several Buckets together. Half of it is a reserve, of
// which each of them has an equal share. The other half is for who comes first. So a
// flood of keys of one limit leaves the others their share, and when more limits come,
// what is above the new share goes back to them.
//
// Buckets that get no more memory let a new key replace one whose bucket is nearly full,
// as with RateLimit.MaxKeys. Each always has one page, so the bound is at least that.
//
// The methods of a nil Budget allow everything. All methods can be called concurrently.
type Budget struct {
	// total is how many pages there are.
	total int

	// spare is how many of the pages that are not reserved are free. It and share
	// change with mu, and are read without it where a mistake does no harm.
	spare, share atomic.Int64

	// mu protects what follows. It is locked after all locks of a table.
	mu sync.Mutex
	// tables are the numbers of their pages, and used the sum.
	tables map[*table]int
	used   int
}

// NewBudget returns a budget of some bytes, DefaultBudget for zero. The directories
// that lead to the buckets take up to a sixty-fourth more.
func NewBudget(bytes int64) *Budget {
	if bytes <= 0 {
		bytes = DefaultBudget
	}
	pages := bytes / int64(unsafe.Sizeof(page{}))
	return &Budget{total: int(max(1, min(pages, math.MaxInt32))), tables: map[*table]int{}}
}

// join adds a table with one page.
func (b *Budget) join(t *table) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.tables[t] = 1
	b.used++
	b.divide()
	over := b.used > b.total
	b.mu.Unlock()
	if over {
		b.reclaim()
	}
}

// leave gives back all pages of a table.
func (b *Budget) leave(t *table) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= b.tables[t]
	delete(b.tables, t)
	b.divide()
}

// divide divides the reserve. The budget must be locked.
func (b *Budget) divide() {
	n := max(len(b.tables), 1)
	share := max(1, b.total/2/n)
	spare := b.total - n*share
	for _, pages := range b.tables {
		spare -= max(0, pages-share)
	}
	b.share.Store(int64(share))
	b.spare.Store(int64(spare))
}

// spent reports whether a table with so many pages gets no more. Another answer is not
// binding.
func (b *Budget) spent(pages int) bool {
	return b != nil && b.spare.Load() <= 0 && int64(pages) >= b.share.Load()
}

// take takes a page for a table. It returns false if there is none.
func (b *Budget) take(t *table) bool {
	if b == nil {
		return true
	}
	// Others may be faster in taking what was reclaimed.
	for range 4 {
		taken, entitled := b.tryTake(t)
		if taken || !entitled {
			return taken
		}
		if !b.reclaim() {
			return false
		}
	}
	return false
}

// tryTake takes a page for a table if one is free. It also reports whether the table may
// have one that another table has too much.
func (b *Budget) tryTake(t *table) (taken, entitled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	pages, known := b.tables[t]
	if !known {
		return false, false // its buckets are gone
	}
	reserved := int64(pages) < b.share.Load()
	switch {
	case b.used >= b.total:
		return false, reserved
	case reserved:
	case b.spare.Load() > 0:
		b.spare.Add(-1)
	default:
		return false, false
	}
	b.tables[t]++
	b.used++
	return true, true
}

// give gives a page of a table back.
func (b *Budget) give(t *table) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	pages, known := b.tables[t]
	if !known {
		return
	}
	if int64(pages) > b.share.Load() {
		b.spare.Add(1)
	}
	b.tables[t]--
	b.used--
}

// reclaim makes the table with the most pages give one back, if that has more than its
// share. It returns false if that does not succeed at once.
func (b *Budget) reclaim() bool {
	b.mu.Lock()
	var largest *table
	most := int(b.share.Load())
	for t, pages := range b.tables {
		if pages > most {
			largest, most = t, pages
		}
	}
	b.mu.Unlock()
	return largest != nil && largest.shrink()
}

// other returns a table that is not t, at random, or nil.
func (b *Budget) other(t *table) *table {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for o := range b.tables {
		if o != t {
			return o
		}
	}
	return nil
}
