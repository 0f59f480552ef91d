package limits

import (
	"sync/atomic"
	"time"
)

// windowSlots is how many parts of an interval a window knows apart, as in Envoy.
const windowSlots = 10

// A window counts what happened in the last interval. A part of it counts until it
// is over as a whole, for which the interval is longer by up to a tenth. It is safe
// for concurrent use, and takes no lock.
type window struct {
	slot  time.Duration
	now   func() time.Time
	began time.Time
	// slots hold the number of the part that they count in the upper half, and the
	// count in the lower one.
	slots [windowSlots + 1]atomic.Uint64
}

func newWindow(interval time.Duration, now func() time.Time) *window {
	return &window{slot: max(interval/windowSlots, 1), now: now, began: now()}
}

// part returns the number of the present part. It begins at 1, which tells the
// first from a slot that was never used.
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

// count returns how many were counted.
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
