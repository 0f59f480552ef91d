package pace

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Progress is what is known of a client.
type Progress struct {
	// Known means that the rest is. Otherwise each operation that ends is progress enough.
	Known bool
	// Bytes is how many bytes the client has sent or taken so far.
	Bytes int64
	// Owed means that the operation waits for the client, and for nobody else.
	Owed bool
	// Ended means that there will be no more operations.
	Ended bool
}

// An Op is an operation that waits for a client, again and again: the writes to a
// connection, for instance. A Watch ends it when the client makes too little progress
// while it waits. Begin and End cost a few nanoseconds.
type Op struct {
	watch    *Watch
	rate     Rate
	progress func() Progress
	// expire ends the operation from outside.
	expire func()

	// count is odd while an operation is active.
	count  atomic.Uint32
	listed atomic.Bool

	// What follows belongs to the watch.
	seen    uint32
	waiting bool
	at      int64
	credit  Credit
}

// Init prepares the operation. Without a watch or a demand it is never ended.
func (o *Op) Init(w *Watch, r Rate, progress func() Progress, expire func()) {
	if r.Demands() {
		o.watch = w
	}
	o.rate, o.progress, o.expire = r, progress, expire
}

// Begin begins an operation. Only one may be active.
func (o *Op) Begin() {
	if o.watch == nil {
		return
	}
	o.count.Add(1)
	if !o.listed.Load() {
		o.watch.list(o)
	}
}

// End ends it.
func (o *Op) End() {
	if o.watch != nil {
		o.count.Add(1)
	}
}

// tick is how often a Watch looks.
const tick = time.Second

// A Watch looks each second at the operations that were active lately. The zero Watch is
// ready. It has no goroutine, and no timer while there are no operations.
type Watch struct {
	mu  sync.Mutex
	ops []*Op
	// ticking means that look will be called.
	ticking bool
	last    time.Time
}

func (w *Watch) list(o *Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.listed.Load() {
		return
	}
	o.listed.Store(true)
	w.ops = append(w.ops, o)
	if !w.ticking {
		w.ticking, w.last = true, time.Now()
		time.AfterFunc(tick, w.look)
	}
}

// look ends operations that wait for too long.
func (w *Watch) look() {
	w.mu.Lock()
	now := time.Now()
	elapsed := now.Sub(w.last)
	w.last = now
	var expired []*Op
	kept := w.ops[:0]
	for _, o := range w.ops {
		keep, over := o.look(elapsed)
		if over {
			expired = append(expired, o)
		}
		if keep {
			kept = append(kept, o)
		}
	}
	clear(w.ops[len(kept):])
	if w.ops = kept; len(kept) > 0 {
		time.AfterFunc(tick, w.look)
	} else {
		w.ticking, w.ops = false, nil
	}
	w.mu.Unlock()
	for _, o := range expired {
		o.expire()
	}
}

// look reports whether the operation must be looked at again, and whether its time is over.
func (o *Op) look(elapsed time.Duration) (keep, over bool) {
	count := o.count.Load()
	same := count == o.seen
	o.seen = count
	if count%2 == 0 {
		o.waiting = false
		if !same {
			return true, false
		}
		// An operation that begins now either finds it unlisted, or is found here.
		o.listed.Store(false)
		return o.count.Load() != count && o.listed.CompareAndSwap(false, true), false
	}
	p := o.progress()
	if p.Ended {
		return false, false
	}
	if !o.waiting || !p.Known && !same || p.Known && !p.Owed {
		o.waiting, o.at = true, p.Bytes
		o.credit = Credit{o.rate, o.rate.LongestPause()}
		return true, false
	}
	o.credit.Spend(elapsed, max(p.Bytes-o.at, 0))
	o.at = p.Bytes
	if o.credit.Left > 0 {
		return true, false
	}
	return false, true
}

// Listed returns how many operations are looked at.
func (w *Watch) Listed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.ops)
}
