package limits

import (
	"sync/atomic"
	"time"
)

// windowSlots is how many parts of an interval a window distinguishes, as in
// Envoy.
const windowSlots = 10

// A window counts events in the last interval. Each part of it counts until the
// whole part is over, so the interval is up to a tenth longer. It is safe for
// concurrent use, and takes no lock.
type window struct {
	slot  time.Duration
	now   func() time.Time
	began time.Time
	// slots hold the number of their part in the upper half, and its count in
	// the lower half.
	slots [windowSlots + 1]atomic.Uint64
}

func newWindow(interval time.Duration, now func() time.Time) *window {
	return &window{slot: max(interval/windowSlots, 1), now: now, began: now()}
}

// part returns the number of the current part. It begins at 1 to distinguish
// the first part from an unused slot.
func (w *window) part() uint32 { return uint32(w.now().Sub(w.began)/w.slot) + 1 }

// add counts one.
func (w *window) add() {
	part := w.part()
	slot := &w.slots[part%uint32(len(w.slots))]
	for {
		before := slot.Load()
		after := before + 1
		if uint32(before>>32) != part {
			after = uint64(part)<<32 + 1
		}
		if slot.CompareAndSwap(before, after) {
			return
		}
	}
}

// count returns the number of counted events.
func (w *window) count() int64 {
	part := w.part()
	var sum int64
	for i := range w.slots {
		if slot := w.slots[i].Load(); slot != 0 && part-uint32(slot>>32) <= windowSlots {
			sum += int64(uint32(slot))
		}
	}
	return sum
}
