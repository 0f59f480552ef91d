package http1

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A ReadDeadline is the read deadline of a connection. A server wants several for each
// request, and rarely reaches one. Setting a deadline costs more than remembering it.
// So the connection below has any deadline that is not later than the wanted one, and
// gets another when a read reaches it. It is safe for concurrent use.
type ReadDeadline struct {
	below net.Conn

	mu sync.Mutex
	// wanted is the requested deadline, and set is that of the connection
	// below. Zero is none.
	wanted, set time.Time
	// limit is a deadline for the reads by ReadBy that wait. Zero is none.
	limit time.Time
	// changes counts how often the deadline of the connection below was set.
	changes int
	// reading counts the reads that wait below.
	reading int
	// interrupted means that reads fail, whatever is wanted.
	interrupted bool
}

// Init makes d the read deadline of the connection below, which has none.
func (d *ReadDeadline) Init(below net.Conn) { d.below = below }

// Want sets the deadline of reads, including those that wait.
func (d *ReadDeadline) Want(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.reading > 0 && !d.interrupted {
		return d.apply(d.due())
	}
	return nil
}

// due is when reads end. Zero is never.
func (d *ReadDeadline) due() time.Time {
	if d.limit.IsZero() || !d.wanted.IsZero() && d.wanted.Before(d.limit) {
		return d.wanted
	}
	return d.limit
}

// apply gives the connection below a deadline.
func (d *ReadDeadline) apply(t time.Time) error {
	if t.Equal(d.set) {
		return nil
	}
	d.set = t
	d.changes++
	return d.below.SetReadDeadline(t)
}

// Settle sets the wanted deadline on the connection below.
func (d *ReadDeadline) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.apply(d.wanted)
}

// Lift removes the deadline from the connection below, unless a read is active.
func (d *ReadDeadline) Lift() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reading == 0 && d.apply(time.Time{}) == nil
}

// Force sets a deadline on the connection below, regardless of wanted, while no
// read is active.
func (d *ReadDeadline) Force(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.apply(t)
}

// Interrupt makes reads fail until Resume, including those that wait.
func (d *ReadDeadline) Interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.interrupted = true
	_ = d.apply(past)
}

// Resume lets reads go on, with the wanted deadline.
func (d *ReadDeadline) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.interrupted = false
	_ = d.apply(d.due())
}

// past is a deadline that ends waiting reads.
var past = time.Unix(1, 0)

// Busy reports whether a read is active.
func (d *ReadDeadline) Busy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reading > 0
}

// Read reads from the connection below.
func (d *ReadDeadline) Read(p []byte) (int, error) { return d.ReadBy(p, time.Time{}) }

// ReadBy is Read with another deadline, which no other read has. Zero is none.
func (d *ReadDeadline) ReadBy(p []byte, limit time.Time) (int, error) {
	for {
		begun := d.begin(limit)
		n, err := d.below.Read(p)
		if !d.end(begun, err) {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// begin makes sure that the deadline of the connection below is not later than the one
// that is due. It returns changes.
func (d *ReadDeadline) begin(limit time.Time) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading++
	d.limit = limit
	if due := d.due(); !d.interrupted && !due.IsZero() && (d.set.IsZero() || due.Before(d.set)) {
		_ = d.apply(due)
	}
	return d.changes
}

// end reports whether a read that ended with err must be repeated, because only a
// deadline other than the due one has passed. If the connection below had no
// other deadline of ours, it has its own limit.
func (d *ReadDeadline) end(begun int, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reading--
	due := d.due()
	d.limit = time.Time{}
	if err == nil || d.interrupted || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if !due.IsZero() && !time.Now().Before(due) {
		return false
	}
	if d.changes == begun && d.set.Equal(due) {
		return false
	}
	return d.apply(due) == nil
}
